"""Keeping the catalogue: storing components and reading them."""

from collections.abc import Mapping, Sequence

from services.triage.domain.component import Component, StoredComponent, check_components
from services.triage.storage.component_store import ComponentStore
from shared.clock import Clock
from shared.paging import Page, PageQuery


class Catalogue:
    """The components that can break."""

    def __init__(self, store: ComponentStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def upsert(self, components: Sequence[Component], etags: Mapping[str, str]) -> list[StoredComponent]:
        """Stores all or none, and returns them in the order given; `etags` by name, for those that must not have changed."""
        check_components(components)
        return await self._store.upsert(components, etags, self._clock.now())

    async def get(self, name: str) -> StoredComponent:
        return await self._store.get(name)

    async def page(self, owner_team: str, paging: PageQuery) -> Page[StoredComponent]:
        return await self._store.page(owner_team, paging)
