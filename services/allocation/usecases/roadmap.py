"""Roadmap items and work: storing and reading them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.allocation.domain.roadmap import RoadmapItem
from services.allocation.domain.work import WorkRecord
from services.allocation.storage.roadmap_store import RoadmapStore
from services.allocation.storage.team_store import TeamStore
from shared.clock import Clock
from shared.ids import name_of, new_id
from shared.paging import Page, PageQuery


class Roadmap:
    """What planners do with roadmap items and work records."""

    def __init__(self, store: RoadmapStore, teams: TeamStore, clock: Clock) -> None:
        self._store = store
        self._teams = teams
        self._clock = clock

    async def upsert(self, items: Sequence[RoadmapItem], etags: Mapping[str, str]) -> list[RoadmapItem]:
        return await self._store.upsert(items, etags, self._clock.now())

    async def get(self, name: str) -> RoadmapItem:
        return await self._store.get(name)

    async def page(self, team: str, paging: PageQuery) -> Page[RoadmapItem]:
        return await self._store.page(team, paging)

    async def record_work(self, records: Sequence[WorkRecord]) -> list[WorkRecord]:
        now = self._clock.now()
        named = [replace(record, name=name_of("workRecords", new_id(now))) for record in records]
        return await self._store.record_work(named, now)

    async def work(self, team: str, paging: PageQuery) -> Page[WorkRecord]:
        """Raises TeamNotFound."""
        await self._teams.get(team)
        return await self._store.work_page(team, paging)
