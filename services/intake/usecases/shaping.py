"""Shaping incidents: reopening one, merging several into one, and splitting one in two."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.intake.domain.errors import AlertsNotOfIncident, GroupHasIncident
from services.intake.domain.events import Event, IncidentOpened
from services.intake.domain.incident import Incident, IncidentChange, IncidentState, TimelineEntry, TimelineKind
from services.intake.domain.incident_life import reopen
from services.intake.domain.shaping import check_merge, left_over, merge_incidents, split_incident, split_off
from services.intake.storage.shaping_store import ShapingStore
from services.intake.usecases.occasion import Occasion, changed, with_note
from shared.clock import Clock
from shared.ids import new_id
from shared.storage.etags import check_etag


class Shapings:
    """How people decide which alerts make an incident. Each change is made whole or not at all, and while no alerts join."""

    def __init__(self, store: ShapingStore, clock: Clock, component_label: str) -> None:
        self._store = store
        self._clock = clock
        self._component_label = component_label

    async def reopen(self, incident_id: UUID, occasion: Occasion) -> Incident:
        """Takes an incident back from resolved or mitigated. Raises GroupHasIncident where another one took its place."""
        now = self._clock.now()
        at = occasion.happened(now)
        async with self._store.shaping([incident_id]) as shaping:
            before = shaping.incidents[incident_id]
            check_etag(before.name, before.version, occasion.etag)
            after = reopen(before, now)
            if after == before:
                return after
            if before.state is IncidentState.RESOLVED:
                current = await shaping.current(before.group_key)
                if current and current.id != before.id and current.state is not IncidentState.RESOLVED:
                    raise GroupHasIncident(before.name, current.name)
                await shaping.make_current(after)
            line = with_note(f"reopened, was {before.state.name.lower()}", occasion.text)
            entry = occasion.entry(after, TimelineKind.REOPENED, max(at, after.opened_at), line, now)
            await shaping.save([after], [entry], [changed(after, IncidentChange.REOPENED)])
        return after

    async def merge(
        self, into_id: UUID, ids: Sequence[UUID], occasion: Occasion, *, preview: bool = False
    ) -> tuple[Incident, list[Incident]]:
        """Moves all alerts and groups of incidents into another; returns that one, and the others as they end."""
        now = self._clock.now()
        at = occasion.happened(now)
        check_merge(into_id, ids)
        async with self._store.shaping([into_id, *ids], preview=preview) as shaping:
            before, others = shaping.incidents[into_id], [shaping.incidents[each] for each in ids]
            check_etag(before.name, before.version, occasion.etag)
            survivor, merged = merge_incidents(before, others, at, now)
            if not preview:
                await shaping.take_over(ids, into_id)
            entries = [_merge_line(survivor, others, occasion, at, now)]
            for each in merged:
                line = with_note(f"merged into {survivor.name}, {_titled(survivor)}", occasion.text)
                entries.append(occasion.entry(each, TimelineKind.MERGED, max(at, each.opened_at), line, now))
            events: list[Event] = [changed(each, IncidentChange.MERGED) for each in (survivor, *merged)]
            await shaping.save([survivor, *merged], entries, events)
        return survivor, merged

    async def split(
        self, incident_id: UUID, alert_ids: Sequence[UUID], title: str, occasion: Occasion, *, preview: bool = False
    ) -> tuple[Incident, Incident]:
        """Moves alerts into a new incident; returns the old one and the new one."""
        now = self._clock.now()
        at = occasion.happened(now)
        async with self._store.shaping([incident_id], preview=preview) as shaping:
            before = shaping.incidents[incident_id]
            check_etag(before.name, before.version, occasion.etag)
            new = split_incident(before, title, new_id(now), now)
            moved_ids = await shaping.move(alert_ids, before.id, new.id)
            strangers = [(index, f"alerts/{each}") for index, each in enumerate(alert_ids) if each not in moved_ids]
            if strangers:
                raise AlertsNotOfIncident(before.name, strangers)
            moved = await shaping.tally(new.id, self._component_label)
            kept = await shaping.tally(before.id, self._component_label)
            new, old = split_off(new, moved, now), left_over(before, kept, moved, now)
            events = [IncidentOpened(new, tuple(alert_ids)), changed(old, IncidentChange.SPLIT)]
            await shaping.save([new, old], _split_lines(old, new, occasion, at, now), events)
        return old, new


def _merge_line(survivor: Incident, others: Sequence[Incident], occasion: Occasion, at: datetime, now: datetime) -> TimelineEntry:
    came = "; ".join(f"{each.name}, {_titled(each)}, with {_alerts(each.alert_count)}" for each in others)
    line = with_note(f"took over {came}", occasion.text)
    return occasion.entry(survivor, TimelineKind.MERGED, max(at, survivor.opened_at), line, now)


def _split_lines(old: Incident, new: Incident, occasion: Occasion, at: datetime, now: datetime) -> list[TimelineEntry]:
    gave = f"{_alerts(new.alert_count)} went to {new.name}, {_titled(new)}; {_alerts(old.alert_count)} left, {old.firing_count} firing"
    came = f"split from {old.name}, {_titled(old)}, with {_alerts(new.alert_count)}, {new.firing_count} firing"
    lines = [
        occasion.entry(old, TimelineKind.SPLIT, max(at, old.opened_at), with_note(gave, occasion.text), now),
        occasion.entry(new, TimelineKind.OPENED, new.opened_at, with_note(came, occasion.text), now),
    ]
    if new.resolved_at:
        lines.append(occasion.entry(new, TimelineKind.RESOLVED, new.resolved_at, "resolved: none of its alerts fires", now))
    return lines


def _titled(incident: Incident) -> str:
    return f"“{incident.title}”"


def _alerts(count: int) -> str:
    return f"{count} alert" if count == 1 else f"{count} alerts"
