"""Assessing incidents: when they change, when somebody asks what if, and reading what was found."""

from datetime import datetime

from services.triage.domain.assessment import Assessment, Finding, Occasion, find
from services.triage.domain.incident import Evidence, Incident
from services.triage.domain.model import ScoringModel
from services.triage.storage.assessment_store import AssessmentQuery, AssessmentStore
from services.triage.storage.component_store import ComponentStore
from services.triage.usecases.matrices import Matrices
from shared.clock import Clock
from shared.paging import Page, PageQuery
from shared.telemetry import trace_ids


class Assessments:
    """How bad incidents are."""

    def __init__(self, store: AssessmentStore, components: ComponentStore, matrices: Matrices, model: ScoringModel, clock: Clock) -> None:
        self._store = store
        self._components = components
        self._matrices = matrices
        self._model = model
        self._clock = clock

    async def assess(self, incident: Incident, version: int, trigger: str) -> bool:
        """Assesses the incident at this version of it; returns False when a newer one was assessed already.

        A finding like the one held makes no revision and tells nobody. Raises InvalidInput for evidence that cannot be.
        """
        finding = await self._find(incident)
        occasion = Occasion(trigger, trace_ids()[0], self._clock.now())
        return await self._store.keep(finding, version, occasion)

    async def simulate(self, components: tuple[str, ...], evidence: Evidence, opened_at: datetime | None, alert_count: int) -> Finding:
        """Assesses an incident that need not exist, opened now when not said otherwise, and stores nothing."""
        opened_at = opened_at or self._clock.now()
        return await self._find(Incident(opened_at, components=components, alert_count=alert_count, evidence=evidence))

    async def get(self, name: str, revision: int) -> Assessment:
        return await self._store.get(name, revision)

    async def page(self, query: AssessmentQuery, paging: PageQuery) -> Page[Assessment]:
        return await self._store.page(query, paging)

    async def _find(self, incident: Incident) -> Finding:
        incident.evidence.check()
        around = await self._components.surroundings(incident.components)
        return find(incident, around, await self._matrices.newest(), self._model)
