"""Assessments: how many a second by themselves, as events come, and how long one takes a caller."""

import asyncio
import itertools
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ballast.events.v1 import event_sink_service_pb2 as sink
from ballast.events.v1.cloudevents_pb2 import CloudEvent, CloudEventBatch
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceStub
from ballast.intake.v1 import incident_pb2, intake_events_pb2
from ballast.triage.v1 import component_pb2
from ballast.triage.v1 import triage_service_pb2 as pb
from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceStub
from google.type.money_pb2 import Money

from bench.figures import Spread, milliseconds, spread, tail
from bench.ground import Ground
from bench.report import Section
from bench.triage import running_triage
from services.triage.domain.component import Component
from services.triage.domain.defaults import default_gates, default_matrix, default_model
from services.triage.domain.finding import Standards, find
from services.triage.domain.gate import gates_of
from services.triage.domain.incident import Evidence, Incident, ServiceImpact
from services.triage.domain.inputs import Surroundings
from services.triage.domain.severity_matrix import MatrixRevision
from shared.events.event import EncodedEvent, cloud_event
from shared.rpc.client import connect

if TYPE_CHECKING:  # the async stubs exist for the type checker only
    from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceAsyncStub
    from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceAsyncStub

COMPONENTS = 500
BATCH, CALLERS = 20, 8
_BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def assessments(ground: Ground) -> Section:
    """Scores without a store; has incidents assessed as their events come; asks what if, one after another."""
    scored = spread([_scored(ground.sizes.scored) for _ in range(ground.sizes.rounds)])
    async with running_triage(ground.engines, "assessments", ground.directory) as address:
        channel = connect(address)
        try:
            triage, events = TriageServiceStub(channel.grpc), EventSinkServiceStub(channel.grpc)
            await triage.UpsertComponents(pb.UpsertComponentsRequest(components=[_component(number) for number in range(COMPONENTS)]))
            by_events = spread([await _delivered(events, ground, number) for number in range(ground.sizes.rounds)])
            asked = tail([await _simulated(triage, number) for number in range(ground.sizes.simulations)])
        finally:
            await channel.close()
    rows = [
        ("scoring alone, one process", _rate(scored), ""),
        (f"as events come, {CALLERS} deliveries of {BATCH} at once, durable", _rate(by_events), ""),
        (f"what if, one caller, {asked.count} calls", milliseconds(asked.p50), milliseconds(asked.p99)),
    ]
    data = {
        "scored_per_second": {"rate": scored},
        "assessed_per_second": {"rate": by_events},
        "simulation_seconds": {"latency": asked},
    }
    return Section(
        f"Assessments; median of {ground.sizes.rounds} rounds (least–most)",
        ("", "a second / p50", "p99"),
        rows,
        data,
        ["Sixteen terms, counterfactuals, chances and gates each; as events come, stored with a revision and an event of its own."],
    )


def _rate(rates: Spread) -> str:
    return f"{rates.text()} a second"


def _scored(count: int) -> float:
    """Returns how many incidents are assessed in a second without a store, by one process."""
    standards = Standards(default_model(), MatrixRevision(1, default_matrix(), "bench", "", _BEGIN), gates_of(1, default_gates()))
    known = [Surroundings((Component(f"components/c{number}", owner_team="teams/t"),), number % 30) for number in range(50)]
    impacts = itertools.cycle(ServiceImpact)
    told = [
        Incident(_BEGIN, components=(f"c{number % 50}",), evidence=Evidence(users_affected=number * 7, service_impact=next(impacts)))
        for number in range(count)
    ]
    begin = time.perf_counter()
    for number, incident in enumerate(told):
        find(incident, known[number % 50], standards)
    return count / (time.perf_counter() - begin)


def _component(number: int) -> component_pb2.Component:
    return component_pb2.Component(
        name=f"components/c{number}",
        owner_team=f"teams/t{number % 20}",
        tier=1 + number % 4,  # type: ignore[arg-type]
        revenue_per_minute=Money(currency_code="USD", units=number),
        dependencies=[f"components/c{number // 2}"] if number else [],
    )


def _incident(round_: int, number: int) -> CloudEvent:
    incident = incident_pb2.Incident(
        name=f"incidents/{uuid.UUID(int=round_ << 64 | number)}",
        title=f"Component {number % COMPONENTS} fails",
        components=[f"c{number % COMPONENTS}"],
        state=incident_pb2.INCIDENT_STATE_OPEN,
        alert_count=1 + number % 9,
        evidence=incident_pb2.Evidence(users_affected=number, service_impact=1 + number % 3),  # type: ignore[arg-type]
    )
    incident.opened_at.FromDatetime(_BEGIN)
    encoded = EncodedEvent(incident.name, 1, intake_events_pb2.IncidentOpened(incident=incident), _BEGIN)
    return cloud_event(str(uuid.uuid4()), "/ballast/intake", encoded, {"principal": "bench"})


async def _delivered(events: "EventSinkServiceAsyncStub", ground: Ground, round_: int) -> float:
    """Returns how many incidents a second are assessed and durable."""
    count = ground.sizes.assessed
    told = [_incident(round_ + 1, number) for number in range(count)]
    batches: Iterator[list[CloudEvent]] = iter([told[begin : begin + BATCH] for begin in range(0, count, BATCH)])
    ground.progress(f"assessments: round {round_ + 1} of {ground.sizes.rounds}, {count:,} incidents by events")

    async def deliver() -> None:
        for batch in batches:
            await events.Deliver(sink.DeliverRequest(batch=CloudEventBatch(events=batch)), timeout=60)

    begin = time.perf_counter()
    await asyncio.gather(*(deliver() for _ in range(CALLERS)))
    return count / (time.perf_counter() - begin)


async def _simulated(triage: "TriageServiceAsyncStub", number: int) -> float:
    evidence = incident_pb2.Evidence(users_affected=number, service_impact=incident_pb2.SERVICE_IMPACT_OUTAGE)
    request = pb.SimulateAssessmentRequest(components=[f"c{number % COMPONENTS}"], evidence=evidence)
    begin = time.perf_counter()
    await triage.SimulateAssessment(request)
    return time.perf_counter() - begin
