"""Trying a budget policy that need not be stored: which budgets would be in another step now."""

from dataclasses import dataclass
from datetime import datetime

from services.triage.domain.budget_policy import BudgetPolicy
from services.triage.storage.budgeted_slos import BudgetedSlos
from services.triage.usecases.budget_evaluation import BudgetEvaluation, step_places
from shared.revisions import RevisionStore


@dataclass(frozen=True, slots=True)
class StepChange:
    """A budget that would be in another step; an empty step is none."""

    slo: str
    objective: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class BudgetTrial:
    budgets: int
    changes: tuple[StepChange, ...]


class BudgetTrials:
    """What a policy would do."""

    def __init__(self, slos: BudgetedSlos, evaluation: BudgetEvaluation, policies: RevisionStore[BudgetPolicy]) -> None:
        self._slos = slos
        self._evaluation = evaluation
        self._policies = policies

    async def run(self, tried: BudgetPolicy, now: datetime) -> BudgetTrial:
        """Evaluates every budget by this policy and by the one in force."""
        in_force = (await self._policies.newest(now)).document
        before, after = await self._steps(in_force, now), await self._steps(tried, now)
        pairs = ((slo, objective, step, after.get((slo, objective), "")) for (slo, objective), step in before.items())
        return BudgetTrial(len(before), tuple(StepChange(*pair) for pair in pairs if pair[2] != pair[3]))

    async def _steps(self, policy: BudgetPolicy, now: datetime) -> dict[tuple[str, int], str]:
        known = await self._slos.all()
        table = await self._evaluation.table(list(known.values()), policy, now)
        places = step_places(table, policy).tolist()
        return {
            (key.slo.name, key.objective): policy.steps[place].name if place >= 0 else ""
            for key, place in zip(table.keys, places, strict=True)
        }
