"""Looking at alerts: one, many, and why each is where it is."""

from uuid import UUID

from services.intake.domain.alert import Alert
from services.intake.domain.explanation import Explained, Facts, explain, placements
from services.intake.domain.incident import IncidentState
from services.intake.storage.alert_store import AlertStore
from services.intake.storage.incident_store import IncidentStore
from services.intake.usecases.grouping import GroupingRules
from services.intake.usecases.repeats import Repeats
from services.intake.usecases.routing import Routes
from shared.clock import Clock
from shared.paging import Page, PageQuery


class Alerts:
    """What people and other systems ask about alerts."""

    def __init__(
        self, store: AlertStore, incidents: IncidentStore, repeats: Repeats, routes: Routes, rules: GroupingRules, *, clock: Clock
    ) -> None:
        self._store = store
        self._incidents = incidents
        self._repeats = repeats
        self._routes = routes
        self._rules = rules
        self._clock = clock

    async def page(self, incident_id: UUID | None, query: PageQuery) -> Page[Alert]:
        await self._repeats.flush()
        return await self._store.page(incident_id, query)

    async def get(self, alert_id: UUID) -> Alert:
        await self._repeats.flush()
        return await self._store.get(alert_id)

    async def explain(self, alert_id: UUID) -> Explained:
        """Explains by the rules of the revision that placed the alert, and by the mutes of today at the time it came."""
        alert = await self.get(alert_id)
        async with self._store.batch(self._clock.now()) as batch:
            routing = await self._routes.at(await batch.begin())
        rules = routing.rules
        if alert.rule and alert.rule_revision not in {0, rules.revision}:
            rules = await self._rules.of_revision(alert.rule_revision)
        incident = await self._incidents.get(alert.incident_id) if alert.incident_id else None
        current = await self._incidents.current([each.key for each in placements(rules, alert)])
        unresolved = {key: each for key, each in current.items() if each.state is not IncidentState.RESOLVED}
        return explain(Facts(alert, incident, rules, routing.mutes.explain(alert.labels, alert.created_at), unresolved))
