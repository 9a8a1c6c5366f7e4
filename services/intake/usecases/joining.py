"""What a batch of reports brings to one incident: its new state, its time-line and the event that tells of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from services.intake.domain.episode import Episode
from services.intake.domain.events import Event, IncidentChanged, IncidentOpened
from services.intake.domain.evidence import NO_EVIDENCE, Evidence, flapped, merge, read_evidence
from services.intake.domain.gathering import Gathered, gather, only_counts
from services.intake.domain.grouping_rule import Placement
from services.intake.domain.incident import (
    SUMMARY_LENGTH,
    Incident,
    IncidentChange,
    IncidentKind,
    IncidentState,
    TimelineEntry,
    TimelineKind,
    title_of,
)
from services.intake.storage.alert_batch import AlertBatch
from services.intake.storage.batch_rows import LifeRow
from shared.events.outbox import Headers
from shared.ids import new_id

# An event names the alerts that came with it, up to this many: receivers want examples, and a storm would make it megabytes.
MOST_NAMED = 100
EVIDENCE_MARK = b'"ballast.'


@dataclass(slots=True)
class Joining:
    """What one batch brings to one incident, gathered as the batch is read."""

    before: Incident
    cause: Headers  # of the call that brought it the first news
    opened: int = 0
    refired: int = 0
    resolved: int = 0
    flapping: int = 0
    alerts: list[UUID] = field(default_factory=list)  # at most MOST_NAMED of those opened
    components: set[str] = field(default_factory=set)
    first_start: datetime | None = None
    last_start: datetime | None = None
    last_end: datetime | None = None
    evidence: Evidence = NO_EVIDENCE
    warnings: dict[str, None] = field(default_factory=dict)  # in order, each once
    sources: dict[str, None] = field(default_factory=dict)  # in order, each once
    notes: list[tuple[TimelineKind, datetime, str, str]] = field(default_factory=list)  # kind, time, text, URL

    def begin(self, at: datetime) -> None:
        """Takes in when an alert began."""
        if self.first_start is None or at < self.first_start:
            self.first_start = at
        if self.last_start is None or at > self.last_start:
            self.last_start = at

    def end(self, at: datetime) -> None:
        self.resolved += 1
        if self.last_end is None or at > self.last_end:
            self.last_end = at

    @property
    def brought(self) -> Gathered:
        return Gathered(
            opened=self.opened,
            refired=self.refired,
            resolved=self.resolved,
            components=tuple(sorted(self.components)),
            evidence=self.evidence,
            first_start=self.first_start,
            last_start=self.last_start,
            last_end=self.last_end,
        )

    def so_far(self, now: datetime) -> Incident:
        """Returns the incident as what was gathered so far makes it."""
        return gather(self.before, self.brought, now) if self.resolved or self.refired else self.before

    def revise(self, before: Episode, after: Episode | None) -> None:
        """Takes in that an alert had another life than it was known by, or none of its own: another of its signal has it then."""
        if after is None:
            self.opened -= 1
            self.refired += 1  # what was opened once begins no less, or the end below would count for two
            self.resolved += before.is_firing
        elif after.is_firing and not before.is_firing:
            self.refired += 1
            self.begin(after.starts[-1])
        elif after.ends_at is not None and before.is_firing:
            self.end(after.ends_at)
        if after is not None:
            self.evidence = merge(self.evidence, flapped(after.refired_count))

    def flap(self, past: Sequence[LifeRow]) -> None:
        """Takes in that a signal begins again which had these alerts: each time it began in this incident before, it ended since.

        Where older ones were not read, as those that ended days before, what was counted then still stands.
        """
        here = self.before.id
        self.evidence = merge(self.evidence, flapped(sum(1 + row.life.refired_count for row in past if row.incident_id == here)))

    def absorb(self, other: Incident, why: str, now: datetime) -> None:
        """Takes in all that another incident holds."""
        self.opened += other.alert_count
        self.resolved += other.alert_count - other.firing_count
        for at in (other.opened_at, other.last_started_at):
            if at is not None:
                self.begin(at)
        self.last_end = max((each for each in (self.last_end, other.last_ended_at) if each), default=None)
        self.components.update(other.components)
        self.evidence = merge(self.evidence, other.evidence)
        self.notes.append((TimelineKind.MERGED, now, f"took in {other.name}: {why}", ""))

    def add(self, other: "Joining") -> None:
        """Takes in what the batch brought to an incident that is absorbed."""
        self.opened += other.opened
        self.refired += other.refired
        self.resolved += other.resolved
        self.flapping += other.flapping
        self.alerts += other.alerts[: MOST_NAMED - len(self.alerts)]
        self.components |= other.components
        for at in (other.first_start, other.last_start):
            if at is not None:
                self.begin(at)
        self.last_end = max((each for each in (self.last_end, other.last_end) if each), default=None)
        self.evidence = merge(self.evidence, other.evidence)
        self.warnings.update(other.warnings)
        self.sources.update(other.sources)
        self.notes += other.notes

    def describe(self, annotations: Mapping[str, str], text: bytes) -> None:
        """Takes in what a report says of the impact; `text` is the annotations' JSON, which mostly says that they say nothing."""
        if EVIDENCE_MARK in text:
            evidence, warnings = read_evidence(annotations)
            self.evidence = merge(self.evidence, evidence)
            self.warnings.update(dict.fromkeys(warnings))


@dataclass(frozen=True, slots=True)
class Joined:
    """What is to be stored for one incident; no event where it is told later."""

    incident: Incident
    entries: list[TimelineEntry]
    event: Event | None


@dataclass(frozen=True, slots=True)
class Group:
    """What a new incident takes from the rule that opened it."""

    key: str
    labels: tuple[tuple[str, str], ...]
    rule: str
    revision: int
    quiet_period: timedelta


def group_of(incident: Incident) -> Group:
    """Returns the group of an incident, as it was when it opened."""
    return Group(incident.group_key, incident.group_labels, incident.rule, incident.rule_revision, incident.quiet_period)


def group_at(placement: Placement, revision: int) -> Group:
    return Group(placement.key, placement.labels, placement.rule.name, revision, placement.rule.quiet_period)


def opened(labels: Mapping[str, str], annotations: Mapping[str, str], starts_at: datetime, group: Group, now: datetime) -> Incident:
    """Returns a new incident that has no alerts yet; the batch joins them."""
    summary = annotations.get("description") or annotations.get("summary") or ""
    return Incident(
        id=new_id(now),
        version=0,
        state=IncidentState.OPEN,
        title=title_of(tuple(labels.items()), tuple(annotations.items())),
        summary=summary[:SUMMARY_LENGTH],
        group_key=group.key,
        group_labels=group.labels,
        components=(),
        opened_at=starts_at,
        acknowledged_at=None,
        resolved_at=None,
        last_ended_at=None,
        alert_count=0,
        firing_count=0,
        evidence=Evidence(),
        created_at=now,
        updated_at=now,
        rule=group.rule,
        rule_revision=group.revision,
        quiet_period=group.quiet_period,
    )


def joined(joining: Joining, now: datetime, *, quietly: bool) -> Joined | None:
    """Returns what the batch makes of the incident; None where it brought no news.

    `quietly`, as in a storm, leaves what only counts to be told later: the incident is stored as untold, without a line or an event.
    """
    brought = joining.brought
    before = joining.before
    if (
        not (brought.opened or brought.refired or brought.resolved or joining.notes)
        and merge(before.evidence, brought.evidence) == before.evidence
    ):
        return None
    if before.version and not joining.notes and (quietly or before.kind is IncidentKind.STORM) and only_counts(before, brought):
        return Joined(gather(before, brought, now, untold=True), [], None)
    after = gather(before, brought, now)
    return Joined(after, _entries(joining, after, now), _event(joining, after))


async def save_joined(batch: AlertBatch, results: Sequence[tuple[Joining, Joined]]) -> None:
    """Stores what incidents gained, their time-lines and the events that tell of it."""
    if not results:
        return
    told = [(each, found) for each, found in results if found.event is not None]
    await batch.save(
        [found.incident for each, found in results if each.before.version == 0],
        [found.incident for each, found in results if each.before.version > 0],
        [entry for _, found in results for entry in found.entries],
        [found.event for _, found in told],
        [each.cause for each, _ in told],
    )


def _entries(joining: Joining, after: Incident, now: datetime) -> list[TimelineEntry]:
    source = ", ".join(joining.sources)
    lines = _lines(joining, after, source) + joining.notes
    if joining.opened or joining.refired:  # a repeat would say the same again and again
        lines += [(TimelineKind.WARNING, now, text, "") for text in joining.warnings]
    return [TimelineEntry(new_id(now), after.id, at, source, kind, text, url, now) for kind, at, text, url in lines]


def _lines(joining: Joining, after: Incident, source: str) -> list[tuple[TimelineKind, datetime, str, str]]:
    before = joining.before
    lines: list[tuple[TimelineKind, datetime, str, str]] = []
    if before.version == 0:
        lines.append((TimelineKind.OPENED, after.opened_at, f"opened by {_alerts(joining.opened)} from {source}", ""))
    elif (joining.opened or joining.refired) and joining.first_start:
        if before.state is IncidentState.RESOLVED and after.state is not IncidentState.RESOLVED:
            lines.append((TimelineKind.REOPENED, joining.first_start, "open again: an alert of its group fires again so soon", ""))
        what = f"{_alerts(joining.opened)} joined" if joining.opened else f"{_alerts(joining.refired)} fired again"
        flaps = f", {joining.flapping} of them flapping" if joining.flapping else ""
        # People said that users are not hindered, and only people say otherwise; but they must see why to look again.
        still = "; it stays mitigated: reopen it if users are hindered" if after.state is IncidentState.MITIGATED else ""
        lines.append((TimelineKind.ALERTS, joining.first_start, f"{what} from {source}{flaps}{still}", ""))
    if joining.resolved and after.last_ended_at:
        text = f"{_alerts(joining.resolved)} ended, {after.firing_count} still firing"
        lines.append((TimelineKind.ALERTS, after.last_ended_at, text, ""))
    if _is_over(before, after) and after.resolved_at:
        lines.append((TimelineKind.RESOLVED, after.resolved_at, "resolved: its last firing alert ended", ""))
    return lines


def _event(joining: Joining, after: Incident) -> Event:
    alerts = tuple(joining.alerts)
    before = joining.before
    if before.version == 0:
        return IncidentOpened(after, alerts)
    change = IncidentChange.ALERTS
    if _is_over(before, after):
        change = IncidentChange.RESOLVED
    elif before.state is IncidentState.RESOLVED and after.state is not IncidentState.RESOLVED:
        change = IncidentChange.REOPENED
    return IncidentChanged(after, change, alerts, ", ".join(joining.sources))


def _is_over(before: Incident, after: Incident) -> bool:
    return after.state is IncidentState.RESOLVED and before.state is not IncidentState.RESOLVED


def _alerts(count: int) -> str:
    return f"{count} alert" if count == 1 else f"{count} alerts"
