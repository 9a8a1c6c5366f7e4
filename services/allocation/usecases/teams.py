"""Teams and their sprints: storing and reading them."""

from collections.abc import Mapping, Sequence

from services.allocation.domain.team import Team, check_teams
from services.allocation.storage.policy_store import PolicyStore
from services.allocation.storage.team_store import SprintFacts, TeamStore
from services.allocation.usecases.decisions import Decisions
from shared.clock import Clock
from shared.paging import Page, PageQuery


class Teams:
    """What planners do with teams."""

    def __init__(self, store: TeamStore, policies: PolicyStore, decisions: Decisions, clock: Clock) -> None:
        self._store = store
        self._decisions = decisions
        self._policies = policies
        self._clock = clock

    async def upsert(self, teams: Sequence[Team], etags: Mapping[str, str]) -> list[Team]:
        """Raises what `check_teams` raises, PolicyNotFound, CalendarNotFound, PersonOverallocated or Conflict; then nothing is stored.

        Where the present sprint has another capacity by it, the hours of its split follow.
        """
        now = self._clock.now()
        check_teams(teams)
        for policy in sorted({team.policy for team in teams}):
            await self._policies.newest(policy, now)
        stored = await self._store.upsert(teams, etags, now)
        await self._decisions.follow_capacity([team.name for team in stored])
        return stored

    async def get(self, name: str) -> Team:
        return await self._store.get(name)

    async def page(self, paging: PageQuery) -> Page[Team]:
        return await self._store.page(paging)

    async def sprints(self, name: str, paging: PageQuery) -> tuple[Team, Page[SprintFacts]]:
        """Returns the team and a page of its sprints, the present one first; none before sprint 1. Raises TeamNotFound."""
        team = await self._store.get(name)
        newest = int(paging.cursor[0]) - 1 if paging.cursor else team.cadence.number_at(self._clock.now())
        numbers = range(newest, max(newest - paging.limit, 0), -1)
        facts = await self._store.sprint_facts(team, [team.cadence.sprint(number) for number in numbers])
        return team, paging.page(facts, [(str(each.sprint.number),) for each in facts])
