"""A running triage for tests, incidents as intake tells of them, and what triage made of them."""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ballast.events.v1 import event_sink_service_pb2 as sink
from ballast.events.v1.cloudevents_pb2 import CloudEvent, CloudEventBatch
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceStub
from ballast.intake.v1 import incident_pb2, intake_events_pb2
from ballast.triage.v1 import assessment_pb2, calibration_service_pb2, component_pb2, gate_service_pb2, queue_service_pb2, triage_events_pb2
from ballast.triage.v1 import triage_service_pb2 as pb
from ballast.triage.v1.calibration_service_pb2_grpc import CalibrationServiceStub
from ballast.triage.v1.gate_service_pb2_grpc import GateServiceStub
from ballast.triage.v1.queue_service_pb2_grpc import QueueServiceStub
from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceStub
from google.protobuf.message import Message
from google.type.money_pb2 import Money
from sqlalchemy import text

from services.triage.app import build
from services.triage.settings import TriageSettings
from shared.app import App
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.events.event import EncodedEvent, cloud_event
from tests.conftest import START
from tests.support.serving import serving

if TYPE_CHECKING:
    from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceAsyncStub
    from ballast.triage.v1.calibration_service_pb2_grpc import CalibrationServiceAsyncStub
    from ballast.triage.v1.gate_service_pb2_grpc import GateServiceAsyncStub
    from ballast.triage.v1.queue_service_pb2_grpc import QueueServiceAsyncStub
    from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceAsyncStub  # exist for the type checker only

TRIAGE = pb.DESCRIPTOR.services_by_name["TriageService"]
QUEUE = queue_service_pb2.DESCRIPTOR.services_by_name["QueueService"]
GATES = gate_service_pb2.DESCRIPTOR.services_by_name["GateService"]
CALIBRATION = calibration_service_pb2.DESCRIPTOR.services_by_name["CalibrationService"]
SINK = sink.DESCRIPTOR.services_by_name["EventSinkService"]
OPEN, ACKNOWLEDGED, RESOLVED = 1, 2, 3
ACCEPTED, STALE = sink.DELIVERY_OUTCOME_ACCEPTED, sink.DELIVERY_OUTCOME_STALE
OUTAGE: dict[str, Any] = {"service_impact": incident_pb2.SERVICE_IMPACT_OUTAGE}
INFORMATION: dict[str, Any] = {"service_impact": incident_pb2.SERVICE_IMPACT_INFORMATION}


@dataclass(frozen=True)
class Suite:
    """A running triage and the ways into it."""

    app: App
    triage: "TriageServiceAsyncStub"
    queue: "QueueServiceAsyncStub"
    gates: "GateServiceAsyncStub"
    sink: "EventSinkServiceAsyncStub"
    calibration: "CalibrationServiceAsyncStub"


@asynccontextmanager
async def triage_serving(urls: dict[str, str], engines: Engines, clock: SimulatedClock, **settings: Any) -> AsyncIterator[Suite]:
    """Serves triage on a free port, without subscribers unless given, over a catalogue of four components."""
    values: dict[str, Any] = {"port": 0, "database_url": urls["triage"], "cache_url": engines.cache_url, "subscribers": {}} | settings
    async with serving(build(TriageSettings(**values), clock), [TRIAGE, QUEUE, GATES, SINK, CALIBRATION]) as served:
        channel = served.channel.grpc
        suite = Suite(
            served.app,
            TriageServiceStub(channel),
            QueueServiceStub(channel),
            GateServiceStub(channel),
            EventSinkServiceStub(channel),
            CalibrationServiceStub(channel),
        )
        await suite.triage.UpsertComponents(
            pb.UpsertComponentsRequest(
                components=[
                    component_pb2.Component(
                        name="components/pay",
                        owner_team="teams/money",
                        tier=component_pb2.TIER_CRITICAL,
                        revenue_per_minute=Money(currency_code="USD", units=100),
                        dependencies=["components/ledger"],
                    ),
                    component_pb2.Component(name="components/shop", owner_team="teams/shop", dependencies=["components/pay"]),
                    component_pb2.Component(name="components/app", owner_team="teams/shop", dependencies=["components/shop"]),
                    component_pb2.Component(name="components/mail", owner_team="teams/mail", tier=component_pb2.TIER_LOW),
                ]
            )
        )
        yield suite


def incident(*components: str, name: str = "", state: int = OPEN, at: datetime = START, **more: Any) -> incident_pb2.Incident:
    """Builds an incident, as told when it was opened or at START; what is not one of its own fields is evidence."""
    own = {key: more.pop(key) for key in ("title", "alert_count") if key in more}
    built = incident_pb2.Incident(
        name=name or f"incidents/{uuid.uuid4()}",
        components=components,
        state=state,  # type: ignore[arg-type]
        evidence=incident_pb2.Evidence(**more),
        **{"title": "Payments fail", "alert_count": 1, **own},
    )
    built.opened_at.FromDatetime(at)
    built.update_time.FromDatetime(max(at, START))
    return built


def event(subject: str, version: int, data: Message) -> CloudEvent:
    return cloud_event(str(uuid.uuid4()), "/ballast/intake", EncodedEvent(subject, version, data, START), {"principal": "ada"})


def opened(of: incident_pb2.Incident, version: int = 1) -> CloudEvent:
    return event(of.name, version, intake_events_pb2.IncidentOpened(incident=of))


def changed(of: incident_pb2.Incident, version: int, what: int = intake_events_pb2.INCIDENT_CHANGE_ALERTS) -> CloudEvent:
    return event(of.name, version, intake_events_pb2.IncidentChanged(incident=of, change=what))  # type: ignore[arg-type]


async def deliver(suite: Suite, *events: CloudEvent) -> Sequence[int]:
    return list((await suite.sink.Deliver(sink.DeliverRequest(batch=CloudEventBatch(events=events)))).outcomes)


async def assessment(suite: Suite, name: str, revision: int = 0) -> assessment_pb2.Assessment:
    return (await suite.triage.GetAssessment(pb.GetAssessmentRequest(name=name, revision=revision))).assessment


async def told(suite: Suite, subject: str) -> list[CloudEvent]:
    """Returns the events recorded about a subject, oldest first."""
    async with suite.app.database.transaction() as connection:
        rows = await connection.execute(
            text("select payload from outbox where aggregateid = :subject order by position"), {"subject": subject}
        )
        return [CloudEvent.FromString(row.payload) for row in rows]


async def made(suite: Suite, subject: str) -> list[triage_events_pb2.AssessmentMade]:
    found = []
    for wire in await told(suite, subject):
        data = triage_events_pb2.AssessmentMade()
        assert wire.proto_data.Unpack(data)
        found.append(data)
    return found
