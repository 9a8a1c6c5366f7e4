"""Incidents and their evidence, as the wire brings them."""

from collections.abc import Iterable
from datetime import datetime

from ballast.intake.v1 import incident_pb2
from ballast.intake.v1 import intake_events_pb2 as intake

from services.triage.domain.incident import Evidence, Incident, IncidentState, ServiceImpact
from services.triage.domain.label import LabelSource, SeverityLabel
from services.triage.domain.severity import Severity
from shared.errors import InvalidInput, Violation, invalid_field
from shared.events.event import ReceivedEvent
from shared.ids import uuid_of
from shared.rpc.wellknown import time_from_pb

INCIDENT_EVENTS = (intake.IncidentOpened.DESCRIPTOR.full_name, intake.IncidentChanged.DESCRIPTOR.full_name)


def incident_told(event: ReceivedEvent) -> "tuple[incident_pb2.Incident, intake.IncidentChange.ValueType | None]":
    """Returns the incident that one of INCIDENT_EVENTS tells of, and how it changed; None where it was opened."""
    if event.type == intake.IncidentOpened.DESCRIPTOR.full_name:
        return event.unpack(intake.IncidentOpened).incident, None
    told = event.unpack(intake.IncidentChanged)
    return told.incident, told.change


def incident_from_pb(message: incident_pb2.Incident) -> Incident:
    """Reads an incident that an event tells of. Raises InvalidInput naming each field without which it cannot be assessed."""
    opened_at = time_from_pb(message, "opened_at")
    states = {state.value for state in IncidentState}
    broken = [
        Violation(f"incident.{field}", rule)
        for field, is_broken, rule in (
            ("name", not _is_incident(message.name), f"is {message.name!r}; send incidents/ and a UUID"),
            ("state", message.state not in states, f"is {message.state}; send open, acknowledged, mitigated or resolved"),
            ("opened_at", opened_at is None, "is absent; send when the incident was opened"),
        )
        if is_broken
    ]
    if broken or opened_at is None:
        raise InvalidInput("; ".join(f"{each.field}: {each.description}" for each in broken), broken, reason="EVENT_MALFORMED")
    return Incident(
        opened_at,
        name=message.name,
        title=message.title,
        state=IncidentState(message.state),
        components=component_ids(message.components),
        acknowledged_at=time_from_pb(message, "acknowledged_at"),
        resolved_at=time_from_pb(message, "resolved_at"),
        alert_count=message.alert_count,
        evidence=evidence_from_pb(message.evidence),
        merged_into=message.merged_into,
        signal=message.group_labels.get("alertname", ""),
        changed_at=time_from_pb(message, "update_time"),
    )


def rating_from_pb(message: incident_pb2.Incident, now: datetime) -> SeverityLabel | None:
    """Reads the severity that people gave an incident; None where nobody did, or in a way the contract does not know."""
    rating = message.rating
    if rating.severity not in {severity.value for severity in Severity}:
        return None
    set_at = time_from_pb(rating, "set_at") or now
    return SeverityLabel(message.name, LabelSource.INCIDENT, Severity(rating.severity), rating.reason, rating.set_by, set_at)


def evidence_from_pb(message: incident_pb2.Evidence) -> Evidence:
    """Reads evidence; what is absent is None. Raises InvalidInput for a service impact the contract does not know."""
    return Evidence(
        users_affected=message.users_affected if message.HasField("users_affected") else None,
        service_impact=_service_impact(message.service_impact),
        data_loss=message.data_loss if message.HasField("data_loss") else None,
        security=message.security if message.HasField("security") else None,
        safety=message.safety if message.HasField("safety") else None,
        workaround=message.workaround if message.HasField("workaround") else None,
        burn_rate=message.burn_rate if message.HasField("burn_rate") else None,
        recent_change=message.recent_change if message.HasField("recent_change") else None,
        redundancy_left=message.redundancy_left if message.HasField("redundancy_left") else None,
        flap_count=message.flap_count if message.HasField("flap_count") else None,
    )


def _service_impact(number: int) -> ServiceImpact | None:
    if not number:
        return None
    try:
        return ServiceImpact(number)
    except ValueError:
        rule = f"is {number}; send information, disruption or outage, or leave it out when it is unknown"
        raise invalid_field("evidence.service_impact", rule) from None


def component_ids(components: Iterable[str]) -> tuple[str, ...]:
    """Alerts carry bare ids; a full name means the same component."""
    return tuple(sorted({component.removeprefix("components/") for component in components}))


def _is_incident(name: str) -> bool:
    try:
        return name == f"incidents/{uuid_of(name)}"
    except ValueError:
        return False
