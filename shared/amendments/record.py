"""Keeping amendments: each change stored with the event that tells of it, and approvals taken back that are of no more use."""

from functools import partial

from ballast.amendments.v1 import amendment_events_pb2 as pb

from shared.amendments.amendment import Amendment, Cause
from shared.amendments.approvals import AmendmentApprovals
from shared.amendments.convert import amendment_to_pb
from shared.amendments.registry import Registry
from shared.amendments.store import AmendmentStore
from shared.events.event import EncodedEvent
from shared.events.outbox import Outbox
from shared.storage.database import Database

# Why an approval may still be open when its amendment is over.
_OVER = (Cause.CALLER, Cause.BASE_CHANGED, Cause.DOCUMENT_REFUSED)


class AmendmentRecord:
    """Stores what becomes of amendments, and tells it."""

    def __init__(
        self, database: Database, outbox: Outbox, store: AmendmentStore, registry: Registry, approvals: AmendmentApprovals
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._store = store
        self._registry = registry
        self._approvals = approvals

    async def made(self, made: Amendment) -> Amendment:
        """Stores a new one."""
        async with self._database.transaction():
            await self._store.add(made)
            await self._tell(made, None)
        return made

    async def moved(self, before: Amendment, after: Amendment) -> Amendment:
        """Stores what became of one that is locked; nothing where nothing did."""
        if after is before:
            return after
        async with self._database.transaction():
            await self._store.put(after)
            await self._tell(after, before)
            if after.agreement.approval and after.forced_at is None and after.cause in _OVER:
                self._database.after_commit(partial(self._approvals.take_back, after.agreement.approval, after.detail))
        return after

    async def _tell(self, after: Amendment, before: Amendment | None) -> None:
        told = amendment_to_pb(after, self._registry.kind_of(after.document))
        event = pb.AmendmentChanged(amendment=told, from_state=before.state.value if before else 0)  # type: ignore[arg-type]
        async with self._database.transaction() as connection:
            await self._outbox.record(connection, [EncodedEvent(after.name, after.version, event, after.updated_at)])
