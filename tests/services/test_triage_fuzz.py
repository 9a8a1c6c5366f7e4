"""Requests nobody would send, and plausible ones: every RPC of triage answers or refuses them, and serves on."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ballast.intake.v1 import intake_events_pb2, muting_events_pb2
from ballast.triage.v1 import (
    budget_policy_service_pb2,
    calibration_service_pb2,
    catalogue_service_pb2,
    error_budget_service_pb2,
    gate_service_pb2,
    queue_service_pb2,
    sli_service_pb2,
    slo_service_pb2,
    triage_service_pb2,
)
from ballast.triage.v1.slo_service_pb2_grpc import SloServiceStub
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput
from tests.conftest import START
from tests.support.budgets import Triage, slo, stamp, triage_serving
from tests.support.fuzzing import ANSWERS, DEADLINE_SECONDS, EXAMPLES, answer, bodies
from tests.support.wire import plain_channel

FILES = (
    budget_policy_service_pb2,
    calibration_service_pb2,
    catalogue_service_pb2,
    error_budget_service_pb2,
    gate_service_pb2,
    queue_service_pb2,
    sli_service_pb2,
    slo_service_pb2,
    triage_service_pb2,
)
_SERVICES = [service for file in FILES for service in file.DESCRIPTOR.services_by_name.values()]
METHODS = {f"{service.name}/{method.name}": method for service in _SERVICES for method in service.methods}
UNARY = {name: method for name, method in METHODS.items() if not method.client_streaming and not method.server_streaming}
EVENTS = (intake_events_pb2.IncidentOpened, intake_events_pb2.IncidentChanged, muting_events_pb2.MaintenanceWindowChanged)
INCIDENT = "incidents/0199b0c8-0000-7000-8000-00000000000a"
OPENSLO = (Path(__file__).parents[2] / "examples" / "openslo" / "shop.yaml").read_text()
SLOS = """
apiVersion: openslo/v1
kind: SLO
metadata: {name: web}
spec:
  service: web
  budgetingMethod: Occurrences
  objectives: [{target: 0.99, displayName: loose}, {target: 0.999, displayName: strict}]
  timeWindow: [{duration: 28d, isRolling: true}]
  indicator:
    metadata: {name: requests}
    spec:
      ratioMetric:
        counter: false
        good: {metricSource: {type: Custom, spec: {q: good}}}
        total: {metricSource: {type: Custom, spec: {q: total}}}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: pay}
spec:
  service: pay
  budgetingMethod: Timeslices
  objectives: [{target: 0.999, timeSliceTarget: 0.9, timeSliceWindow: 5m}]
  timeWindow: [{duration: 1M, calendar: {startTime: "2026-01-01 00:00:00", timeZone: UTC}, isRolling: false}]
  indicator:
    metadata: {name: requests}
    spec:
      ratioMetric:
        counter: false
        good: {metricSource: {type: Custom, spec: {q: good}}}
        total: {metricSource: {type: Custom, spec: {q: total}}}
"""
CATALOG = """
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: cart, annotations: {ballast.dev/tier: high}}
spec: {type: service, lifecycle: production, owner: shop, dependsOn: [component:pay]}
"""
NAMES = (
    *("components/web", "components/pay", "components/none", "web", "teams/shop", "slos/web", "slos/pay", "slos/none", INCIDENT),
    *("incidents/none", "assessments/0199b0c8-0000-7000-8000-00000000000a", "scoringModels/2026.1", "sloDocuments/SLI.x"),
)
TEXTS: dict[str, tuple[str, ...]] = {
    "etag": ("", "v1", "v2", "v99999999999999999999", "x"),
    "reason": ("", " ", "tried", "\u202e"),
    "condition": ("true", "incident.users_affected > 1", "1/0 == 1", "slo.budget_remaining < 0.0", "incident.title.matches('(')", "["),
    "yaml": (OPENSLO, SLOS, CATALOG, "", "a: &a [*a]", "---\n---\n", "kind: SLO", "{", "\t", "kind: SLO\nmetadata: {name: [1]}"),
    "currency_code": ("USD", "EUR", "", "usd"),
    "time_zone": ("UTC", "Europe/Berlin", "Mars/Olympus", ""),
    "approver": ("grace", "ada", ""),
    "request_id": ("",),
    "rrule": ("", "FREQ=DAILY;COUNT=3", "FREQ=HOURLY", "FREQ=DAILY;UNTIL=00010101T000000", "x"),
    "starts_at": ("2026-03-02T09:00", "2026-03-29T02:30:00", "0001-01-01T00:00", "9999-12-31T23:59:59", ""),
    "label": ("component", "component", "alertname", ""),
    "value": ("web", "web|pay", "components/web", ".*", "(", ""),
    "page_token": ("", "x", "WyJhIl0", "eyJhIjoxfQ"),
    "resume_token": ("", "x"),
}  # fmt: skip
ANY_TEXT = ("", "x", "sev1", "web", "freeze-exhausted", "SLO", "DataSource", "2026-03-02", "09:00", "é" * 40, "a" * 300)
NUMBERS = (0, 1, 1, 2, 3, 5, 25, -1, 2**31 - 1, -(2**31))
LARGE = (*NUMBERS, 2**63 - 1, -(2**63))
REALS = (0.0, 1.0, 0.5, 0.2, 9.0, 100.0, -1.0, -0.0, 5e-324, 1e15, 1e308, float("inf"), float("nan"))
SPANS = (0, 1, 60, 300, 3_600, 86_400, 2_592_000, 34_560_000, -60, 315_576_000_000, -315_576_000_000)
TIMES = (START, START - timedelta(hours=1), START - timedelta(days=30), START + timedelta(days=400))


@pytest.fixture(scope="module")
async def triage(urls: dict[str, str], engines: Engines) -> AsyncIterator[Triage]:
    async with triage_serving(urls["triage"], engines, SimulatedClock(START)) as running:
        async with plain_channel(running.address) as channel:
            imported = await SloServiceStub(channel).ImportSlos(slo_service_pb2.ImportSlosRequest(yaml=SLOS))
        assert not any(each.problems for each in imported.documents), imported
        for each in ("web", "pay"):
            await running.fill(slo(each), range(100, -1, -10), 90, 100)
        await running.incident("web", START - timedelta(hours=1), name=INCIDENT)
        yield running


async def is_serving(triage: Triage, method: MethodDescriptor) -> bool:
    async with plain_channel(triage.address) as channel:
        checked = await HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=method.containing_service.full_name))
    return bool(checked.status == health_pb2.HealthCheckResponse.SERVING)


@pytest.mark.parametrize("name", METHODS)
async def test_whatever_bytes_come_the_caller_gets_a_status_and_the_service_serves_on(triage: Triage, name: str) -> None:
    method, chance = METHODS[name], random.Random(name)  # the same bytes in every run
    async with plain_channel(triage.address) as channel:
        for body in bodies(method, chance):
            code = await answer(channel, method, body)
            assert code in ANSWERS, (code, body[:200])
    assert await is_serving(triage, method)


@pytest.mark.parametrize("name", UNARY)
async def test_a_plausible_request_never_brings_an_internal_error(triage: Triage, name: str) -> None:
    method, chance = UNARY[name], random.Random(name)
    path = f"/{method.containing_service.full_name}/{method.name}"
    async with plain_channel(triage.address) as channel:
        for _ in range(2 * EXAMPLES):
            request = plausible(GetMessageClass(method.input_type)(), chance)
            call = channel.unary_unary(path, None, None)(request.SerializeToString(), timeout=DEADLINE_SECONDS)
            code = await call.code()
            assert code in ANSWERS, (code, await call.details(), request)
    assert await is_serving(triage, method)


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: str(kind.DESCRIPTOR.name))
async def test_a_plausible_event_is_taken_or_refused_as_invalid(triage: Triage, kind: type[Message]) -> None:
    chance = random.Random(kind.DESCRIPTOR.name)
    taken = 0
    for version in range(1, 4 * EXAMPLES):
        event = plausible(kind(), chance)
        for subject in (each for each in (getattr(event, "incident", None), getattr(event, "maintenance_window", None)) if each):
            subject.name = chance.choice((INCIDENT, INCIDENT.replace("incidents", "maintenanceWindows"), subject.name))
        try:
            await triage.tell(INCIDENT, version, event)
            taken += 1
        except InvalidInput:
            continue
    assert taken
    await triage.app.tick()


def plausible(message: Any, chance: random.Random, depth: int = 0) -> Any:
    """Sets most fields to what might stand there, now and then to what may not."""
    for field in message.DESCRIPTOR.fields:
        if chance.random() < 0.25 or depth > 4:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is None:
                getattr(message, field.name)[chance.choice(ANY_TEXT)] = value_of(field.message_type.fields_by_name["value"], chance)
        elif field.is_repeated:
            getattr(message, field.name).extend([made(field, chance, depth) for _ in range(chance.choice((1, 1, 2, 4)))])
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(made(field, chance, depth))
        else:
            setattr(message, field.name, value_of(field, chance))
    return message


def made(field: Any, chance: random.Random, depth: int) -> Any:
    if field.message_type is None:
        return value_of(field, chance)
    if field.message_type.full_name == "google.protobuf.Timestamp":
        return chance.choice(
            [*map(stamp, TIMES), Timestamp(seconds=-62_135_596_800), Timestamp(seconds=253_402_300_799), Timestamp(nanos=-1)]
        )
    if field.message_type.full_name == "google.protobuf.Duration":
        return Duration(seconds=chance.choice(SPANS), nanos=chance.choice((0, 0, 0, 500_000_000, -1)))
    part: Message = GetMessageClass(field.message_type)()
    return plausible(part, chance, depth + 1)


def value_of(field: Any, chance: random.Random) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return chance.choice(TEXTS.get(field.name) or (NAMES if chance.random() < 0.7 else ANY_TEXT))
    if field.type == FieldDescriptor.TYPE_BYTES:
        return chance.randbytes(5)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return chance.random() < 0.5
    if field.enum_type is not None:
        return chance.choice([*(each.number for each in field.enum_type.values), 99])
    if field.cpp_type in {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}:
        return chance.choice(REALS)
    return chance.choice(LARGE if field.cpp_type == FieldDescriptor.CPPTYPE_INT64 else NUMBERS)
