"""What triage hears from intake and from itself, and its own events in their wire form."""

from ballast.intake.v1 import incident_pb2
from ballast.intake.v1 import intake_events_pb2 as intake
from ballast.triage.v1 import budget_events_pb2
from ballast.triage.v1 import triage_events_pb2 as pb
from google.protobuf.message import Message

from services.triage.domain.budget_events import BudgetEvent
from services.triage.domain.events import (
    AssessmentMade,
    CalibrationDrifted,
    ComponentChanged,
    EscalationDue,
    Event,
    GatingRulesChanged,
    InputDrifted,
    SloChanged,
)
from services.triage.transport.budget_events import encode_budget
from services.triage.transport.calibration_convert import calibration_drifted_to_pb, input_drifted_to_pb
from services.triage.transport.convert import assessment_to_pb, component_to_pb, matrix_to_pb
from services.triage.transport.escalation_convert import escalation_to_pb
from services.triage.transport.gate_convert import gates_to_pb
from services.triage.transport.incidents import incident_from_pb, rating_from_pb
from services.triage.transport.slo_convert import slo_to_pb
from services.triage.usecases.assessments import Assessments
from services.triage.usecases.labels import Labels
from shared.events.event import EncodedEvent, Outcome, ReceivedEvent
from shared.events.sink import Handler

MATRIX_SUBJECT = "severityMatrix"
GATES_SUBJECT = "gatingRules"
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
    if isinstance(event, InputDrifted):
        return EncodedEvent(f"drifts/{event.drift.feature}", event.onset, input_drifted_to_pb(event), event.detected_at)
    if isinstance(event, CalibrationDrifted):
        return EncodedEvent("drifts/calibration", event.onset, calibration_drifted_to_pb(event), event.detected_at)
    if isinstance(event, GatingRulesChanged):
        data = pb.GatingRulesChanged(gates=gates_to_pb(event.gates))
        return EncodedEvent(GATES_SUBJECT, event.gates.revision, data, event.gates.create_time)
    if isinstance(event, EscalationDue):
        due = event.escalation
        subject = f"{due.incident}/escalations/{due.target_at:%Y%m%dT%H%M%SZ}"  # each target once, so each has one version
        return EncodedEvent(subject, 1, pb.EscalationDue(escalation=escalation_to_pb(due)), due.create_time)
    if isinstance(event, SloChanged):
        slo = event.stored
        data = pb.SloChanged(slo=slo_to_pb(slo), deleted=event.is_deleted)
        return EncodedEvent(slo.slo.name, slo.revision, data, slo.update_time)
    data = pb.SeverityMatrixChanged(matrix=matrix_to_pb(event.matrix))
    return EncodedEvent(MATRIX_SUBJECT, event.matrix.revision, data, event.matrix.create_time)


class OwnEvents:
    """Assesses open incidents again when triage itself tells that what is known around them changed.

    Through the outbox like any other event: so it is tried until it is done, by whichever replica.
    """

    def __init__(self, assessments: Assessments) -> None:
        self._assessments = assessments

    def handlers(self) -> dict[str, Handler]:
        return {
            pb.ComponentChanged.DESCRIPTOR.full_name: self._component_changed,
            pb.SeverityMatrixChanged.DESCRIPTOR.full_name: self._matrix_changed,
            pb.GatingRulesChanged.DESCRIPTOR.full_name: self._gates_changed,
            budget_events_pb2.ErrorBudgetChanged.DESCRIPTOR.full_name: self._budget_changed,
        }

    async def _component_changed(self, event: ReceivedEvent) -> Outcome:
        component = event.unpack(pb.ComponentChanged).component
        await self._assessments.catalogue_changed(component.name, "COMPONENT_CHANGED")
        return Outcome.ACCEPTED

    async def _matrix_changed(self, _: ReceivedEvent) -> Outcome:
        await self._assessments.assess_again((), "SEVERITY_MATRIX_CHANGED")
        return Outcome.ACCEPTED

    async def _budget_changed(self, event: ReceivedEvent) -> Outcome:
        budget = event.unpack(budget_events_pb2.ErrorBudgetChanged).error_budget
        await self._assessments.assess_again([budget.component], "ERROR_BUDGET_CHANGED")
        return Outcome.ACCEPTED

    async def _gates_changed(self, _: ReceivedEvent) -> Outcome:
        await self._assessments.assess_again((), "GATING_RULES_CHANGED")
        return Outcome.ACCEPTED


class IncidentEvents:
    """Assesses each incident that intake tells of, and keeps what people say it was."""

    def __init__(self, assessments: Assessments, labels: Labels) -> None:
        self._assessments = assessments
        self._labels = labels

    def handlers(self) -> dict[str, Handler]:
        return {
            intake.IncidentOpened.DESCRIPTOR.full_name: self._opened,
            intake.IncidentChanged.DESCRIPTOR.full_name: self._changed,
        }

    async def _opened(self, event: ReceivedEvent) -> Outcome:
        return await self._take(event.unpack(intake.IncidentOpened).incident, event, "INCIDENT_OPENED")

    async def _changed(self, event: ReceivedEvent) -> Outcome:
        told = event.unpack(intake.IncidentChanged)
        return await self._take(told.incident, event, _TRIGGERS.get(told.change, "INCIDENT_CHANGED"))

    async def _take(self, message: incident_pb2.Incident, event: ReceivedEvent, trigger: str) -> Outcome:
        incident = incident_from_pb(message)
        if not await self._assessments.assess(incident, event.version, trigger):
            return Outcome.STALE
        await self._labels.hear(incident, rating_from_pb(message, event.time))
        return Outcome.ACCEPTED


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
