"""Intake's events in their wire form."""

from ballast.intake.v1 import intake_events_pb2 as pb
from ballast.intake.v1.incident_pb2 import Incident

from services.intake.domain.events import ChangeReported, Event, GroupingRulesChanged, IncidentOpened
from services.intake.domain.muting_events import MutingEvent
from services.intake.transport.convert import incident_to_pb
from services.intake.transport.grouping_convert import revision_to_pb
from services.intake.transport.muting_events import encode_muting
from services.intake.transport.signal_convert import change_to_pb
from shared.events.event import EncodedEvent, ReceivedEvent

RULES_SUBJECT = "groupingRules"
INCIDENT_TYPES = (pb.IncidentOpened.DESCRIPTOR.full_name, pb.IncidentChanged.DESCRIPTOR.full_name)


def encode(event: Event | MutingEvent) -> EncodedEvent:
    """Returns the event as it is recorded."""
    if isinstance(event, GroupingRulesChanged):
        changed = pb.GroupingRulesChanged(rules=revision_to_pb(event.made, event.rules))
        return EncodedEvent(RULES_SUBJECT, event.made.revision, changed, event.made.created_at)
    if isinstance(event, ChangeReported):
        change = event.change
        return EncodedEvent(change.name, change.version, pb.ChangeReported(change=change_to_pb(change)), change.updated_at)
    if isinstance(event, MutingEvent):
        return encode_muting(event)
    incident = event.incident
    message = incident_to_pb(incident)
    alerts = [f"alerts/{each}" for each in event.alerts]
    data: pb.IncidentOpened | pb.IncidentChanged
    if isinstance(event, IncidentOpened):
        data = pb.IncidentOpened(incident=message, alerts=alerts)
    else:
        data = pb.IncidentChanged(incident=message, change=event.change.value, alerts=alerts, actor=event.actor)  # type: ignore[arg-type]
    return EncodedEvent(incident.name, incident.version, data, incident.updated_at)


def incident_from_event(event: ReceivedEvent) -> Incident:
    """Returns the incident that one of intake's own events tells of."""
    if event.type == INCIDENT_TYPES[0]:
        return event.unpack(pb.IncidentOpened).incident
    return event.unpack(pb.IncidentChanged).incident
