"""Requests nobody would send about capacity, work and adherence, and plausible ones: allocation answers or refuses them, and serves on."""

import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from ballast.allocation.v1 import (
    adherence_service_pb2,
    allocation_messages_pb2,
    allocation_service_pb2,
    calendar_pb2,
    capacity_service_pb2,
    team_pb2,
    work_service_pb2,
)
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.timeofday_pb2 import TimeOfDay
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.allocating import Suite, allocating, item
from tests.support.fuzzing import ANSWERS, DEADLINE_SECONDS, EXAMPLES, answer, bodies
from tests.support.wire import plain_channel

_SERVICES = [file.DESCRIPTOR.services_by_name[name] for file, name in (
    (capacity_service_pb2, "CapacityService"), (work_service_pb2, "WorkService"), (adherence_service_pb2, "AdherenceService"),
)]  # fmt: skip
_OWN = allocation_service_pb2.DESCRIPTOR.services_by_name["AllocationService"].methods_by_name
METHODS = {f"{service.name}/{method.name}": method for service in _SERVICES for method in service.methods} | {
    f"AllocationService/{name}": _OWN[name] for name in ("UpsertTeams", "RecordWork", "ListWorkRecords")
}
RECORD = "workRecords/0199b0c8-0000-7000-8000-00000000000a"
TEXTS: dict[str, tuple[str, ...]] = {
    "name": ("teams/web", "teams/web/leaves/a", "teams/web/leaves/b", "teams/api/leaves/a", "calendars/site", "calendars/x", RECORD, "x"),
    "team": ("teams/web", "teams/web", "teams/api", "teams/none", "web", ""),
    "member": ("m0", "m1", "nobody", ""),
    "id": ("m0", "m1", "m2"),
    "leave_id": ("a", "b", "A"),
    "calendar": ("calendars/site", "calendars/none", "", ""),
    "person": ("people/ada", "people/bob", "", ""),
    "time_zone": ("UTC", "Europe/Berlin", "Pacific/Apia", "Mars/Olympus", ""),
    "policy": ("", "allocationPolicies/default"),
    "etag": ("", "", "", "v1", "x"),
    "roadmap_item": ("roadmapItems/search", "roadmapItems/none"),
    "incident": ("incidents/0199b0c8-0000-7000-8000-00000000000a", "x"),
    "category": ("toil", "meeting", "golf"),
    "purpose": ("toil", "roadmapItems/search", ""),
    "reason": ("tried", " ", "\u202e"),
    "page_token": ("", "", "x", "WyJhIl0", "eyJhIjoxfQ"),
    "request_id": ("",),
}
ANY_TEXT = ("", "x", "é" * 40, "a" * 300)
NUMBERS = (0, 1, 1, 2, 3, 5, 26, -1, 100_000, 2**31 - 1, -(2**31))
REALS = (0.0, 1.0, 0.5, 8.0, 40.0, 24.0, 7.6, -1.0, -0.0, 5e-324, 0.0001, 1e15, 1e308, float("inf"), float("nan"))
SPANS = (86_400, 1_209_600, 7_776_000, 0, 3_600, -60, 315_576_000_000)


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        days = [calendar_pb2.WorkingDay(day=1, begins=TimeOfDay(hours=9), hours=8)]
        site = calendar_pb2.WorkCalendar(name="calendars/site", time_zone="Europe/Berlin", days=days)
        await running.capacity.UpsertCalendars(capacity_service_pb2.UpsertCalendarsRequest(calendars=[site]))
        for name in ("web", "api"):
            await running.store_team(name, sprint=3)
        await running.store_items(item("search", "web"))
        done = team_pb2.WorkRecord(team="teams/web", category="toil", hours=2)
        done.worked_at.FromDatetime(clock.now())
        await running.allocation.RecordWork(allocation_messages_pb2.RecordWorkRequest(records=[done]))
        yield running


async def is_serving(suite: Suite, method: MethodDescriptor) -> bool:
    async with plain_channel(suite.app.server.address) as channel:
        checked = await HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=method.containing_service.full_name))
    return bool(checked.status == health_pb2.HealthCheckResponse.SERVING)


@pytest.mark.parametrize("name", METHODS)
async def test_whatever_bytes_come_the_caller_gets_a_status_and_the_service_serves_on(suite: Suite, name: str) -> None:
    method, chance = METHODS[name], random.Random(name)  # the same bytes in every run
    async with plain_channel(suite.app.server.address) as channel:
        for body in bodies(method, chance):
            code = await answer(channel, method, body)
            assert code in ANSWERS, (code, body[:200])
    assert await is_serving(suite, method)


@pytest.mark.parametrize("name", METHODS)
async def test_a_plausible_request_never_brings_an_internal_error(suite: Suite, name: str) -> None:
    method, chance = METHODS[name], random.Random(name)
    path = f"/{method.containing_service.full_name}/{method.name}"
    async with plain_channel(suite.app.server.address) as channel:
        for _ in range(2 * EXAMPLES):
            request = plausible(GetMessageClass(method.input_type)(), chance, suite.clock.now())
            call = channel.unary_unary(path, None, None)(request.SerializeToString(), timeout=DEADLINE_SECONDS)
            code = await call.code()
            assert code in ANSWERS, (code, await call.details(), request)
    assert await is_serving(suite, method)
    await suite.app.tick()


def plausible(message: Any, chance: random.Random, now: datetime, depth: int = 0) -> Any:
    """Sets most fields to what might stand there, now and then to what may not."""
    for field in message.DESCRIPTOR.fields:
        if chance.random() < 0.15 or depth > 4:
            continue
        if field.is_repeated:
            getattr(message, field.name).extend([_made(field, chance, now, depth) for _ in range(chance.choice((1, 1, 2, 4)))])
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(_made(field, chance, now, depth))
        else:
            setattr(message, field.name, _value(field, chance))
    return message


def _made(field: Any, chance: random.Random, now: datetime, depth: int) -> Any:
    if field.message_type is None:
        return _value(field, chance)
    kind = field.message_type.full_name
    if kind == "google.protobuf.Timestamp":
        near = Timestamp()
        near.FromDatetime(now + chance.choice((timedelta(0), timedelta(days=-20), timedelta(days=3), timedelta(days=4000))))
        return chance.choice(
            (near, near, near, Timestamp(seconds=-62_135_596_800), Timestamp(seconds=253_402_300_799), Timestamp(nanos=-1))
        )
    if kind == "google.protobuf.Duration":
        return Duration(seconds=chance.choice(SPANS), nanos=chance.choice((0, 0, 0, 1, -1)))
    if kind == "google.type.Date":
        day = now.date() + timedelta(days=chance.choice((0, 1, 5, -30, 400)))
        return Date(year=chance.choice((day.year,) * 5 + (0, 1, 9999, -1)), month=chance.choice((day.month,) * 5 + (0, 13)), day=day.day)
    if kind == "google.type.TimeOfDay":
        return TimeOfDay(hours=chance.choice((9, 22, 0, 23, 24, -1)), minutes=chance.choice((0, 30, 59, 60, -1)))
    return plausible(GetMessageClass(field.message_type)(), chance, now, depth + 1)


def _value(field: Any, chance: random.Random) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return chance.choice(TEXTS.get(field.name) or ANY_TEXT)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return chance.random() < 0.5
    if field.enum_type is not None:
        return chance.choice([*(each.number for each in field.enum_type.values), 99])
    if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
        return chance.choice(REALS)
    return chance.choice(NUMBERS)
