"""Looking at alerts: one, many, and why each is where it is."""

from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from services.intake.domain.alert import Alert
from services.intake.domain.explanation import Alternative, Explained, Facts, Landing, alternatives, explain
from services.intake.storage.alert_batch import Contended
from services.intake.storage.alert_store import AlertStore
from services.intake.storage.incident_store import IncidentStore
from services.intake.usecases.grouping import GroupingRules
from services.intake.usecases.placing import Placing
from services.intake.usecases.repeats import Repeats
from services.intake.usecases.reports import reports_of
from services.intake.usecases.routing import Routes, Routing
from services.intake.usecases.work import Work
from shared.clock import Clock
from shared.errors import Unavailable
from shared.events.outbox import current_headers
from shared.paging import Page, PageQuery

_MOST_TRIES = 8


class Alerts:
    """What people and other systems ask about alerts."""

    def __init__(
        self,
        store: AlertStore,
        incidents: IncidentStore,
        repeats: Repeats,
        routes: Routes,
        *,
        rules: GroupingRules,
        placing: Placing,
        clock: Clock,
    ) -> None:
        self._store = store
        self._incidents = incidents
        self._repeats = repeats
        self._routes = routes
        self._rules = rules
        self._placing = placing
        self._clock = clock

    async def page(self, incident_id: UUID | None, query: PageQuery) -> Page[Alert]:
        await self._repeats.flush()
        return await self._store.page(incident_id, query)

    async def get(self, alert_id: UUID) -> Alert:
        await self._repeats.flush()
        return await self._store.get(alert_id)

    async def explain(self, alert_id: UUID) -> Explained:
        """Explains by the rules of the revision that placed the alert, and by the mutes of today at the time it came.

        What would have happened otherwise is tried out, on the incidents as they stand, by the event times.
        """
        alert = await self.get(alert_id)
        async with self._store.batch(self._clock.now()) as batch:
            routing = await self._routes.at(await batch.begin())
        if alert.rule_revision != routing.rules.revision:
            routing = replace(routing, rules=await self._rules.of_revision(alert.rule_revision))
        incident = await self._incidents.get(alert.incident_id) if alert.incident_id else None
        mutes = routing.mutes.explain(alert.labels, alert.created_at)
        landings = [(each, await self._landing(alert, each, routing)) for each in alternatives(alert, routing.rules, mutes)]
        return explain(Facts(alert, incident, routing.rules, mutes, landings))

    async def _landing(self, alert: Alert, option: Alternative, routing: Routing) -> Landing:
        """Tries where the alert would go, and leaves nothing of it. Raises Unavailable."""
        storm = routing.storm if option.in_storm and routing.storm and routing.storm.id == alert.storm_id else None
        now = self._clock.now()
        for _ in range(_MOST_TRIES):
            with suppress(Contended):
                async with self._store.trial(now) as batch:
                    await batch.begin()
                    work = Work(reports_of([alert]), replace(routing, storm=storm), now, [0], [current_headers()])
                    place = await self._placing.land(batch, work, option.placement)
                    is_new = place.joining is None or place.joining.before.version == 0
                    return Landing(place.disposition, "" if is_new or place.joining is None else place.joining.before.name)
        raise Unavailable("others change the same alerts all the time; try again", reason="CONTENDED")
