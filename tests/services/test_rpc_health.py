"""Health and reflection: what load balancers and tools ask of every service."""

from collections.abc import AsyncIterator

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from services.intake.app import build
from services.intake.settings import IntakeSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.intake import Intake, intake_serving
from tests.support.wire import plain_channel

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICES = {
    "ballast.events.v1.EventAdminService",
    "ballast.events.v1.EventSinkService",
    "ballast.amendments.v1.AmendmentService",
    "ballast.intake.v1.GroupingService",
    "ballast.intake.v1.IncidentService",
    "ballast.intake.v1.IntakeService",
    "ballast.intake.v1.MutingService",
    "ballast.intake.v1.SignalService",
}
REFLECTION = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


@pytest.fixture
async def plain(intake: Intake) -> AsyncIterator[grpc.aio.Channel]:
    async with plain_channel(intake.address) as channel:
        yield channel


async def statuses(channel: grpc.aio.Channel) -> dict[str, int]:
    answer = await HealthStub(channel).List(health_pb2.HealthListRequest())
    return {name: each.status for name, each in answer.statuses.items()}


async def reflect(channel: grpc.aio.Channel, service: str, request: ServerReflectionRequest) -> ServerReflectionResponse:
    call = channel.stream_stream(
        f"/{service}/ServerReflectionInfo",
        request_serializer=ServerReflectionRequest.SerializeToString,
        response_deserializer=ServerReflectionResponse.FromString,
    )
    answers = [answer async for answer in call(iter([request]))]
    (answer,) = answers
    return answer


@pytest.mark.parametrize("name", ["", "liveness", "readiness", *sorted(SERVICES)])
async def test_a_service_that_is_open_says_so_for_every_part(plain: grpc.aio.Channel, name: str) -> None:
    assert (await HealthStub(plain).Check(health_pb2.HealthCheckRequest(service=name))).status == SERVING


async def test_a_part_that_is_not_served_is_not_found(plain: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await HealthStub(plain).Check(health_pb2.HealthCheckRequest(service="ballast.guess.v1.GuessService"))
    assert error.value.code() is grpc.StatusCode.NOT_FOUND


async def test_every_part_is_listed(plain: grpc.aio.Channel) -> None:
    assert await statuses(plain) == dict.fromkeys(["", "liveness", "readiness", *SERVICES], SERVING)


async def test_before_it_is_open_a_service_lives_but_is_not_ready(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> None:
    app = await build(IntakeSettings(port=0, database_url=urls["intake"], cache_url=engines.cache_url, subscribers={}), clock)
    await app.start()
    async with plain_channel(app.server.address) as channel:
        assert await statuses(channel) == dict.fromkeys(["", "readiness", *SERVICES], NOT_SERVING) | {"liveness": SERVING}
        watching = HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service="readiness"))
        told = aiter(watching)
        assert (await anext(told)).status == NOT_SERVING
        await app.open()
        assert (await anext(told)).status == SERVING
        watching.cancel()
    await app.stop()


async def test_a_watch_of_an_unknown_part_says_that_it_is_unknown(plain: grpc.aio.Channel) -> None:
    watching = HealthStub(plain).Watch(health_pb2.HealthCheckRequest(service="ballast.guess.v1.GuessService"))
    assert (await anext(aiter(watching))).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    watching.cancel()


@pytest.mark.parametrize("service", REFLECTION)
async def test_reflection_lists_every_service(plain: grpc.aio.Channel, service: str) -> None:
    answer = await reflect(plain, service, ServerReflectionRequest(list_services=""))
    listed = {each.name for each in answer.list_services_response.service}
    assert listed == SERVICES | {"grpc.health.v1.Health", *REFLECTION}


@pytest.mark.parametrize("service", REFLECTION)
async def test_reflection_describes_a_service_to_tools(plain: grpc.aio.Channel, service: str) -> None:
    asked = ServerReflectionRequest(file_containing_symbol="ballast.intake.v1.IntakeService")
    answer = await reflect(plain, service, asked)
    file = FileDescriptorProto.FromString(answer.file_descriptor_response.file_descriptor_proto[0])
    assert file.name == "ballast/intake/v1/intake_service.proto"
    assert "WatchIncidents" in [method.name for method in file.service[0].method]


async def test_reflection_says_of_what_it_does_not_know_that_it_does_not(plain: grpc.aio.Channel) -> None:
    answer = await reflect(plain, REFLECTION[0], ServerReflectionRequest(file_containing_symbol="no.such.Thing"))
    assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


@pytest.mark.parametrize("host", ["::1", "[::1]", "localhost"])
async def test_a_service_listens_where_it_is_told(urls: dict[str, str], engines: Engines, clock: SimulatedClock, host: str) -> None:
    async with intake_serving(urls, engines, clock, host=host) as running:
        assert running.address == f"{'localhost' if host == 'localhost' else '[::1]'}:{running.app.server.port}"
        assert running.app.server.port > 0
        await running.open()


async def test_a_port_that_is_taken_is_named_with_what_to_do(
    intake: Intake, urls: dict[str, str], engines: Engines, clock: SimulatedClock
) -> None:
    port = intake.app.server.port
    settings = IntakeSettings(port=port, database_url=urls["intake"], cache_url=engines.cache_url, subscribers={})
    app = await build(settings, clock)
    with pytest.raises(
        RuntimeError, match=f"intake: cannot listen on 127.0.0.1:{port}: .*; choose another port, or stop what listens there"
    ):
        await app.start()
    await intake.open()
