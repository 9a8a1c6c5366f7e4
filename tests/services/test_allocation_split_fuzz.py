"""Requests nobody would send, and plausible ones, about splits and decisions: every RPC answers or refuses them, and serves on."""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ballast.allocation.v1 import allocation_service_pb2, decision_service_pb2, split_service_pb2
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.allocating import Suite, allocating, assessment, made
from tests.support.fuzzing import ANSWERS, DEADLINE_SECONDS, EXAMPLES, answer, bodies
from tests.support.wire import plain_channel

_OF_ALLOCATION = ("GetSplit", "DecideSplit", "GetDecision", "ListDecisions")
_METHODS = [
    *(allocation_service_pb2.DESCRIPTOR.services_by_name["AllocationService"].methods_by_name[name] for name in _OF_ALLOCATION),
    *decision_service_pb2.DESCRIPTOR.services_by_name["DecisionService"].methods,
    *split_service_pb2.DESCRIPTOR.services_by_name["SplitService"].methods,
]
METHODS = {method.name: method for method in _METHODS}
UNARY = {name: method for name, method in METHODS.items() if not method.server_streaming}
DECISION = "decisions/0199b0c8-0000-7000-8000-00000000000a"
TEXTS: dict[str, tuple[str, ...]] = {
    "team": ("teams/web", "teams/web", "teams/none", "web", ""),
    "name": (DECISION, "decisions/none", ""),
    "sprint": ("", "teams/web/sprints/1", "teams/web/sprints/99999999999999999999", "x"),
    "assessment": ("", "assessments/0199b0c8-0000-7000-8000-00000000000a", "x"),
    "reason": ("tried", " ", ""),
    "request_id": ("",),
    "page_token": ("", "x", "WyJhIl0"),
    "resume_token": ("", "x"),
}
NUMBERS = (0, 1, 2, 1000, 1001, -1, 2**31 - 1)
SPANS = (0, 1, 60, -1, 315_576_000_000, -315_576_000_000, 2**62)


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        await running.store_team("web")
        await running.deliver(made(assessment("web", at=clock.now())))
        TEXTS["name"] = (*TEXTS["name"], *(each.name for each in await running.decisions("web")))
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


@pytest.mark.parametrize("name", UNARY)
async def test_a_plausible_request_never_brings_an_internal_error(suite: Suite, name: str) -> None:
    method, chance = UNARY[name], random.Random(name)
    path = f"/{method.containing_service.full_name}/{method.name}"
    async with plain_channel(suite.app.server.address) as channel:
        for _ in range(2 * EXAMPLES):
            request = plausible(GetMessageClass(method.input_type)(), chance)
            call = channel.unary_unary(path, None, None)(request.SerializeToString(), timeout=DEADLINE_SECONDS)
            code = await call.code()
            assert code in ANSWERS, (code, await call.details(), request)
    assert await is_serving(suite, method)


def plausible(message: Any, chance: random.Random) -> Any:
    """Sets most fields to what might stand there, now and then to what may not."""
    for field in message.DESCRIPTOR.fields:
        if chance.random() < 0.25:
            continue
        if field.is_repeated:
            getattr(message, field.name).extend([_value(field, chance)])
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(_part(field, chance))
        else:
            setattr(message, field.name, _value(field, chance))
    return message


def _part(field: Any, chance: random.Random) -> Any:
    if field.message_type.full_name == "google.protobuf.Duration":
        return Duration(seconds=chance.choice(SPANS), nanos=chance.choice((0, 0, 1000, -1, 1_500_000_000)))
    return plausible(GetMessageClass(field.message_type)(), chance)


def _value(field: Any, chance: random.Random) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return chance.choice(TEXTS.get(field.name) or ("", "x", "é" * 40))
    if field.type == FieldDescriptor.TYPE_BOOL:
        return chance.random() < 0.5
    if field.enum_type is not None:
        return chance.choice([*(each.number for each in field.enum_type.values), 99])
    return chance.choice(NUMBERS)
