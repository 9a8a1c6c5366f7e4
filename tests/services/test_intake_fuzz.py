"""Fuzzed bytes at every RPC of intake: each gets a status in time, and the service serves on as if nothing had been."""

import random
import uuid
from collections.abc import AsyncIterator

import pytest
from ballast.intake.v1 import grouping_service_pb2, incident_service_pb2, intake_service_pb2, muting_service_pb2, signal_service_pb2
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.fuzzing import ANSWERS, answer, bodies
from tests.support.intake import Intake, intake_serving, report
from tests.support.wire import plain_channel

FILES = (intake_service_pb2, incident_service_pb2, grouping_service_pb2, muting_service_pb2, signal_service_pb2)
SERVICES = [service for file in FILES for service in file.DESCRIPTOR.services_by_name.values()]
METHODS = {f"{service.name}/{method.name}": method for service in SERVICES for method in service.methods}


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


@pytest.mark.parametrize("name", METHODS)
async def test_whatever_bytes_come_the_caller_gets_a_status_and_the_service_serves_on(intake: Intake, name: str) -> None:
    method, chance = METHODS[name], random.Random(name)  # the same bytes in every run
    async with plain_channel(intake.address) as channel:
        for body in bodies(method, chance):
            code = await answer(channel, method, body)
            assert code in ANSWERS, (code, body[:200])
        healthy = await HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=method.containing_service.full_name))
    assert healthy.status == health_pb2.HealthCheckResponse.SERVING
    receipt = (await intake.send(report(uuid.uuid4().hex)))[0]
    assert (await intake.incident(receipt.incident)).alert_count == 1
