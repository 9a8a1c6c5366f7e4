"""Roadmap items: storing and reading them."""

from collections.abc import Mapping, Sequence

from services.allocation.domain.roadmap import RoadmapItem
from services.allocation.storage.roadmap_store import RoadmapStore
from shared.clock import Clock
from shared.paging import Page, PageQuery


class Roadmap:
    """What planners do with roadmap items."""

    def __init__(self, store: RoadmapStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def upsert(self, items: Sequence[RoadmapItem], etags: Mapping[str, str]) -> list[RoadmapItem]:
        return await self._store.upsert(items, etags, self._clock.now())

    async def get(self, name: str) -> RoadmapItem:
        return await self._store.get(name)

    async def page(self, team: str, paging: PageQuery) -> Page[RoadmapItem]:
        return await self._store.page(team, paging)
