"""Looking at policies before they are put in force: what is wrong with one, how two differ, and what one would have decided."""

import asyncio
from datetime import datetime

from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.policy_finding import check_whole
from services.allocation.domain.policy_preview import USUAL_SPRINTS, TeamPreview, previewed, sprints_to_rule
from services.allocation.domain.team import Team
from services.allocation.storage.preview_store import PreviewStore
from services.allocation.usecases.policies import Policies
from shared.clock import Clock
from shared.paging import Page, PageQuery


class PolicyReviews:
    """What may be asked about policies; nothing is stored."""

    def __init__(self, store: PreviewStore, policies: Policies, clock: Clock) -> None:
        self._store = store
        self._policies = policies
        self._clock = clock

    async def resolved(self, name: str, policy: AllocationPolicy | int) -> AllocationPolicy:
        """Returns a policy given whole, or that revision of the one named. Raises as `Policies.get` and `check_whole` do."""
        if isinstance(policy, int):
            return await self._policies.get(name, policy)
        check_whole(policy)
        return policy

    async def preview(self, name: str, tried: AllocationPolicy, team: str, count: int, paging: PageQuery) -> Page[TeamPreview]:
        """Previews one team, or a page of those that decide by the policy of that name. Raises PolicyNotFound or TeamNotFound."""
        now = self._clock.now()
        if team:
            of = await self._store.team(team)
            in_force = await self._policies.get(of.policy, 0)
            return Page((await self._preview(of, (in_force, tried), count, now),))
        in_force = await self._policies.get(name, 0)
        teams = await self._store.using(name, paging)
        page = paging.page(teams, [(each.name,) for each in teams])
        found = [await self._preview(each, (in_force, tried), count, now) for each in page.items]
        return Page(tuple(found), page.next_page_token)

    async def _preview(self, of: Team, policies: tuple[AllocationPolicy, AllocationPolicy], count: int, now: datetime) -> TeamPreview:
        count = count or USUAL_SPRINTS
        past = await self._store.past(of, policies, count, now)
        around = await self._store.surroundings(past, policies, sprints_to_rule(past, policies, count, now), now)
        return await asyncio.to_thread(previewed, past, policies, around, count, now)
