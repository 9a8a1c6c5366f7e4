"""Facts arriving from other services: the newest of each is kept, and what is due is rendered with it, in one transaction."""

from services.playbook.domain.arrival import Arrival, assessment_arrives, decision_arrives, incident_arrives
from services.playbook.domain.fact import AssessmentFact, DecisionFact, IncidentFact
from services.playbook.storage.case_store import Case, CaseStore
from services.playbook.usecases.renders import Renders


class Facts:
    """Keeps facts. Each method returns False, and changes nothing, when something at least as new is held."""

    def __init__(self, cases: CaseStore, renders: Renders) -> None:
        self._cases = cases
        self._renders = renders

    async def incident(self, fact: IncidentFact) -> bool:
        async with self._cases.case(fact.name) as case:
            arrival = incident_arrives(case.facts, fact)
            if not arrival.is_stale:
                await case.keep_incident(fact)
                await self._render(case, arrival, case.facts.newest_decision)
            return not arrival.is_stale

    async def assessment(self, fact: AssessmentFact) -> bool:
        async with self._cases.assessment(fact.name), self._cases.case(fact.incident) as case:
            arrival = assessment_arrives(case.facts, fact)
            if not arrival.is_stale:
                await case.keep_assessment(fact)
                await self._render(case, arrival, case.facts.newest_decision)
            for decision in await case.waiting_decisions(fact.name):
                await self._take(case, decision)
            return not arrival.is_stale

    async def decision(self, fact: DecisionFact) -> bool:
        """A decision whose incident nobody knows yet waits for its assessment, and renders when that comes."""
        async with self._cases.assessment(fact.assessment) as known:
            incident = known or fact.incident
            if not incident:
                await self._cases.keep_waiting(fact)
                return True
            async with self._cases.case(incident) as case:
                return await self._take(case, fact)

    async def _take(self, case: Case, fact: DecisionFact) -> bool:
        arrival = decision_arrives(case.facts, fact)
        await case.keep_decision(fact)
        if not arrival.is_stale:
            await self._render(case, arrival, fact)
        return not arrival.is_stale

    async def _render(self, case: Case, arrival: Arrival, decision: DecisionFact | None) -> None:
        case.facts = arrival.facts
        if arrival.trigger is not None:
            await self._renders.on_fact(case, arrival.trigger, decision)
