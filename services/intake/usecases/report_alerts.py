"""Reporting alerts: a batch becomes alerts, incidents, time-lines and events, all in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.intake.domain.alert import AlertReport, KnownAlert, ReportOutcome, check_times, fingerprint_of, outcome_of
from services.intake.domain.events import Event, IncidentChanged, IncidentOpened
from services.intake.domain.evidence import NO_EVIDENCE, Evidence, merge, read_evidence
from services.intake.domain.grouping import Group, Grouping, components_of, group_of
from services.intake.domain.incident import (
    SUMMARY_LENGTH,
    AlertsJoined,
    Incident,
    IncidentChange,
    IncidentState,
    TimelineEntry,
    TimelineKind,
    join,
    title_of,
)
from services.intake.storage.alert_store import AlertBatch, AlertStore, NewAlert
from shared.clock import Clock
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class RawReport:
    """A report as it was sent: without identity, and perhaps without a begin."""

    key: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime | None
    ends_at: datetime | None
    generator_url: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a report is durable, and what it did; ids are None for a stale report of an unknown alert."""

    alert_id: UUID | None
    fingerprint: UUID
    incident_id: UUID | None
    outcome: ReportOutcome


@dataclass(slots=True)
class _Joining:
    """What one batch brings to one incident, gathered as the batch is read."""

    incident: Incident | None
    group: Group
    opened: list[NewAlert] = field(default_factory=list)
    resolved: list[AlertReport] = field(default_factory=list)
    evidence: Evidence = NO_EVIDENCE
    warnings: dict[str, None] = field(default_factory=dict)  # in order, each once


class ReportAlerts:
    """Takes batches of reports."""

    def __init__(self, store: AlertStore, clock: Clock, grouping: Grouping) -> None:
        self._store = store
        self._clock = clock
        self._grouping = grouping

    async def __call__(self, source: str, raw: Sequence[RawReport]) -> list[Receipt]:
        """Stores the batch and returns a receipt for each report, once it is durable. Raises ReportRefused; then nothing is stored."""
        now = self._clock.now()
        check_times([(each.starts_at or each.ends_at or now, each.ends_at) for each in raw], now)
        reports = [self._identified(source, each, now) for each in raw]
        groups = {report.fingerprint: group_of(report.labels, report.fingerprint.hex, self._grouping) for report in reports}
        # A sender's key may stay while labels move to another group: it is locked like a group.
        locks = sorted({group.key for group in groups.values()} | {f"key:{fingerprint}" for fingerprint in _keyed(raw, reports)})
        receipts: list[Receipt] = []
        async with self._store.batch(locks, now) as batch:
            for round_ in _rounds(reports):
                receipts += await self._apply(batch, source, round_, groups, now)
        by_order = iter(receipts)
        return [next(by_order) for _ in reports]

    def _identified(self, source: str, raw: RawReport, now: datetime) -> AlertReport:
        fingerprint = fingerprint_of(source, raw.key, raw.labels)
        begin = raw.starts_at or raw.ends_at or now
        return AlertReport(fingerprint, raw.labels, raw.annotations, begin, raw.ends_at, raw.generator_url)

    async def _apply(
        self, batch: AlertBatch, source: str, reports: Sequence[AlertReport], groups: Mapping[UUID, Group], now: datetime
    ) -> list[Receipt]:
        """Applies reports of different signals."""
        known = await batch.known_alerts([report.fingerprint for report in reports])
        outcomes = [outcome_of(report, known.get(report.fingerprint)) for report in reports]
        joining = await self._incidents(batch, reports, outcomes, known, groups)
        receipts = []
        repeated: dict[UUID, AlertReport] = {}
        resolved: dict[UUID, AlertReport] = {}
        opened: list[NewAlert] = []
        for report, outcome in zip(reports, outcomes, strict=True):
            before = known.get(report.fingerprint)
            if outcome is ReportOutcome.OPENED:
                target = joining[groups[report.fingerprint].key]
                assert target.incident is not None
                new = NewAlert(new_id(now), target.incident.id, report)
                target.opened.append(new)
                opened.append(new)
                _note_evidence(target, report)
                receipts.append(Receipt(new.id, report.fingerprint, target.incident.id, outcome))
                continue
            if outcome is not ReportOutcome.STALE and before is not None:
                target = joining[str(before.incident_id)]
                if outcome is ReportOutcome.RESOLVED:
                    resolved[before.id] = report
                    target.resolved.append(report)
                else:
                    repeated[before.id] = report
                    _note_evidence(target, report)
            receipts.append(Receipt(before.id if before else None, report.fingerprint, before.incident_id if before else None, outcome))
        await batch.open(source, opened)
        await batch.repeat(repeated)
        await batch.resolve(resolved)
        await self._save(batch, source, list(joining.values()), now)
        return receipts

    async def _incidents(
        self,
        batch: AlertBatch,
        reports: Sequence[AlertReport],
        outcomes: Sequence[ReportOutcome],
        known: Mapping[UUID, KnownAlert],
        groups: Mapping[UUID, Group],
    ) -> dict[str, _Joining]:
        """Returns the incidents the reports touch: by group for alerts that open, by incident id for alerts already in one."""
        pairs = list(zip(reports, outcomes, strict=True))
        opening = {groups[report.fingerprint].key: report for report, outcome in reversed(pairs) if outcome is ReportOutcome.OPENED}
        touched = {
            known[report.fingerprint].incident_id
            for report, outcome in pairs
            if outcome in {ReportOutcome.REPEATED, ReportOutcome.RESOLVED}
        }
        # In the order of the reports, so that the same batch opens its incidents in the same order.
        present = await batch.open_incidents(list(opening)) if opening else {}
        held = await batch.incidents(list(touched)) if touched else {}
        joining: dict[str, _Joining] = {str(each.id): _Joining(each, Group(each.group_key, each.group_labels)) for each in held.values()}
        now = self._clock.now()
        for report, outcome in pairs:
            group = groups[report.fingerprint]
            if outcome is not ReportOutcome.OPENED or group.key in joining:
                continue
            incident = present.get(group.key)
            joining[group.key] = (
                joining.setdefault(str(incident.id), _Joining(incident, group))
                if incident
                else _Joining(_opened(report, group, now), group)
            )
        return joining

    async def _save(self, batch: AlertBatch, source: str, joining: Sequence[_Joining], now: datetime) -> None:
        incidents, entries, events = [], [], []
        for each in {id(each): each for each in joining}.values():
            assert each.incident is not None
            before = each.incident
            after = join(before, self._joined(each), now)
            entries += _warnings(each, after, source, now)
            is_news = each.opened or each.resolved or after.evidence != before.evidence
            if not is_news:
                continue
            incidents.append(after)
            entries += _entries(each, before, after, source, now)
            events += _events(each, before, after, source)
        await batch.save(incidents, entries, events)

    def _joined(self, each: _Joining) -> AlertsJoined:
        reports = [new.report for new in each.opened]
        return AlertsJoined(
            opened=len(each.opened),
            resolved=len(each.resolved),
            components=components_of([report.labels for report in reports], self._grouping),
            evidence=each.evidence,
            first_start=min((report.starts_at for report in reports), default=None),
            last_end=max((report.ends_at for report in each.resolved if report.ends_at), default=None),
        )


def _keyed(raw: Sequence[RawReport], reports: Sequence[AlertReport]) -> set[str]:
    return {report.fingerprint.hex for each, report in zip(raw, reports, strict=True) if each.key}


def _rounds(reports: Sequence[AlertReport]) -> list[list[AlertReport]]:
    """Cuts a batch where a signal comes again: within a round each signal comes once, and rounds keep the order."""
    rounds: list[list[AlertReport]] = [[]]
    seen: set[UUID] = set()
    for report in reports:
        if report.fingerprint in seen:
            rounds.append([])
            seen.clear()
        seen.add(report.fingerprint)
        rounds[-1].append(report)
    return rounds


def _opened(report: AlertReport, group: Group, now: datetime) -> Incident:
    """Returns a new incident that has no alerts yet; the batch joins them."""
    summary = report.annotations.get("description") or report.annotations.get("summary") or ""
    return Incident(
        id=new_id(now),
        version=0,
        state=IncidentState.OPEN,
        title=title_of(tuple(report.labels.items()), tuple(report.annotations.items())),
        summary=summary[:SUMMARY_LENGTH],
        group_key=group.key,
        group_labels=group.labels,
        components=(),
        opened_at=report.starts_at,
        acknowledged_at=None,
        resolved_at=None,
        last_ended_at=None,
        alert_count=0,
        firing_count=0,
        evidence=Evidence(),
        created_at=now,
        updated_at=now,
    )


def _note_evidence(target: _Joining, report: AlertReport) -> None:
    evidence, warnings = read_evidence(report.annotations)
    target.evidence = merge(target.evidence, evidence)
    target.warnings.update(dict.fromkeys(warnings))


def _entries(each: _Joining, before: Incident, after: Incident, source: str, now: datetime) -> list[TimelineEntry]:
    lines: list[tuple[TimelineKind, datetime, str]] = []
    if before.version == 0:
        lines.append((TimelineKind.OPENED, after.opened_at, f"opened by {_plural(len(each.opened))} from {source}"))
    elif each.opened:
        begin = min(new.report.starts_at for new in each.opened)
        lines.append((TimelineKind.ALERTS, begin, f"{_plural(len(each.opened))} joined from {source}"))
    if each.resolved and after.last_ended_at:
        lines.append((TimelineKind.ALERTS, after.last_ended_at, f"{_plural(len(each.resolved))} ended, {after.firing_count} still firing"))
    if after.state is IncidentState.RESOLVED and before.state is not IncidentState.RESOLVED and after.resolved_at:
        lines.append((TimelineKind.RESOLVED, after.resolved_at, "resolved: its last firing alert ended"))
    return [TimelineEntry(new_id(now), after.id, at, source, kind, text, "", now) for kind, at, text in lines]


def _warnings(each: _Joining, incident: Incident, source: str, now: datetime) -> list[TimelineEntry]:
    if not each.opened:
        return []  # a repeat would say the same again and again
    return [TimelineEntry(new_id(now), incident.id, now, source, TimelineKind.WARNING, text, "", now) for text in each.warnings]


def _events(each: _Joining, before: Incident, after: Incident, source: str) -> list[Event]:
    alerts = tuple(new.id for new in each.opened)
    if before.version == 0:
        return [IncidentOpened(after, alerts)]
    over = after.state is IncidentState.RESOLVED and before.state is not IncidentState.RESOLVED
    return [IncidentChanged(after, IncidentChange.RESOLVED if over else IncidentChange.ALERTS, alerts, source)]


def _plural(count: int) -> str:
    return f"{count} alert" if count == 1 else f"{count} alerts"
