"""Bringing amendments on: in force once they are agreed to and due, out of the way once they cannot be."""

from datetime import datetime
from uuid import UUID

import structlog

from shared.amendments.amendment import WAITING, Amendment, Cause, State
from shared.amendments.approvals import AmendmentApprovals
from shared.amendments.document import DocumentKind, Putting, body_of
from shared.amendments.record import AmendmentRecord
from shared.amendments.registry import Registry
from shared.amendments.store import AmendmentStore
from shared.errors import BallastError, Conflict, InvalidInput, NotFound, PreconditionFailed
from shared.storage.database import Database

_log = structlog.get_logger(__name__)
_ENDS = {
    Cause.REFUSED: State.REJECTED,
    Cause.APPROVAL_WITHDRAWN: State.WITHDRAWN,
    Cause.APPROVAL_EXPIRED: State.LAPSED,
    Cause.APPROVAL_MISSING: State.LAPSED,
}


class Progress:
    """Looks at amendments that wait, each in a transaction of its own in which nobody else does."""

    def __init__(
        self, database: Database, store: AmendmentStore, record: AmendmentRecord, registry: Registry, approvals: AmendmentApprovals
    ) -> None:
        self._database = database
        self._store = store
        self._record = record
        self._registry = registry
        self._approvals = approvals

    async def tick(self, now: datetime) -> None:
        """Looks at all that wait: for what is due, and for what was not told. One that fails does not keep it from the others."""
        for identifier in await self._store.waiting():
            try:
                await self.bring_on(identifier, now)
            except BallastError as error:
                _log.warning("an amendment waits", amendment=str(identifier), reason=error.reason, error=str(error))

    async def hear(self, approval: str, now: datetime) -> bool:
        """Looks at those that wait for an approval; returns whether there was one. Safe to repeat: it asks governance, not the message."""
        found = await self._store.waiting_for(approval)
        for identifier in found:
            await self.bring_on(identifier, now)
        return bool(found)

    async def bring_on(self, identifier: UUID, now: datetime) -> Amendment:
        """Returns what became of it. Raises Unavailable where governance is away; then it waits as before."""
        async with self._database.transaction():
            held = await self._store.locked(identifier)
            if held.state not in WAITING:
                return held
            kind = self._registry.kind_of(held.document)
            newest, _ = await kind.read(held.document, 0)
            if newest != held.comparison.base:
                return await self._lapse(held, newest, now)
            # By the settings of now as well: a row that says nobody need agree may have been made to say so.
            is_needed = held.agreement.is_needed or self._registry.needs_approval(kind)
            cause, detail = await self._approvals.cause_against(held) if is_needed else (None, "")
            if cause is Cause.NONE:
                return held
            if cause is Cause.REVIEW_OVERDUE:
                return await self._record.moved(held, held.suspended(cause, detail, now))
            if cause is not None:
                return await self._record.moved(held, held.closed(_ENDS[cause], cause, detail, now))
            agreed = await self._record.moved(held, held.agreed(now))
            return await self._put(kind, agreed, now) if agreed.is_due(now) else agreed

    async def settle(self, document: str, now: datetime) -> None:
        """Notes that a version came in force: what made the one before is superseded, and what was made on it can no longer be.

        To be called in the transaction that made the version.
        """
        newest, _ = await self._registry.kind_of(document).read(document, 0)
        for identifier in await self._store.in_force(document):
            held = await self._store.locked(identifier)
            if held.revision != newest:
                detail = f"version {newest} is in force"
                await self._record.moved(held, held.closed(State.SUPERSEDED, Cause.BASE_CHANGED, detail, now))
        for identifier in await self._store.waiting(document):
            held = await self._store.locked(identifier)
            if held.comparison.base != newest:
                await self._lapse(held, newest, now)

    async def _lapse(self, held: Amendment, newest: int, now: datetime) -> Amendment:
        detail = (
            f"it was made on version {held.comparison.base}, and version {newest} came in force first; draft it anew on that, "
            "for what was agreed to is no longer what would change"
        )
        return await self._record.moved(held, held.closed(State.LAPSED, Cause.BASE_CHANGED, detail, now))

    async def _put(self, kind: DocumentKind, agreed: Amendment, now: datetime) -> Amendment:
        """Makes the version, or notes that the document's rules refuse it by now."""
        compared = agreed.comparison
        try:
            async with self._database.transaction() as connection, connection.begin_nested():
                body = body_of(kind, compared.body)
                revision = await kind.put(Putting(body, compared.base, agreed.author, agreed.reason, compared.restored))
        except (InvalidInput, PreconditionFailed, NotFound, Conflict) as error:
            return await self._record.moved(agreed, agreed.closed(State.LAPSED, Cause.DOCUMENT_REFUSED, error.message, now))
        made = await self._record.moved(agreed, agreed.in_force(revision, now))
        await self.settle(agreed.document, now)
        return made
