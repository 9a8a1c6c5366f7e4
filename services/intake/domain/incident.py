"""Incidents: what one is, and how it gathers alerts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from uuid import UUID

from services.intake.domain.evidence import Evidence, merge

TITLE_LENGTH = 200
SUMMARY_LENGTH = 4096


class IncidentState(IntEnum):
    OPEN = 1
    ACKNOWLEDGED = 2
    RESOLVED = 3
    MITIGATED = 4  # users are no longer hindered, and it is not over


class IncidentKind(IntEnum):
    ALERTS = 1
    DECLARED = 2
    STORM = 3


class TimelineKind(IntEnum):
    OPENED = 1
    ALERTS = 2
    ACKNOWLEDGED = 3
    RESOLVED = 4
    NOTE = 5
    WARNING = 6
    MITIGATED = 7
    REOPENED = 8
    MERGED = 9
    SPLIT = 10
    ROLE = 11
    SEVERITY = 12
    CAUSE = 13
    CHANGE = 20


class IncidentChange(IntEnum):
    ALERTS = 1
    ACKNOWLEDGED = 2
    RESOLVED = 3
    MITIGATED = 4
    REOPENED = 5
    MERGED = 6
    SPLIT = 7
    ROLE = 8
    SEVERITY = 9
    CAUSE = 10
    EVIDENCE = 20


class Severity(IntEnum):
    """How bad, by number: 1 is the gravest."""

    SEV1 = 1
    SEV2 = 2
    SEV3 = 3
    SEV4 = 4
    SEV5 = 5


class Cause(IntEnum):
    """Where an incident came from, seen from the team that owns the component."""

    OWN_CHANGE = 1
    DEPENDENCY = 2
    PLATFORM = 3
    EXTERNAL = 4
    OUT_OF_SCOPE = 5
    MISCATEGORISED = 6


class Role(IntEnum):
    COMMANDER = 1
    DEPUTY = 2
    SCRIBE = 3
    LIAISON = 4


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who has a role in an incident, and who gave it to them."""

    role: Role
    person: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Rating:
    """The severity people gave an incident. It stands beside the one triage assesses, and neither replaces the other."""

    severity: Severity
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Attribution:
    """What people hold to be the cause, with how sure they are, 0 to 1; `ref` names the change or component, if known."""

    cause: Cause
    confidence: float
    ref: str
    note: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Incident:
    """A group of alerts that people handle as one. Times are event times; `version` counts its states."""

    id: UUID
    version: int
    state: IncidentState
    title: str
    summary: str
    group_key: str
    group_labels: tuple[tuple[str, str], ...]
    components: tuple[str, ...]
    opened_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    last_ended_at: datetime | None
    alert_count: int
    firing_count: int
    evidence: Evidence
    created_at: datetime
    updated_at: datetime
    kind: IncidentKind = IncidentKind.ALERTS
    rule: str = "default"  # the grouping rule that opened it, at `rule_revision`
    rule_revision: int = 0
    quiet_period: timedelta = timedelta(0)  # an alert of its group that begins within this after its last end belongs to it
    last_started_at: datetime | None = None
    shaped: bool = False  # a person decided what is in it: alerts alone never re-arrange it
    untold: bool = False  # changed since its last event
    mitigated_at: datetime | None = None
    merged_into: UUID | None = None
    declared_by: str = ""
    rating: Rating | None = None
    attribution: Attribution | None = None
    roles: tuple[Assignment, ...] = ()  # in the order of Role, each at most once

    @property
    def name(self) -> str:
        return f"incidents/{self.id}"


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of an incident's time-line."""

    id: UUID
    incident_id: UUID
    occurred_at: datetime
    actor: str
    kind: TimelineKind
    text: str
    evidence_url: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AlertsJoined:
    """What a batch of reports brought to one incident."""

    opened: int
    resolved: int
    components: tuple[str, ...]
    evidence: Evidence
    first_start: datetime | None
    last_end: datetime | None
    last_start: datetime | None = None


def join(incident: Incident, joined: AlertsJoined, now: datetime) -> Incident:
    """Returns the incident with what a batch brought; it resolves when its last firing alert ended."""
    firing = incident.firing_count + joined.opened - joined.resolved
    ended = max((each for each in (incident.last_ended_at, joined.last_end) if each), default=None)
    was_resolved = incident.state is IncidentState.RESOLVED
    over = firing == 0 and joined.resolved > 0 and not was_resolved
    return replace(
        incident,
        version=incident.version + 1,
        state=IncidentState.RESOLVED if over else incident.state,
        components=tuple(sorted({*incident.components, *joined.components})),
        opened_at=min(each for each in (incident.opened_at, joined.first_start) if each),
        resolved_at=ended if over else incident.resolved_at,
        last_ended_at=ended,
        last_started_at=max((each for each in (incident.last_started_at, joined.last_start) if each), default=None),
        alert_count=incident.alert_count + joined.opened,
        firing_count=firing,
        evidence=merge(incident.evidence, joined.evidence),
        updated_at=now,
    )


def title_of(labels: Sequence[tuple[str, str]], annotations: Sequence[tuple[str, str]]) -> str:
    """Returns one line on what an alert is about: its summary, else its alert name, else its labels."""
    texts = dict(annotations)
    names = dict(labels)
    text = texts.get("summary") or names.get("alertname") or ", ".join(f"{key}={value}" for key, value in sorted(labels))
    return " ".join(text.split())[:TITLE_LENGTH]
