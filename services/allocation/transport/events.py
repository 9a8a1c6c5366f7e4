"""What allocation hears from triage, and its own events in their wire form."""

from ballast.allocation.v1 import allocation_events_pb2 as pb
from ballast.events.v1.outbox_manifest_pb2 import OutboxManifest
from ballast.triage.v1 import triage_events_pb2
from ballast.triage.v1.assessment_pb2 import Assessment
from google.protobuf.message import Message

from services.allocation.domain.events import (
    AllocationPolicyChanged,
    DecisionChanged,
    DecisionMade,
    Event,
    RoadmapItemChanged,
    TeamChanged,
    WorkRecorded,
)
from services.allocation.domain.incident import GRAVEST, MILDEST, IncidentFact
from services.allocation.domain.sprint import check_calendar
from services.allocation.storage.heard_store import HeardStore
from services.allocation.transport.convert import item_to_pb, policy_to_pb, team_to_pb
from services.allocation.transport.decisions import decision_to_pb
from services.allocation.transport.presence_events import encode_presence
from services.allocation.transport.work_convert import record_to_pb
from services.allocation.usecases.decisions import Decisions
from shared.errors import InvalidInput, Violation
from shared.events.event import EncodedEvent, Outcome, ReceivedEvent
from shared.events.sink import Handler
from shared.rpc.wellknown import money_from_pb, time_from_pb
from shared.telemetry import context_from_traceparent, trace_ids


def encode(event: Event) -> EncodedEvent:
    """Returns the event as it is recorded."""
    if isinstance(event, DecisionMade):
        made = event.decision
        return EncodedEvent(made.name, 1, pb.DecisionMade(decision=decision_to_pb(made)), made.created_at)
    if isinstance(event, DecisionChanged):
        told = event.decision
        changed = pb.DecisionChanged(decision=decision_to_pb(told), from_state=event.from_state.value)  # type: ignore[arg-type]
        return EncodedEvent(told.name, told.standing.version, changed, event.changed_at)
    if isinstance(event, AllocationPolicyChanged):
        policy = event.policy
        return EncodedEvent(policy.name, policy.revision, pb.AllocationPolicyChanged(policy=policy_to_pb(policy)), policy.created_at)
    if isinstance(event, TeamChanged):
        team = event.team
        return EncodedEvent(team.name, team.version, pb.TeamChanged(team=team_to_pb(team)), team.updated_at)
    if isinstance(event, RoadmapItemChanged):
        item = event.item
        return EncodedEvent(item.name, item.version, pb.RoadmapItemChanged(item=item_to_pb(item)), item.updated_at)
    if isinstance(event, WorkRecorded):
        data: Message = pb.WorkRecorded(records=[record_to_pb(record) for record in event.records])
        return EncodedEvent(event.records[0].name, 1, data, event.recorded_at)
    return encode_presence(event)


class AssessmentEvents:
    """Decides on the assessments that triage tells of, and notes when it told anything."""

    def __init__(self, decisions: Decisions, heard: HeardStore) -> None:
        self._decisions = decisions
        self._heard = heard

    def handlers(self) -> dict[str, Handler]:
        return {triage_events_pb2.AssessmentMade.DESCRIPTOR.full_name: self._made, OutboxManifest.DESCRIPTOR.full_name: self._said}

    async def _made(self, event: ReceivedEvent) -> Outcome:
        fact = fact_from_pb(event.unpack(triage_events_pb2.AssessmentMade).assessment, event.traceparent)
        await self._heard.note(event.source, event.time)
        return Outcome.ACCEPTED if await self._decisions.hear(fact) else Outcome.STALE

    async def _said(self, event: ReceivedEvent) -> Outcome:
        """A service says what it recorded, of whatever kind: a sign of life also where no incident is."""
        await self._heard.note(event.source, event.time)
        return Outcome.ACCEPTED


def fact_from_pb(assessment: Assessment, traceparent: str) -> IncidentFact:
    """Returns what an assessment says of its incident. Raises InvalidInput for what no assessment can lack or be."""
    opened_at = time_from_pb(assessment, "opened_at")
    missing = [
        Violation(f"assessment.{field}", "is missing; an assessment always has it")
        for field, absent in (
            ("name", not assessment.name),
            ("incident", not assessment.incident),
            ("severity", not GRAVEST <= assessment.severity <= MILDEST),
            ("opened_at", opened_at is None),
        )
        if absent
    ]
    if missing or opened_at is None:
        raise InvalidInput(f"{missing[0].field} {missing[0].description}", missing, reason="EVENT_MALFORMED")
    for field in ("opened_at", "resolved_at"):
        check_calendar(f"assessment.{field}", time_from_pb(assessment, field))
    trace_id, span_id = trace_ids(context_from_traceparent(traceparent))
    return IncidentFact(
        incident=assessment.incident,
        assessment=assessment.name,
        revision=assessment.revision,
        severity=assessment.severity,
        opened_at=opened_at,
        resolved_at=time_from_pb(assessment, "resolved_at"),
        # What was merged is counted with the incident it went into: by itself it concerns nobody.
        teams=() if assessment.merged_into else tuple(assessment.teams),
        trace_id=trace_id,
        span_id=span_id,
        components=tuple(assessment.components),
        expected_loss=money_from_pb(assessment.expected_loss_per_hour) if assessment.HasField("expected_loss_per_hour") else None,
    )
