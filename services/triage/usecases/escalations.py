"""Escalating: looking every minute which open incidents are about to miss their time to restore, and telling once of each."""

from datetime import datetime

from services.triage.domain.escalation import Escalation, EscalationRule, OpenIncident, PastIncident, RestoreForecast, forecast
from services.triage.storage.escalation_store import EscalationStore
from shared.clock import Clock
from shared.ids import name_of
from shared.paging import Page, PageQuery

_BATCH = 500


class Escalations:
    """Forecasts, and what came of them."""

    def __init__(self, store: EscalationStore, rule: EscalationRule, clock: Clock) -> None:
        self._store = store
        self._rule = rule
        self._clock = clock
        self._looked_in: datetime | None = None

    async def tick(self, now: datetime) -> None:
        """Looks once in each minute of the clock, however often it is called."""
        minute = now.replace(second=0, microsecond=0)
        if minute != self._looked_in:
            await self.look(now)
            self._looked_in = minute

    async def look(self, now: datetime) -> int:
        """Looks at every open incident; returns how many escalations are new. Safe to repeat: of each target it is told once."""
        told, after = 0, ""
        classes: dict[str, list[PastIncident]] = {}
        while incidents := await self._store.open_incidents(after, _BATCH):
            for each in incidents:
                if each.class_ not in classes:
                    classes[each.class_] = await self._store.past(each.class_)
            found = [self._escalation(each, forecast(each, classes[each.class_], now), now) for each in incidents]
            told += await self._store.tell([each for each in found if each is not None])
            after = incidents[-1].incident
        return told

    async def forecast(self, name: str) -> tuple[OpenIncident, RestoreForecast]:
        """Looks ahead for one incident that is not over. Raises AssessmentNotFound."""
        incident = await self._store.open_incident(name)
        return incident, forecast(incident, await self._store.past(incident.class_), self._clock.now())

    async def page(self, incident: str, paging: PageQuery) -> Page[Escalation]:
        return await self._store.page(incident, paging)

    def _escalation(self, of: OpenIncident, ahead: RestoreForecast, now: datetime) -> Escalation | None:
        reason = ahead.reason_to_escalate(self._rule, of.restore_target)
        if not reason:
            return None
        name = name_of("assessments", of.assessment_id)
        return Escalation(of.incident, name, of.severity, ahead.target_at, ahead.miss_chance, reason, now)
