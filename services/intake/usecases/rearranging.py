"""Re-arranging: what late, doubled and shuffled reports make of a group's incidents, by event time alone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.intake.domain.chain import assign, chains
from services.intake.domain.events import IncidentChanged, IncidentOpened
from services.intake.domain.evidence import NO_EVIDENCE, Evidence, flapped, merge, read_evidence
from services.intake.domain.incident import Incident, IncidentChange, IncidentState, TimelineEntry, TimelineKind
from services.intake.storage.alert_batch import AlertBatch
from services.intake.storage.batch_rows import SpanRow
from services.intake.usecases.joining import Group, opened
from services.intake.usecases.work import Work
from shared.ids import new_id
from shared.principal import SYSTEM

# A group with more alerts than this in the incidents at hand stays as it is: re-arranging it would hold up the others of the batch.
MOST_SPANS = 20_000


class Rearranging:
    """Parts and joins the incidents of groups in which event time says otherwise than the order of arrival did."""

    def __init__(self, component_label: str) -> None:
        self._component_label = component_label

    async def run(self, batch: AlertBatch, work: Work, groups: Mapping[str, Group], since: datetime) -> None:
        """Re-arranges the groups, reading incidents that were not over before `since`; what people shaped stays as it is."""
        for key in sorted(groups):
            await self._group(batch, work, groups[key], since)

    async def _group(self, batch: AlertBatch, work: Work, group: Group, since: datetime) -> None:
        current = (await batch.groups([group.key])).get(group.key)
        held = await batch.incidents(await batch.incidents_of_group(group.key, since))
        rows = await batch.spans(list(held), group.key, MOST_SPANS + 1)
        if len(rows) > MOST_SPANS:
            return
        quiet = max((each.quiet_period for each in held.values()), default=group.quiet_period)
        found = chains([row.span for row in rows], quiet)
        names = assign(found, {each.id: each.opened_at for each in held.values()})
        by_id = {row.span.alert_id: row for row in rows}
        kept: dict[UUID, Incident] = {}
        moves: dict[UUID, UUID] = {}
        for chain, name in zip(found, names, strict=True):
            chain_rows = [by_id[span.alert_id] for span in chain]
            before = held[name] if name is not None else self._made(chain_rows[0], group, work)
            after = self._tallied(before, chain_rows, held, rows)
            kept[before.id] = after
            moves.update({span.alert_id: before.id for span in chain if span.incident_id != before.id})
        heirs = {row.span.incident_id: moves[row.span.alert_id] for row in rows if row.span.alert_id in moves and row.span.incident_id}
        folded = [
            _folded(each, heirs.get(each.id) or _around(each, kept), work.now)
            for each in held.values()
            if each.id not in kept and (each.alert_count or each.state is not IncidentState.RESOLVED)
        ]
        await self._save(batch, work, held, kept, folded)
        if moves:
            await batch.move_alerts(moves)
        work.moved.update(moves)
        if not kept:
            return
        latest = max(kept.values(), key=lambda each: (each.state is not IncidentState.RESOLVED, each.opened_at, each.id))
        if current is None or current in held or not await self._is_open(batch, current):
            await batch.set_current(group.key, latest.id)

    async def _is_open(self, batch: AlertBatch, incident_id: UUID) -> bool:
        """Whether people keep the group's alerts in an incident they shaped, or it went into another's that lasts."""
        incident = (await batch.incidents([incident_id])).get(incident_id)
        return incident is not None and incident.state is not IncidentState.RESOLVED

    def _made(self, first: SpanRow, group: Group, work: Work) -> Incident:
        return opened(first.labels, first.annotations, first.span.starts_at, group, work.now)

    def _tallied(self, before: Incident, chain: Sequence[SpanRow], held: dict[UUID, Incident], rows: Sequence[SpanRow]) -> Incident:
        """Returns the incident as its alerts make it."""
        firing = sum(row.span.ends_at is None for row in chain)
        last_end = max((row.span.ends_at for row in chain if row.span.ends_at), default=None)
        components = {row.labels[self._component_label] for row in chain if row.labels.get(self._component_label)}
        over = firing == 0
        state = before.state
        if over:
            state = IncidentState.RESOLVED
        elif state is IncidentState.RESOLVED:
            state = IncidentState.ACKNOWLEDGED if before.acknowledged_at else IncidentState.OPEN
        return replace(
            before,
            state=state,
            components=tuple(sorted(components)) or before.components,
            opened_at=min(row.span.starts_at for row in chain),
            resolved_at=last_end if over else None,
            last_started_at=max(row.span.starts_at for row in chain),
            last_ended_at=last_end,
            alert_count=len(chain),
            firing_count=firing,
            evidence=_evidence(chain, held, rows),
        )

    async def _save(
        self, batch: AlertBatch, work: Work, held: Mapping[UUID, Incident], kept: Mapping[UUID, Incident], folded: Sequence[Incident]
    ) -> None:
        now = work.now
        new = [replace(each, version=1, updated_at=now) for each in kept.values() if each.id not in held]
        changed = [
            replace(each, version=each.version + 1, updated_at=now) for each in kept.values() if each.id in held and each != held[each.id]
        ]
        entries = [
            _entry(each, TimelineKind.OPENED, "opened by event time: its alerts touch no other incident's of the group", now)
            for each in new
        ]
        entries += [_end_of(each, now) for each in folded]
        events: list[object] = [IncidentOpened(each, ()) for each in new]
        events += [IncidentChanged(each, _change(held[each.id], each), (), SYSTEM) for each in changed]
        events += [IncidentChanged(each, IncidentChange.MERGED, (), SYSTEM) for each in folded]
        await batch.save(new, [*changed, *folded], entries, events, [work.causes[0]] * len(events))


def _evidence(chain: Sequence[SpanRow], held: dict[UUID, Incident], rows: Sequence[SpanRow]) -> Evidence:
    """Returns what the chain's alerts say now, and what the incidents say that lie in it as a whole."""
    inside = {row.span.alert_id for row in chain}
    parts: dict[UUID, bool] = {}
    for row in rows:
        if row.span.incident_id is not None:
            parts[row.span.incident_id] = parts.get(row.span.incident_id, True) and row.span.alert_id in inside
    found = NO_EVIDENCE
    for incident_id, whole in parts.items():
        if whole and incident_id in held:
            # But for what is counted: by event time a signal may have begun again less often than it seemed.
            found = merge(found, replace(held[incident_id].evidence, flap_count=None))
    begun: Counter[UUID] = Counter()
    for row in chain:
        found = merge(found, read_evidence(row.annotations)[0])
        begun[row.fingerprint] += 1 + row.refired_count
    return merge(found, flapped(max(begun.values()) - 1))


def _around(incident: Incident, kept: Mapping[UUID, Incident]) -> UUID | None:
    """Returns the incident that has what was told of this one's alerts, when these are none of their own any more."""
    before = [each for each in kept.values() if each.opened_at <= incident.opened_at]
    return max(before, key=lambda each: (each.opened_at, each.id)).id if before else next(iter(kept), None)


def _folded(incident: Incident, into: UUID | None, now: datetime) -> Incident:
    """Returns an incident all of whose alerts went into another, or to alerts that people keep elsewhere."""
    at = incident.resolved_at or max(incident.opened_at, incident.last_ended_at or incident.opened_at)
    return replace(
        incident,
        version=incident.version + 1,
        state=IncidentState.RESOLVED,
        resolved_at=at,
        alert_count=0,
        firing_count=0,
        merged_into=into,
        updated_at=now,
    )


def _change(before: Incident, after: Incident) -> IncidentChange:
    if after.state is IncidentState.RESOLVED and before.state is not IncidentState.RESOLVED:
        return IncidentChange.RESOLVED
    if after.state is not IncidentState.RESOLVED and before.state is IncidentState.RESOLVED:
        return IncidentChange.REOPENED
    return IncidentChange.SPLIT if after.alert_count < before.alert_count else IncidentChange.ALERTS


def _end_of(incident: Incident, now: datetime) -> TimelineEntry:
    if incident.merged_into is None:
        return _entry(
            incident, TimelineKind.RESOLVED, "resolved: by event time its alerts are part of others, which people keep elsewhere", now
        )
    return _entry(incident, TimelineKind.MERGED, f"went into incidents/{incident.merged_into}: by event time they are one", now)


def _entry(incident: Incident, kind: TimelineKind, text: str, now: datetime) -> TimelineEntry:
    return TimelineEntry(new_id(now), incident.id, incident.opened_at, SYSTEM, kind, text, "", now)
