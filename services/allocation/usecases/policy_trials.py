"""Trying an allocation policy that need not be stored: what would be decided under it now, team by team."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from services.allocation.domain.decision import Decision, DecisionTrigger
from services.allocation.domain.errors import SprintNotBegun
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.rule import Occasion, decide
from services.allocation.storage.decision_store import DecisionStore
from services.allocation.storage.team_store import TeamStore

MOST_TEAMS = 200  # each takes two decisions


@dataclass(frozen=True, slots=True)
class TriedTeam:
    """What would be decided for a team now under the policy in force, and under the other."""

    before: Decision
    after: Decision

    @property
    def share_change(self) -> int:
        """Of the remediation share, in millionths."""
        return self.after.after.remediation_share - self.before.after.remediation_share


class PolicyTrials:
    """What a policy would do."""

    def __init__(self, decisions: DecisionStore, teams: TeamStore) -> None:
        self._decisions = decisions
        self._teams = teams

    async def run(self, tried: AllocationPolicy, now: datetime) -> list[TriedTeam]:
        """Decides for every team that uses the policy, by name, and stores nothing; teams that have not begun are passed over."""
        occasion = Occasion(DecisionTrigger.REQUEST, now)
        found = []
        for team in await self._teams.using(tried.name, MOST_TEAMS):
            situation = await self._decisions.situation(team, now)
            other = await self._decisions.situation(team, now, tried)
            try:
                before = await asyncio.to_thread(decide, situation, occasion)
                after = await asyncio.to_thread(decide, other, occasion)
            except SprintNotBegun:
                continue
            found.append(TriedTeam(before, after))
        return found
