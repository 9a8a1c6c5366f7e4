"""Capacity: calendars, leave, and what they leave of each sprint."""

from collections.abc import Mapping, Sequence

from services.allocation.domain.calendar import WorkCalendar, check_calendars
from services.allocation.domain.leave import Leave
from services.allocation.domain.sprint import Sprint, check_sprint
from services.allocation.domain.team import Team
from services.allocation.storage.capacity_store import CapacityStore
from services.allocation.storage.team_store import TeamStore
from services.allocation.usecases.decisions import Decisions
from shared.clock import Clock
from shared.paging import Page, PageQuery


class Capacity:
    """What planners do with the time people have. Splits in force follow what changes the capacity of the present sprint."""

    def __init__(self, store: CapacityStore, teams: TeamStore, decisions: Decisions, clock: Clock) -> None:
        self._store = store
        self._teams = teams
        self._decisions = decisions
        self._clock = clock

    async def upsert_calendars(self, calendars: Sequence[WorkCalendar], etags: Mapping[str, str]) -> list[WorkCalendar]:
        """Raises what `check_calendars` raises, or Conflict; then nothing is stored."""
        check_calendars(calendars)
        stored, teams = await self._store.upsert_calendars(calendars, etags, self._clock.now())
        await self._decisions.follow_capacity(teams)
        return stored

    async def calendar(self, name: str) -> WorkCalendar:
        return await self._store.calendar(name)

    async def calendars(self, paging: PageQuery) -> Page[WorkCalendar]:
        return await self._store.calendar_page(paging)

    async def upsert_leaves(self, team: str, leaves: Sequence[Leave], etags: Mapping[str, str]) -> list[Leave]:
        """Raises TeamNotFound, Conflict, and what `check_leaves` raises; then nothing is stored."""
        stored, teams = await self._store.upsert_leaves(team, leaves, etags, self._clock.now())
        await self._decisions.follow_capacity(teams)
        return stored

    async def delete_leave(self, team: str, leave_id: str) -> Leave | None:
        """Returns the leave as it was, None where there was none. Raises TeamNotFound."""
        gone, teams = await self._store.delete_leave(team, leave_id, self._clock.now())
        await self._decisions.follow_capacity(teams)
        return gone

    async def leaves(self, team: str, member: str, paging: PageQuery) -> Page[Leave]:
        """Raises TeamNotFound."""
        await self._teams.get(team)
        return await self._store.leave_page(team, member, paging)

    async def sprints(self, name: str, first: int, count: int) -> tuple[Team, list[Sprint]]:
        """Returns the team and the sprints asked for: from the present one, where `first` is 0. Raises TeamNotFound or SprintOutOfRange."""
        team = await self._teams.get(name)
        first = first or max(team.cadence.number_at(self._clock.now()), 1)
        numbers = range(first, first + (count or 1))
        check_sprint("first_sprint", numbers[-1], team.cadence)
        return team, [team.cadence.sprint(number) for number in numbers]
