"""Storms: entering and leaving one, by the rule of the settings, and telling what came of it."""

from datetime import datetime

import structlog
from opentelemetry.metrics import Meter

from services.intake.domain.storm import Gauge, Storm, StormRule, is_beginning, is_over, summary_of
from services.intake.storage.storm_store import StormStore
from shared.clock import Clock
from shared.ids import new_id
from shared.paging import Page, PageQuery

_log = structlog.get_logger(__name__)


class Storms:
    """Watches how many new alerts come at this replica, and keeps the one storm that all replicas share."""

    def __init__(self, store: StormStore, clock: Clock, rule: StormRule, meter: Meter) -> None:
        self._store = store
        self._clock = clock
        self.rule = rule
        self._gauge = Gauge(rule.window)
        self._told_high_at: datetime | None = None
        self._is_stormy = meter.create_gauge("ballast_intake_storm_active", "1", "Whether a storm is under way.")
        self._recent = meter.create_gauge("ballast_intake_alerts_recent", "{alert}", "New alerts within the storm rule's window.")

    def note(self, opened: int, now: datetime) -> None:
        """Counts alerts that were opened; see `watch`."""
        self._gauge.add(opened, now)

    @property
    def recent_count(self) -> int:
        return self._gauge.at(self._clock.now())

    async def watch(self) -> None:
        """Enters a storm when the rule says so, and leaves it when it is over; to be called every second or so."""
        now = self._clock.now()
        count = self._gauge.at(now)
        self._recent.set(count)
        storm = await self._store.under_way()
        self._is_stormy.set(1 if storm is not None else 0)
        if storm is None:
            if is_beginning(self.rule, count):
                await self._enter(count, now)
        elif count >= self.rule.leave_count:
            if self._told_high_at is None or now - self._told_high_at >= self.rule.window / 4:
                self._told_high_at = now
                await self._store.keep_high(storm.id, now)
        elif is_over(self.rule, storm, now):
            await self._leave(storm, now)

    async def page(self, query: PageQuery) -> Page[Storm]:
        return await self._store.page(query)

    async def under_way(self) -> Storm | None:
        return await self._store.under_way()

    async def _enter(self, count: int, now: datetime) -> None:
        storm_id = new_id(now)
        incident = summary_of(storm_id, new_id(now), self.rule, count, now)
        storm = Storm(storm_id, incident.id, now, None, now, 0, count)
        if await self._store.enter(storm, incident):
            _log.warning("a storm of alerts began", storm=storm.name, incident=incident.name, alerts=count)

    async def _leave(self, storm: Storm, now: datetime) -> None:
        if await self._store.leave(storm, now):
            _log.info("the storm of alerts is over", storm=storm.name)
