"""Taking back the decision that last changed a split."""

import asyncio
from functools import partial
from uuid import UUID

from services.allocation.domain.decision import Decision, DecisionTrigger
from services.allocation.domain.errors import RollbackRoleMissing
from services.allocation.domain.rollback import check_dwell, check_target, roll_back
from services.allocation.domain.rule import Occasion
from services.allocation.domain.situation import Situation
from services.allocation.storage.decision_store import DecisionStore
from services.allocation.usecases.decisions import Decisions
from shared.clock import Clock
from shared.errors import check_reason
from shared.principal import EVERY_TEAM, Principal, current_principal


class Rollbacks:
    """What approvers and planners do when a decision was wrong."""

    def __init__(self, store: DecisionStore, decisions: Decisions, clock: Clock) -> None:
        self._store = store
        self._decisions = decisions
        self._clock = clock

    async def roll_back(self, decision_id: UUID, reason: str, *, force: bool, validate_only: bool) -> Decision:
        """Returns the decision that takes it back, stored unless that was only to be tried.

        Raises DecisionNotFound, RollbackRoleMissing, DecisionNotInForce, RollbackTooSoon unless forced, RollbackEmpty, and InvalidInput for
        a reason that says nothing.
        """
        check_reason("reason", reason)
        target, caller = await self._store.get(decision_id), current_principal()
        occasion = Occasion(DecisionTrigger.ROLLBACK, self._clock.now(), author=caller.name)
        is_approver = _is_approver(caller, target.team)

        def make(situation: Situation) -> Decision:
            check_target(situation, target.name)
            if not force:
                check_dwell(situation, occasion)
            return roll_back(situation, target, occasion, reason, is_approver=is_approver)

        if validate_only:
            return await asyncio.to_thread(make, await self._store.situation(target.team, occasion.now))
        async with self._store.deciding(target.team, occasion.now) as turn:
            return await self._decisions.keep(turn, partial(make, turn.situation))


def _is_approver(caller: Principal, team: str) -> bool:
    """Whether the caller may decide alone. Raises RollbackRoleMissing for who may not even propose it."""
    roles = {role for role, scope in caller.scoped_roles() if scope in {EVERY_TEAM, team}}
    if not roles & {"planner", "approver"}:
        raise RollbackRoleMissing(caller.name, team)
    return "approver" in roles
