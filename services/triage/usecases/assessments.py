"""Assessing incidents: when they change, when what is known around them does, when somebody asks what if; and reading what was found."""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from functools import partial

from services.triage.domain.assessment import Assessment, Occasion
from services.triage.domain.difference import Difference, differences
from services.triage.domain.finding import Finding, Judge, Standards, find, situation_of
from services.triage.domain.gate_facts import Situation
from services.triage.domain.incident import Incident
from services.triage.domain.inputs import Surroundings
from services.triage.domain.model import ScoringModel
from services.triage.domain.what_if import Supposition, supposed
from services.triage.storage.assessment_pages import AssessmentQuery
from services.triage.storage.assessment_store import AssessmentStore
from services.triage.storage.budget_state_store import BudgetStateStore
from services.triage.usecases.gating import Gating
from services.triage.usecases.landscape import Landscape
from services.triage.usecases.matrices import Matrices
from shared.clock import Clock
from shared.errors import Unavailable
from shared.paging import Page, PageQuery
from shared.telemetry import trace_ids

_MOST_TRIES = 8
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Yardsticks:
    """What incidents are judged by, always the newest versions."""

    model: ScoringModel
    matrices: Matrices
    gating: Gating

    async def standards(self) -> Standards:
        return Standards(self.model, await self.matrices.newest(), await self.gating.in_force())


class Assessments:
    """How bad incidents are."""

    def __init__(
        self, store: AssessmentStore, landscape: Landscape, budgets: BudgetStateStore, yardsticks: Yardsticks, clock: Clock
    ) -> None:
        self._store = store
        self._landscape = landscape
        self._budgets = budgets
        self._yardsticks = yardsticks
        self._clock = clock
        # Open incidents assessed again at this version of the landscape, by this process.
        self._caught_up: tuple[int, set[str]] = (0, set())

    async def assess(self, incident: Incident, version: int, trigger: str) -> bool:
        """Assesses the incident at this version of it; returns False when a newer one was assessed already.

        A finding like the one held makes no revision and tells nobody. Raises InvalidInput for evidence that cannot be.
        """
        judge = await self.judge(incident)
        return await self._store.keep(incident, version, judge, self.occasion(trigger))

    async def assess_again(self, components: Sequence[str], trigger: str, done: Container[str] = ()) -> list[str]:
        """Assesses the open incidents of these components anew, or all when none is named, but those that are done; returns them.

        Safe to repeat.
        """
        assessed: list[str] = []
        after = ""
        while incidents := await self._store.open_incidents(components, after, _BATCH):
            for incident in incidents:
                if incident not in done:
                    await self._assess_again(incident, trigger)
                    assessed.append(incident)
            after = incidents[-1]
        return assessed

    async def catalogue_changed(self, component: str, trigger: str) -> list[str]:
        """Assesses the open incidents anew to which a change of the component matters, its own and those of what it needs; returns them.

        For use within a transaction. Whatever is assessed sees all that changed by then, so each incident is assessed once for one state
        of the catalogue and not once for each of the thousands of components that an import may change.
        """
        needed = await self._landscape.needed_by(component)
        if self._caught_up[0] != self._landscape.version:
            self._caught_up = (self._landscape.version, set())
        done = self._caught_up[1]
        assessed = await self.assess_again([component, *needed], trigger, done)
        self._store.when_kept(lambda: done.update(assessed))
        return assessed

    async def simulate(self, asked: Supposition) -> tuple[Finding, tuple[Difference, ...]]:
        """Assesses an incident that need not exist, or one that does with any input changed, and stores nothing.

        Returns what is found, and in what it differs from how the incident that does exist is assessed now.
        """
        base = (await self._store.held(asked.incident)).incident if asked.incident else self._unheard_of()
        told = asked.over(base)
        told.evidence.check()
        around, standards = await self._around(told), await self._yardsticks.standards()
        instead = supposed(told, asked.changes, standards.model)
        found = replace(find(instead.incident, around, standards, instead=instead.readings), incident="")
        if not asked.incident:
            return found, ()
        present = find(base, await self._around(base), standards)
        return found, differences(present, replace(found, incident=present.incident))

    async def get(self, name: str, revision: int) -> Assessment:
        return await self._store.get(name, revision)

    async def page(self, query: AssessmentQuery, paging: PageQuery) -> Page[Assessment]:
        return await self._store.page(query, paging)

    async def judge(self, incident: Incident) -> Judge:
        """Reads what is known around the incident; what comes back finds how bad it is without reading more."""
        incident.evidence.check()
        return partial(find, incident, await self._around(incident), await self._yardsticks.standards())

    async def situation(self, incident: Incident) -> Situation:
        """Returns what gates are asked about, with what is known around the incident now."""
        return situation_of(incident, await self._around(incident), await self._yardsticks.standards())

    def occasion(self, trigger: str) -> Occasion:
        return Occasion(trigger, trace_ids()[0], self._clock.now())

    async def _around(self, incident: Incident) -> Surroundings:
        around = await self._landscape.surroundings(incident.components)
        budgets = await self._budgets.of_components(incident.components)
        return replace(around, recurrence=await self._store.recurrence(incident), budgets=budgets, now=self._clock.now())

    def _unheard_of(self) -> Incident:
        """An incident that need not exist: opened now, and all that is supposed of it is told now."""
        now = self._clock.now()
        return Incident(now, changed_at=now)

    async def _assess_again(self, incident: str, trigger: str) -> None:
        for _ in range(_MOST_TRIES):
            held = await self._store.held(incident)
            if await self._store.revisit(held, await self.judge(held.incident), self.occasion(trigger)):
                return
        raise Unavailable(f"{incident} changes all the time; try again", reason="CONTENDED")
