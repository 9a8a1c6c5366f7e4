"""Reading the splits that hold."""

from collections.abc import AsyncIterator

from services.allocation.domain.decision import Split
from services.allocation.domain.errors import SplitNotDecided
from services.allocation.domain.split_reading import SplitReading
from services.allocation.storage.split_reads import SplitReads
from services.allocation.storage.split_store import SplitStore, SplitVersion
from services.allocation.storage.team_store import TeamStore
from shared.paging import Page, PageQuery

_TOGETHER = 200


class Splits:
    """The splits of all teams."""

    def __init__(self, reads: SplitReads, store: SplitStore, teams: TeamStore) -> None:
        self._reads = reads
        self._store = store
        self._teams = teams

    async def read(self, team: str, most_age: int | None) -> SplitReading:
        """Returns the split that holds now, at most so many microseconds old. Raises TeamNotFound or SplitNotDecided."""
        reading = await self._reads.read(team, most_age)
        if reading is None:
            await self._teams.get(team)
            raise SplitNotDecided(team)
        return reading

    async def page(self, paging: PageQuery) -> Page[Split]:
        return await self._store.page(paging)

    async def check(self, team: str) -> None:
        """Raises TeamNotFound; nothing for an empty name."""
        if team:
            await self._teams.get(team)

    async def present(self, team: str) -> AsyncIterator[SplitVersion]:
        """Yields the splits that hold, by team, read as they are asked for: of one team, or of all where it is empty."""
        last = ""
        while found := await self._store.after(last, team, _TOGETHER):
            for each in found:
                yield each
            last = found[-1].split.team

    async def version_of(self, decision: str) -> int:
        """Returns the place of a decision in the order in which they came in force; 0 where it never did."""
        return await self._store.version_of(decision)
