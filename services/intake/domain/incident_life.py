"""The life of an incident: how it is declared, taken, mitigated, ended and reopened, and what people say of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.intake.domain.errors import AlertsFiring, IncidentMerged, IncidentResolved
from services.intake.domain.evidence import NO_EVIDENCE
from services.intake.domain.incident import Assignment, Attribution, Incident, IncidentKind, IncidentState, Rating, Role


class Action(StrEnum):
    """What a person does that may change where an incident stands."""

    ACKNOWLEDGE = "acknowledge"
    MITIGATE = "mitigate"
    RESOLVE = "resolve"
    REOPEN = "reopen"


# Where each action leads; the same state again means that it changes nothing. What stands nowhere is refused: it is over.
_NEXT: Mapping[tuple[IncidentState, Action], IncidentState] = {
    (IncidentState.OPEN, Action.ACKNOWLEDGE): IncidentState.ACKNOWLEDGED,
    (IncidentState.OPEN, Action.MITIGATE): IncidentState.MITIGATED,
    (IncidentState.OPEN, Action.RESOLVE): IncidentState.RESOLVED,
    (IncidentState.OPEN, Action.REOPEN): IncidentState.OPEN,
    (IncidentState.ACKNOWLEDGED, Action.ACKNOWLEDGE): IncidentState.ACKNOWLEDGED,
    (IncidentState.ACKNOWLEDGED, Action.MITIGATE): IncidentState.MITIGATED,
    (IncidentState.ACKNOWLEDGED, Action.RESOLVE): IncidentState.RESOLVED,
    (IncidentState.ACKNOWLEDGED, Action.REOPEN): IncidentState.ACKNOWLEDGED,
    (IncidentState.MITIGATED, Action.ACKNOWLEDGE): IncidentState.MITIGATED,
    (IncidentState.MITIGATED, Action.MITIGATE): IncidentState.MITIGATED,
    (IncidentState.MITIGATED, Action.RESOLVE): IncidentState.RESOLVED,
    (IncidentState.MITIGATED, Action.REOPEN): IncidentState.ACKNOWLEDGED,
    (IncidentState.RESOLVED, Action.RESOLVE): IncidentState.RESOLVED,
    (IncidentState.RESOLVED, Action.REOPEN): IncidentState.OPEN,
}


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a person declares."""

    title: str
    summary: str
    components: tuple[str, ...]
    opened_at: datetime
    rating: Rating | None
    by: str


def next_state(incident: Incident, action: Action) -> IncidentState:
    """Returns where the action leads. Raises IncidentMerged, or IncidentResolved for what cannot be done once it is over."""
    check_not_merged(incident)
    state = _NEXT.get((incident.state, action))
    if state is None:
        raise IncidentResolved(incident.name)
    # What was taken once is not to be taken again.
    return IncidentState.ACKNOWLEDGED if state is IncidentState.OPEN and incident.acknowledged_at else state


def check_not_merged(incident: Incident) -> None:
    if incident.merged_into is not None:
        raise IncidentMerged(incident.name, f"incidents/{incident.merged_into}")


def declare(declaration: Declaration, incident_id: UUID, now: datetime) -> Incident:
    """Returns a new incident without alerts, in a group of its own, which no alert falls into by itself."""
    return Incident(
        id=incident_id,
        version=1,
        state=IncidentState.OPEN,
        title=" ".join(declaration.title.split()),
        summary=declaration.summary,
        group_key=f"declared:{incident_id}",
        group_labels=(),
        components=tuple(sorted({each.removeprefix("components/") for each in declaration.components})),
        opened_at=declaration.opened_at,
        acknowledged_at=None,
        resolved_at=None,
        last_ended_at=None,
        alert_count=0,
        firing_count=0,
        evidence=NO_EVIDENCE,
        created_at=now,
        updated_at=now,
        kind=IncidentKind.DECLARED,
        rule="",
        shaped=True,
        declared_by=declaration.by,
        rating=declaration.rating,
    )


def acknowledge(incident: Incident, at: datetime, now: datetime) -> Incident:
    """Returns the incident taken. Taking it twice changes nothing."""
    state = next_state(incident, Action.ACKNOWLEDGE)
    if state is incident.state:
        return incident
    return _changed(incident, now, state=state, acknowledged_at=max(at, incident.opened_at))


def mitigate(incident: Incident, at: datetime, now: datetime) -> Incident:
    """Returns the incident mitigated; that takes it too, for somebody evidently worked on it."""
    state = next_state(incident, Action.MITIGATE)
    if state is incident.state:
        return incident
    at = max(at, incident.acknowledged_at or incident.opened_at)
    return _changed(incident, now, state=state, mitigated_at=at, acknowledged_at=incident.acknowledged_at or at)


def resolve(incident: Incident, at: datetime, now: datetime, *, force: bool) -> Incident:
    """Returns the incident ended. Ending it twice changes nothing. Raises AlertsFiring unless forced."""
    state = next_state(incident, Action.RESOLVE)
    if state is incident.state:
        return incident
    if incident.firing_count and not force:
        raise AlertsFiring(incident.name, incident.firing_count)
    shaped = incident.shaped or incident.firing_count > 0
    return _changed(incident, now, state=state, resolved_at=max(at, incident.opened_at), shaped=shaped)


def reopen(incident: Incident, now: datetime) -> Incident:
    """Returns the incident taken back from resolved or mitigated; it is as if it had never been either."""
    state = next_state(incident, Action.REOPEN)
    if state is incident.state:
        return incident
    return _changed(incident, now, state=state, mitigated_at=None, resolved_at=None, shaped=True)


def assign(incident: Incident, role: Role, assignment: Assignment | None, now: datetime) -> Incident:
    """Returns the incident with the role given to somebody, or to nobody. The same person again changes nothing."""
    check_not_merged(incident)
    before = holder(incident, role)
    if (before.person if before else "") == (assignment.person if assignment else ""):
        return incident
    others = [each for each in incident.roles if each.role is not role]
    return _changed(incident, now, roles=tuple(sorted([*others, *([assignment] if assignment else [])], key=lambda each: each.role)))


def holder(incident: Incident, role: Role) -> Assignment | None:
    return next((each for each in incident.roles if each.role is role), None)


def rate(incident: Incident, rating: Rating | None, now: datetime) -> Incident:
    """Returns the incident with the severity people gave it. The same severity again changes nothing."""
    check_not_merged(incident)
    before = incident.rating
    if (before and before.severity) == (rating and rating.severity):
        return incident
    return _changed(incident, now, rating=rating)


def attribute(incident: Incident, attribution: Attribution | None, now: datetime) -> Incident:
    """Returns the incident with the cause people hold it to have. The same, as sure and as well known, changes nothing."""
    check_not_merged(incident)
    if _said(incident.attribution) == _said(attribution):
        return incident
    return _changed(incident, now, attribution=attribution)


def _said(attribution: Attribution | None) -> tuple[object, ...] | None:
    return (attribution.cause, attribution.confidence, attribution.ref, attribution.note) if attribution else None


def _changed(incident: Incident, now: datetime, **changes: object) -> Incident:
    return replace(incident, version=incident.version + 1, updated_at=now, **changes)  # type: ignore[arg-type]  # fields of an incident
