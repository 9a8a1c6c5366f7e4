"""What triage hears from intake, and its own events in their wire form."""

from ballast.intake.v1 import intake_events_pb2 as intake
from ballast.triage.v1 import triage_events_pb2 as pb
from google.protobuf.message import Message

from services.triage.domain.budget_events import BudgetEvent
from services.triage.domain.events import AssessmentMade, ComponentChanged, Event, SloChanged
from services.triage.transport.budget_events import encode_budget
from services.triage.transport.convert import assessment_to_pb, component_to_pb, matrix_to_pb
from services.triage.transport.incidents import incident_from_pb
from services.triage.transport.slo_convert import slo_to_pb
from services.triage.usecases.assessments import Assessments
from shared.events.event import EncodedEvent, Outcome, ReceivedEvent
from shared.events.sink import Handler

MATRIX_SUBJECT = "severityMatrix"
_TRIGGERS = {
    intake.INCIDENT_CHANGE_ALERTS: "ALERTS_CHANGED",
    intake.INCIDENT_CHANGE_ACKNOWLEDGED: "INCIDENT_ACKNOWLEDGED",
    intake.INCIDENT_CHANGE_RESOLVED: "INCIDENT_RESOLVED",
    intake.INCIDENT_CHANGE_MITIGATED: "INCIDENT_MITIGATED",
    intake.INCIDENT_CHANGE_REOPENED: "INCIDENT_REOPENED",
    intake.INCIDENT_CHANGE_MERGED: "INCIDENT_MERGED",
    intake.INCIDENT_CHANGE_SPLIT: "INCIDENT_SPLIT",
}


def encode(event: Event | BudgetEvent) -> EncodedEvent:
    """Returns the event as it is recorded."""
    if isinstance(event, BudgetEvent):
        return encode_budget(event)
    if isinstance(event, AssessmentMade):
        made = event.assessment
        previous = event.previous_severity.value if event.previous_severity else 0
        data: Message = pb.AssessmentMade(assessment=assessment_to_pb(made), previous_severity=previous)  # type: ignore[arg-type]
        return EncodedEvent(made.name, made.revision, data, made.create_time)
    if isinstance(event, ComponentChanged):
        stored = event.stored
        data = pb.ComponentChanged(component=component_to_pb(stored))
        return EncodedEvent(stored.component.name, stored.version, data, stored.update_time)
    if isinstance(event, SloChanged):
        slo = event.stored
        data = pb.SloChanged(slo=slo_to_pb(slo), deleted=event.is_deleted)
        return EncodedEvent(slo.slo.name, slo.revision, data, slo.update_time)
    data = pb.SeverityMatrixChanged(matrix=matrix_to_pb(event.matrix))
    return EncodedEvent(MATRIX_SUBJECT, event.matrix.revision, data, event.matrix.create_time)


class IncidentEvents:
    """Assesses each incident that intake tells of."""

    def __init__(self, assessments: Assessments) -> None:
        self._assessments = assessments

    def handlers(self) -> dict[str, Handler]:
        return {
            intake.IncidentOpened.DESCRIPTOR.full_name: self._opened,
            intake.IncidentChanged.DESCRIPTOR.full_name: self._changed,
        }

    async def _opened(self, event: ReceivedEvent) -> Outcome:
        incident = incident_from_pb(event.unpack(intake.IncidentOpened).incident)
        return _outcome(await self._assessments.assess(incident, event.version, "INCIDENT_OPENED"))

    async def _changed(self, event: ReceivedEvent) -> Outcome:
        told = event.unpack(intake.IncidentChanged)
        trigger = _TRIGGERS.get(told.change, "INCIDENT_CHANGED")
        return _outcome(await self._assessments.assess(incident_from_pb(told.incident), event.version, trigger))


def both(first: dict[str, Handler], second: dict[str, Handler]) -> dict[str, Handler]:
    """Returns handlers that give each event to both, in this order; it is stale when neither had use for it."""

    def chained(one: Handler, other: Handler) -> Handler:
        async def handle(event: ReceivedEvent) -> Outcome:
            outcomes = {await one(event), await other(event)}
            return Outcome.ACCEPTED if Outcome.ACCEPTED in outcomes else Outcome.STALE

        return handle

    return {
        kind: chained(first[kind], second[kind]) if kind in first and kind in second else (first | second)[kind] for kind in first | second
    }


def _outcome(is_newest: bool) -> Outcome:
    return Outcome.ACCEPTED if is_newest else Outcome.STALE
