"""Accesses: who called what, for as long as it is kept."""

from datetime import datetime, timedelta

from services.governance.domain.access import Access, AccessFilter, SeenPrincipal
from services.governance.storage.access_store import AccessStore
from shared.paging import Page, PageQuery


class Accesses:
    """Lists, and forgets what is older than the retention."""

    def __init__(self, store: AccessStore, retention: timedelta) -> None:
        self._store = store
        self._retention = retention

    async def page(self, wanted: AccessFilter, paging: PageQuery) -> Page[Access]:
        return await self._store.page(wanted, paging)

    async def principals(self, wanted: AccessFilter, paging: PageQuery) -> Page[SeenPrincipal]:
        return await self._store.principals(wanted, paging)

    async def tick(self, now: datetime) -> None:
        await self._store.forget(now - self._retention)
