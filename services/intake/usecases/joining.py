"""What a batch of reports brings to one incident: its new state, its time-line and the event that tells of it."""

from dataclasses import dataclass, field
from datetime import datetime

from services.intake.domain.alert import AlertReport
from services.intake.domain.events import Event, IncidentChanged, IncidentOpened
from services.intake.domain.evidence import NO_EVIDENCE, Evidence, merge, read_evidence
from services.intake.domain.grouping import Group, Grouping, components_of
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
from services.intake.storage.alert_store import NewAlert
from shared.events.outbox import Headers
from shared.ids import new_id


@dataclass(slots=True)
class Joining:
    """What one batch brings to one incident, gathered as the batch is read."""

    before: Incident
    cause: Headers  # of the call that brought it the first news
    opened: list[NewAlert] = field(default_factory=list)
    resolved: list[AlertReport] = field(default_factory=list)
    evidence: Evidence = NO_EVIDENCE
    warnings: dict[str, None] = field(default_factory=dict)  # in order, each once
    sources: dict[str, None] = field(default_factory=dict)  # in order, each once

    def note(self, report: AlertReport) -> None:
        """Takes in what a firing report says of the impact."""
        evidence, warnings = read_evidence(report.annotations)
        self.evidence = merge(self.evidence, evidence)
        self.warnings.update(dict.fromkeys(warnings))
        self.sources[report.source] = None


@dataclass(frozen=True, slots=True)
class Joined:
    """What is to be stored for one incident."""

    incident: Incident
    entries: list[TimelineEntry]
    event: Event


def opened(report: AlertReport, group: Group, now: datetime) -> Incident:
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


def joined(joining: Joining, grouping: Grouping, now: datetime) -> Joined | None:
    """Returns what the batch makes of the incident; None where it brought no news."""
    reports = [new.report for new in joining.opened]
    brought = AlertsJoined(
        opened=len(joining.opened),
        resolved=len(joining.resolved),
        components=components_of([report.labels for report in reports], grouping),
        evidence=joining.evidence,
        first_start=min((report.starts_at for report in reports), default=None),
        last_end=max((report.ends_at for report in joining.resolved if report.ends_at), default=None),
        last_start=max((report.starts_at for report in reports), default=None),
    )
    before = joining.before
    after = join(before, brought, now)
    if not brought.opened and not brought.resolved and after.evidence == before.evidence:
        return None
    return Joined(after, _entries(joining, after, now), _event(joining, after))


def _entries(joining: Joining, after: Incident, now: datetime) -> list[TimelineEntry]:
    before = joining.before
    source = ", ".join(joining.sources)
    lines: list[tuple[TimelineKind, datetime, str]] = []
    if before.version == 0:
        lines.append((TimelineKind.OPENED, after.opened_at, f"opened by {_alerts(len(joining.opened))} from {source}"))
    elif joining.opened:
        begin = min(new.report.starts_at for new in joining.opened)
        lines.append((TimelineKind.ALERTS, begin, f"{_alerts(len(joining.opened))} joined from {source}"))
    if joining.resolved and after.last_ended_at:
        lines.append(
            (TimelineKind.ALERTS, after.last_ended_at, f"{_alerts(len(joining.resolved))} ended, {after.firing_count} still firing")
        )
    if _is_over(before, after) and after.resolved_at:
        lines.append((TimelineKind.RESOLVED, after.resolved_at, "resolved: its last firing alert ended"))
    if joining.opened:  # a repeat would say the same again and again
        lines += [(TimelineKind.WARNING, now, text) for text in joining.warnings]
    return [TimelineEntry(new_id(now), after.id, at, source, kind, text, "", now) for kind, at, text in lines]


def _event(joining: Joining, after: Incident) -> Event:
    alerts = tuple(new.id for new in joining.opened)
    if joining.before.version == 0:
        return IncidentOpened(after, alerts)
    change = IncidentChange.RESOLVED if _is_over(joining.before, after) else IncidentChange.ALERTS
    return IncidentChanged(after, change, alerts, ", ".join(joining.sources))


def _is_over(before: Incident, after: Incident) -> bool:
    return after.state is IncidentState.RESOLVED and before.state is not IncidentState.RESOLVED


def _alerts(count: int) -> str:
    return f"{count} alert" if count == 1 else f"{count} alerts"
