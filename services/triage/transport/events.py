"""What triage hears from intake and from itself, and its own events in their wire form."""

from collections.abc import Sequence

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
from services.triage.transport.incidents import INCIDENT_EVENTS, incident_from_pb, incident_told, rating_from_pb
from services.triage.transport.slo_convert import slo_to_pb
from services.triage.usecases.assessments import Assessments, Told
from services.triage.usecases.labels import Labels
from shared.events.event import EncodedEvent, Outcome, ReceivedEvent
from shared.events.sink import Arrival, GroupHandler, Handler

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

    async def take(self, arrived: Sequence[Arrival]) -> list[Outcome]:
        told = [_told(each) for each in arrived]
        kept = await self._assessments.assess(told)
        for each, heard, assessed in zip(arrived, told, kept, strict=True):
            if assessed is not None:
                rating = rating_from_pb(incident_told(each.event)[0], each.event.time)
                await self._labels.hear(heard.incident, assessed, rating)
        return [Outcome.STALE if each is None else Outcome.ACCEPTED for each in kept]


def _told(arrived: Arrival) -> Told:
    message, change = incident_told(arrived.event)
    trigger = "INCIDENT_OPENED" if change is None else _TRIGGERS.get(change, "INCIDENT_CHANGED")
    return Told(incident_from_pb(message), arrived.event.version, trigger, arrived.cause)


def of_incidents(first: GroupHandler, second: GroupHandler) -> dict[str, GroupHandler]:
    """Returns handlers that give what intake tells of incidents to both, in this order; an event is stale when neither had use for it."""

    async def take(arrived: Sequence[Arrival]) -> list[Outcome]:
        outcomes = zip(await first(arrived), await second(arrived), strict=True)
        return [Outcome.ACCEPTED if Outcome.ACCEPTED in both else Outcome.STALE for both in outcomes]

    return dict.fromkeys(INCIDENT_EVENTS, take)
