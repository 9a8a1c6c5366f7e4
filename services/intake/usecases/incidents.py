"""Working on incidents: reading them, taking them, ending them, and writing down what happened."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.intake.domain.alert import LARGEST_SKEW, Alert
from services.intake.domain.events import IncidentChanged
from services.intake.domain.incident import Incident, IncidentChange, TimelineEntry, TimelineKind
from services.intake.domain.incident_life import acknowledge, resolve
from services.intake.storage.alert_store import AlertStore
from services.intake.storage.incident_pages import IncidentQuery
from services.intake.storage.incident_store import IncidentStore
from shared.clock import Clock
from shared.errors import invalid_field
from shared.ids import new_id
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name

Changed = tuple[Incident, Sequence[TimelineEntry], Sequence[object]]


class Incidents:
    """What people and other systems do with incidents."""

    def __init__(self, store: IncidentStore, alerts: AlertStore, clock: Clock) -> None:
        self._store = store
        self._alerts = alerts
        self._clock = clock

    async def get(self, incident_id: UUID) -> Incident:
        return await self._store.get(incident_id)

    async def page(self, query: IncidentQuery, paging: PageQuery) -> Page[Incident]:
        return await self._store.page(query, paging)

    async def alerts(self, incident_id: UUID | None, paging: PageQuery) -> Page[Alert]:
        return await self._alerts.page(incident_id, paging)

    async def timeline(self, incident_id: UUID, paging: PageQuery) -> Page[TimelineEntry]:
        return await self._store.timeline(incident_id, paging)

    async def acknowledge(self, incident_id: UUID, etag: str, at: datetime | None, note: str) -> Incident:
        now = self._clock.now()
        when = self._happened(at, now)

        def change(before: Incident) -> Changed:
            after = acknowledge(before, when, now)
            return self._changed(
                before,
                after,
                IncidentChange.ACKNOWLEDGED,
                self._entry(after, TimelineKind.ACKNOWLEDGED, after.acknowledged_at or when, note or "taken", now),
            )

        return await self._store.change(incident_id, etag, change)

    async def resolve(self, incident_id: UUID, etag: str, at: datetime | None, note: str, *, force: bool) -> Incident:
        now = self._clock.now()
        when = self._happened(at, now)

        def change(before: Incident) -> Changed:
            after = resolve(before, when, now, force=force)
            firing = "1 alert fires" if before.firing_count == 1 else f"{before.firing_count} alerts fire"
            line = note or (f"resolved while {firing}" if before.firing_count else "resolved")
            return self._changed(
                before, after, IncidentChange.RESOLVED, self._entry(after, TimelineKind.RESOLVED, after.resolved_at or when, line, now)
            )

        return await self._store.change(incident_id, etag, change)

    async def add_entry(self, incident_id: UUID, at: datetime | None, text: str, evidence_url: str) -> TimelineEntry:
        now = self._clock.now()
        entry = TimelineEntry(
            new_id(now), incident_id, self._happened(at, now), current_principal_name(), TimelineKind.NOTE, text, evidence_url, now
        )
        await self._store.change(incident_id, "", lambda before: (before, [entry], []))
        return entry

    def _happened(self, at: datetime | None, now: datetime) -> datetime:
        if at is not None and at > now + LARGEST_SKEW:
            raise invalid_field("occurred_at", f"{at.isoformat()} lies in the future; leave it out if it happens now")
        return at or now

    def _entry(self, incident: Incident, kind: TimelineKind, at: datetime, text: str, now: datetime) -> TimelineEntry:
        return TimelineEntry(new_id(now), incident.id, at, current_principal_name(), kind, text, "", now)

    def _changed(self, before: Incident, after: Incident, what: IncidentChange, entry: TimelineEntry) -> Changed:
        if after == before:
            return after, [], []
        return after, [entry], [IncidentChanged(after, what, (), current_principal_name())]
