"""Who owns which document, and the documents there are."""

from ballast.amendments.v1 import amendment_events_pb2 as pb

from shared.amendments.convert import KeptDocument, document_to_pb
from shared.amendments.registry import Registry
from shared.amendments.store import AmendmentStore, Ownership
from shared.clock import Clock
from shared.errors import check_reason
from shared.events.event import EncodedEvent
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.storage.database import Database
from shared.storage.etags import check_etag


class DocumentOwners:
    """The documents of one service, and their owners."""

    def __init__(self, database: Database, outbox: Outbox, registry: Registry, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._registry = registry
        self._store = AmendmentStore(database)
        self._clock = clock

    async def page(self, paging: PageQuery) -> Page[KeptDocument]:
        """Returns a page of documents, by name."""
        after = paging.cursor[0] if paging.cursor else ""
        names = [each for each in await self._registry.names() if each > after][: paging.limit]
        return paging.page(await self._kept(names), [(each,) for each in names])

    async def set_owner(self, document: str, owner: str, reason: str, etag: str) -> KeptDocument:
        """Raises DocumentUnknown, Conflict, InvalidInput for a reason that says nothing."""
        check_reason("reason", reason)
        self._registry.kind_of(document)
        now = self._clock.now()
        async with self._database.transaction() as connection:
            (before,) = await self._kept([document])
            check_etag(document, before.ownership.version, etag)
            if before.ownership.owner == owner:
                return before
            version = before.ownership.version + 1
            await self._store.set_owner(document, Ownership(owner, version), now)
            (after,) = await self._kept([document])
            event = pb.DocumentOwnerChanged(document=document_to_pb(after), from_owner=before.ownership.owner, reason=reason)
            await self._outbox.record(connection, [EncodedEvent(f"documentOwners/{document}", version, event, now)])
        return after

    async def _kept(self, names: list[str]) -> list[KeptDocument]:
        owners, waiting = await self._store.owners(names), await self._store.waiting_counts()
        kept = []
        for name in names:
            kind = self._registry.kind_of(name)
            revision, _ = await kind.read(name, 0)
            kept.append(KeptDocument(name, kind, revision, owners[name], self._registry.needs_approval(kind), waiting.get(name, 0)))
        return kept
