"""Working on incidents: reading and declaring them, taking, mitigating and ending them, and writing down what happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.intake.domain.events import IncidentOpened
from services.intake.domain.incident import Incident, IncidentChange, Rating, Severity, TimelineEntry, TimelineKind
from services.intake.domain.incident_life import Declaration, acknowledge, declare, mitigate, resolve
from services.intake.storage.incident_pages import IncidentQuery
from services.intake.storage.incident_store import IncidentStore
from services.intake.usecases.occasion import Occasion, changed, checked_time, with_note
from shared.clock import Clock
from shared.ids import new_id
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name

Changed = tuple[Incident, Sequence[TimelineEntry], Sequence[object]]


@dataclass(frozen=True, slots=True)
class Declared:
    """What a person says when declaring an incident."""

    title: str
    summary: str
    components: tuple[str, ...]
    severity: Severity | None
    opened_at: datetime | None


class Incidents:
    """What people and other systems do with incidents."""

    def __init__(self, store: IncidentStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def get(self, incident_id: UUID) -> Incident:
        return await self._store.get(incident_id)

    async def page(self, query: IncidentQuery, paging: PageQuery) -> Page[Incident]:
        return await self._store.page(query, paging)

    async def timeline(self, incident_id: UUID, paging: PageQuery) -> Page[TimelineEntry]:
        return await self._store.timeline(incident_id, paging)

    async def declare(self, declared: Declared, occasion: Occasion) -> Incident:
        """Opens an incident that no alert told of."""
        now = self._clock.now()
        who = current_principal_name()
        rating = Rating(declared.severity, occasion.text, who, now) if declared.severity else None
        began = checked_time("opened_at", declared.opened_at, now)
        incident = declare(Declaration(declared.title, declared.summary, declared.components, began, rating, who), new_id(now), now)
        line = with_note(f"declared by {who}{f' as {rating.severity.name}' if rating else ''}", occasion.text)
        entry = occasion.entry(incident, TimelineKind.OPENED, began, line, now)
        await self._store.add(incident, [entry], [IncidentOpened(incident, ())])
        return incident

    async def acknowledge(self, incident_id: UUID, occasion: Occasion) -> Incident:
        now = self._clock.now()
        when = occasion.happened(now)

        def change(before: Incident) -> Changed:
            after = acknowledge(before, when, now)
            entry = occasion.entry(after, TimelineKind.ACKNOWLEDGED, after.acknowledged_at or when, occasion.text or "taken", now)
            return _told(before, after, IncidentChange.ACKNOWLEDGED, entry)

        return await self._store.change(incident_id, occasion.etag, change)

    async def mitigate(self, incident_id: UUID, occasion: Occasion) -> Incident:
        now = self._clock.now()
        when = occasion.happened(now)

        def change(before: Incident) -> Changed:
            after = mitigate(before, when, now)
            line = occasion.text or "mitigated"
            entry = occasion.entry(after, TimelineKind.MITIGATED, after.mitigated_at or when, line, now)
            return _told(before, after, IncidentChange.MITIGATED, entry)

        return await self._store.change(incident_id, occasion.etag, change)

    async def resolve(self, incident_id: UUID, occasion: Occasion, *, force: bool) -> Incident:
        now = self._clock.now()
        when = occasion.happened(now)

        def change(before: Incident) -> Changed:
            after = resolve(before, when, now, force=force)
            firing = "1 alert fires" if before.firing_count == 1 else f"{before.firing_count} alerts fire"
            line = occasion.text or (f"resolved while {firing}" if before.firing_count else "resolved")
            entry = occasion.entry(after, TimelineKind.RESOLVED, after.resolved_at or when, line, now)
            return _told(before, after, IncidentChange.RESOLVED, entry)

        return await self._store.change(incident_id, occasion.etag, change)

    async def add_entry(self, incident_id: UUID, occasion: Occasion) -> TimelineEntry:
        """Writes a note, also on an incident that is over or merged."""
        now = self._clock.now()
        when = occasion.happened(now)
        entries: list[TimelineEntry] = []

        def change(before: Incident) -> Changed:
            entries.append(occasion.entry(before, TimelineKind.NOTE, when, occasion.text, now))
            return before, entries, []

        await self._store.change(incident_id, "", change)
        return entries[-1]


def _told(before: Incident, after: Incident, what: IncidentChange, entry: TimelineEntry) -> Changed:
    """What changed nothing is told to nobody."""
    return (after, [entry], [changed(after, what)]) if after != before else (after, [], [])
