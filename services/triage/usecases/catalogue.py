"""Keeping the catalogue: storing components and reading them, and reading what an import brought."""

from collections.abc import Mapping, Sequence

from services.triage.domain.component import Component, ComponentRevision, StoredComponent, check_components
from services.triage.domain.entity import Group, System
from services.triage.storage.catalogue_store import CatalogueStore, Dated
from services.triage.storage.component_store import ComponentStore
from shared.clock import Clock
from shared.paging import Page, PageQuery


class Catalogue:
    """The components that can break."""

    def __init__(self, store: ComponentStore, imported: CatalogueStore, clock: Clock) -> None:
        self._store = store
        self._imported = imported
        self._clock = clock

    async def upsert(self, components: Sequence[Component], etags: Mapping[str, str]) -> list[StoredComponent]:
        """Stores all or none, and returns them in the order given; `etags` by name, for those that must not have changed."""
        check_components(components)
        return await self._store.upsert(components, etags, self._clock.now())

    async def get(self, name: str) -> StoredComponent:
        return await self._store.get(name)

    async def page(self, owner_team: str, paging: PageQuery) -> Page[StoredComponent]:
        return await self._store.page(owner_team, paging)

    async def delete(self, name: str, etag: str) -> ComponentRevision:
        return await self._store.delete(name, etag, self._clock.now())

    async def revision(self, name: str, revision: int) -> ComponentRevision:
        return await self._store.revision(name, revision)

    async def revisions(self, name: str, paging: PageQuery) -> Page[ComponentRevision]:
        return await self._store.revisions(name, paging)

    async def systems(self, owner_team: str, paging: PageQuery) -> Page[Dated[System]]:
        return await self._imported.systems(owner_team, paging)

    async def groups(self, paging: PageQuery) -> Page[Dated[Group]]:
        return await self._imported.groups(paging)
