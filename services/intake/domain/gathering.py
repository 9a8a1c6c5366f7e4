"""Gathering: what alerts that begin, end and begin again make of the incident they are in."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.intake.domain.evidence import NO_EVIDENCE, Evidence, merge
from services.intake.domain.incident import Incident, IncidentKind, IncidentState


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a batch of reports brought to one incident; times are event times."""

    opened: int = 0
    refired: int = 0
    resolved: int = 0
    components: tuple[str, ...] = ()
    evidence: Evidence = NO_EVIDENCE
    first_start: datetime | None = None
    last_start: datetime | None = None
    last_end: datetime | None = None


def belongs(incident: Incident, starts_at: datetime) -> bool:
    """Whether an alert of the incident's group that begins then is part of it: while it lasts, and within its quiet period after.

    One that people shaped stays over when it is over: they decided what was in it.
    """
    if incident.state is not IncidentState.RESOLVED:
        return True
    if incident.shaped or incident.merged_into is not None or incident.kind is not IncidentKind.ALERTS:
        return False
    end = incident.last_ended_at or incident.resolved_at
    return end is not None and starts_at - end <= incident.quiet_period


def reaches_back(incident: Incident, starts_at: datetime) -> bool:
    """Whether an alert begins before the incident, so that what came earlier may belong to the same one."""
    return not incident.shaped and starts_at < incident.opened_at


def leaves_gap(incident: Incident, ends_at: datetime) -> bool:
    """Whether an alert ended so long before another of the incident began that the two may be incidents of their own."""
    latest = incident.last_started_at
    return not incident.shaped and latest is not None and ends_at + incident.quiet_period < latest


def only_counts(incident: Incident, brought: Gathered) -> bool:
    """Whether the batch makes the incident larger or smaller and nothing else: it stands as it did, with what was known of it."""
    firing = incident.firing_count + brought.opened + brought.refired - brought.resolved
    return (
        incident.state is not IncidentState.RESOLVED
        and not (firing == 0 and brought.resolved)
        and set(brought.components) <= set(incident.components)
        and merge(incident.evidence, brought.evidence) == incident.evidence
    )


def gather(incident: Incident, brought: Gathered, now: datetime, *, untold: bool = False) -> Incident:
    """Returns the incident with what a batch brought: it ends with its last firing alert, and is open again when one fires again."""
    firing = incident.firing_count + brought.opened + brought.refired - brought.resolved
    ended = max((each for each in (incident.last_ended_at, brought.last_end) if each), default=None)
    is_resolved = incident.state is IncidentState.RESOLVED
    # One that was over is over later, where an alert that was over when it was told of belongs to it.
    over = firing == 0 and brought.resolved > 0 and (not is_resolved or brought.opened + brought.refired > 0)
    again = is_resolved and brought.opened + brought.refired > 0 and firing > 0
    return replace(
        incident,
        version=incident.version + 1,
        state=IncidentState.RESOLVED if over else (_state_before(incident) if again else incident.state),
        components=tuple(sorted({*incident.components, *brought.components})),
        opened_at=min(each for each in (incident.opened_at, brought.first_start) if each),
        resolved_at=ended if over else (None if again else incident.resolved_at),
        mitigated_at=None if again else incident.mitigated_at,
        last_started_at=max((each for each in (incident.last_started_at, brought.last_start) if each), default=None),
        last_ended_at=ended,
        alert_count=incident.alert_count + brought.opened,
        firing_count=firing,
        evidence=merge(incident.evidence, brought.evidence),
        updated_at=now,
        untold=untold or incident.untold,
    )


def _state_before(incident: Incident) -> IncidentState:
    """Returns how an incident stands that is open again: whoever had taken it still has it."""
    return IncidentState.ACKNOWLEDGED if incident.acknowledged_at else IncidentState.OPEN
