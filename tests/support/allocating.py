"""A running allocation service and the messages sent to it: each builder takes what matters and fills in the rest."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ballast.allocation.v1 import allocation_messages_pb2 as pb
from ballast.allocation.v1 import decision_pb2, roadmap_item_pb2, team_pb2
from ballast.allocation.v1.adherence_service_pb2 import DESCRIPTOR as ADHERENCE
from ballast.allocation.v1.adherence_service_pb2_grpc import AdherenceServiceStub
from ballast.allocation.v1.allocation_service_pb2 import DESCRIPTOR
from ballast.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub
from ballast.allocation.v1.capacity_service_pb2 import DESCRIPTOR as CAPACITY
from ballast.allocation.v1.capacity_service_pb2_grpc import CapacityServiceStub
from ballast.allocation.v1.plan_service_pb2 import DESCRIPTOR as PLANS
from ballast.allocation.v1.plan_service_pb2_grpc import PlanServiceStub
from ballast.allocation.v1.policy_service_pb2 import DESCRIPTOR as POLICIES
from ballast.allocation.v1.policy_service_pb2_grpc import PolicyServiceStub
from ballast.allocation.v1.work_service_pb2 import DESCRIPTOR as WORK
from ballast.allocation.v1.work_service_pb2_grpc import WorkServiceStub
from ballast.events.v1 import event_sink_service_pb2 as sink
from ballast.events.v1.cloudevents_pb2 import CloudEvent, CloudEventBatch
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceStub
from ballast.triage.v1 import assessment_pb2, triage_events_pb2
from google.protobuf.message import Message
from google.type.money_pb2 import Money
from sqlalchemy import text

from services.allocation.app import build
from services.allocation.settings import AllocationSettings
from shared.app import App
from shared.clock import SimulatedClock
from shared.events.event import EncodedEvent, cloud_event
from tests.support.serving import serving

if TYPE_CHECKING:
    from ballast.allocation.v1.adherence_service_pb2_grpc import AdherenceServiceAsyncStub
    from ballast.allocation.v1.allocation_service_pb2_grpc import AllocationServiceAsyncStub
    from ballast.allocation.v1.capacity_service_pb2_grpc import CapacityServiceAsyncStub
    from ballast.allocation.v1.plan_service_pb2_grpc import PlanServiceAsyncStub
    from ballast.allocation.v1.policy_service_pb2_grpc import PolicyServiceAsyncStub
    from ballast.allocation.v1.work_service_pb2_grpc import WorkServiceAsyncStub
    from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceAsyncStub  # exist for the type checker only

FORTNIGHT = timedelta(days=14)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HELD, RAISED, LOWERED = (
    decision_pb2.DECISION_OUTCOME_HELD,
    decision_pb2.DECISION_OUTCOME_RAISED,
    decision_pb2.DECISION_OUTCOME_LOWERED,
)
SPRINT_BEGAN, ASSESSMENT, REQUEST = (
    decision_pb2.DECISION_TRIGGER_SPRINT_BEGAN,
    decision_pb2.DECISION_TRIGGER_ASSESSMENT,
    decision_pb2.DECISION_TRIGGER_REQUEST,
)


@dataclass(frozen=True)
class Suite:
    """A running allocation and the ways into it."""

    app: App
    clock: SimulatedClock
    allocation: "AllocationServiceAsyncStub"
    sink: "EventSinkServiceAsyncStub"
    plans: "PlanServiceAsyncStub"
    policies: "PolicyServiceAsyncStub"
    capacity: "CapacityServiceAsyncStub"
    work: "WorkServiceAsyncStub"
    adherence: "AdherenceServiceAsyncStub"

    async def store_team(self, name: str, sprint: int = 1, **more: Any) -> team_pb2.Team:
        """Stores a team that is a day into that sprint, and makes the decision due for it."""
        first = self.clock.now() - timedelta(days=1) - (sprint - 1) * FORTNIGHT
        response = await self.allocation.UpsertTeams(pb.UpsertTeamsRequest(teams=[team(name, first, **more)]))
        await self.app.tick()
        return response.teams[0]

    async def store_items(self, *items: roadmap_item_pb2.RoadmapItem) -> Sequence[roadmap_item_pb2.RoadmapItem]:
        return (await self.allocation.UpsertRoadmapItems(pb.UpsertRoadmapItemsRequest(items=items))).items

    async def deliver(self, *events: CloudEvent) -> list[int]:
        return list((await self.sink.Deliver(sink.DeliverRequest(batch=CloudEventBatch(events=events)))).outcomes)

    async def decisions(self, of: str, **conditions: Any) -> Sequence[decision_pb2.Decision]:
        """Returns the team's decisions, newest first."""
        chosen = pb.DecisionFilter(team=f"teams/{of}", **conditions)
        return (await self.allocation.ListDecisions(pb.ListDecisionsRequest(filter=chosen))).decisions

    async def split(self, of: str) -> team_pb2.Split:
        return (await self.allocation.GetSplit(pb.GetSplitRequest(team=f"teams/{of}"))).split

    async def advance(self, by: timedelta) -> None:
        self.clock.advance(self.clock.now() + by)
        await self.app.tick()

    async def recorded(self, kind: type[Message], subject: str = "") -> list[Any]:
        """Returns the events of that kind recorded so far, oldest first; of one subject when it is given."""
        statement = text("select payload from outbox where type = :type and :subject in ('', aggregateid) order by position")
        async with self.app.database.transaction() as connection:
            rows = await connection.execute(statement, {"type": kind.DESCRIPTOR.full_name, "subject": subject})
            payloads = [bytes(row.payload) for row in rows]
        events = []
        for payload in payloads:
            message = kind()
            CloudEvent.FromString(payload).proto_data.Unpack(message)
            events.append(message)
        return events


@asynccontextmanager
async def allocating(settings: AllocationSettings, clock: SimulatedClock) -> AsyncIterator[Suite]:
    services = [
        DESCRIPTOR.services_by_name["AllocationService"],
        PLANS.services_by_name["PlanService"],
        POLICIES.services_by_name["PolicyService"],
        CAPACITY.services_by_name["CapacityService"],
        WORK.services_by_name["WorkService"],
        ADHERENCE.services_by_name["AdherenceService"],
        sink.DESCRIPTOR.services_by_name["EventSinkService"],
    ]
    async with serving(build(settings, clock), services) as served:
        channel = served.channel.grpc
        yield Suite(
            served.app,
            clock,
            AllocationServiceStub(channel),
            EventSinkServiceStub(channel),
            PlanServiceStub(channel),
            PolicyServiceStub(channel),
            CapacityServiceStub(channel),
            WorkServiceStub(channel),
            AdherenceServiceStub(channel),
        )


def team(
    name: str,
    first_sprint_at: datetime,
    *,
    members: int = 4,
    sprint_length: timedelta = FORTNIGHT,
    first_can: Sequence[str] = (),
    **more: Any,
) -> team_pb2.Team:
    """Builds a team of people with 60 hours each in a fortnight, the first of whom has some skills."""
    people = [team_pb2.Member(id=f"m{number}", weekly_hours=40, focus_factor=0.75) for number in range(members)]
    for first in people[:1]:
        first.skills.extend(first_can)
    built = team_pb2.Team(name=f"teams/{name}", **{"members": people, **more})
    built.first_sprint_at.FromDatetime(first_sprint_at)
    built.sprint_length.FromTimedelta(sprint_length)
    return built


def item(name: str, of: str, effort: float = 40, cost: int = 1000, *after: str, **more: Any) -> roadmap_item_pb2.RoadmapItem:
    """Builds a roadmap item of team `of` that depends on `after`."""
    money = Money(currency_code=more.pop("currency", "USD"), units=cost)
    return roadmap_item_pb2.RoadmapItem(
        name=f"roadmapItems/{name}",
        title=name.title(),
        team=f"teams/{of}",
        effort_hours=effort,
        cost_of_delay_per_week=money,
        dependencies=[f"roadmapItems/{other}" for other in after],
        **more,
    )


def assessment(
    *teams: str, at: datetime, severity: int = 1, revision: int = 1, resolved_at: datetime | None = None, **more: Any
) -> assessment_pb2.Assessment:
    built = assessment_pb2.Assessment(
        **{"name": f"assessments/{uuid.uuid4()}", "incident": f"incidents/{uuid.uuid4()}", **more},
        teams=[f"teams/{name}" for name in teams],
        severity=severity,  # type: ignore[arg-type]
        revision=revision,
    )
    built.opened_at.FromDatetime(at)
    if resolved_at is not None:
        built.resolved_at.FromDatetime(resolved_at)
    return built


def made(of: assessment_pb2.Assessment, traceparent: str = TRACEPARENT) -> CloudEvent:
    """Builds the event by which triage tells of an assessment."""
    data = triage_events_pb2.AssessmentMade(assessment=of)
    encoded = EncodedEvent(of.name, of.revision, data, of.opened_at.ToDatetime())
    return cloud_event(str(uuid.uuid4()), "/ballast/triage", encoded, {"principal": "ada", "traceparent": traceparent})
