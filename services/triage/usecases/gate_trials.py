"""Trying gating rules that need not be stored on the latest incidents."""

from services.triage.domain.gate import Rules, gates_of
from services.triage.domain.gate_trial import GateTrial, try_gates
from services.triage.storage.assessment_store import AssessmentStore
from services.triage.usecases.assessments import Assessments
from services.triage.usecases.gating import Gating


class GateTrials:
    """What rules would have done."""

    def __init__(self, store: AssessmentStore, assessments: Assessments, gating: Gating) -> None:
        self._store = store
        self._assessments = assessments
        self._gating = gating

    async def run(self, rules: Rules, count: int) -> GateTrial:
        """Asks the rules and those in force about the latest incidents, with what is known around them now. Raises GatesRefused."""
        tried = gates_of(0, rules)
        situations = await self._assessments.situations(await self._store.latest_incidents(count))
        return try_gates(tried, await self._gating.in_force(), situations)
