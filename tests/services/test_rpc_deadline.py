"""Deadlines: the server's own error comes back before the caller gives up, and a call without a deadline gets one."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import DeadlineExceeded
from shared.storage.database import connect_raw
from tests.support.intake import Intake, intake_serving
from tests.support.wire import info_of, plain_channel


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock, default_deadline_seconds=0.4) as running:
        yield running


@asynccontextmanager
async def standing_still(urls: dict[str, str]) -> AsyncIterator[None]:
    """Makes every call that reads incidents wait for the length of the block."""
    connection = await connect_raw(urls["intake"], "intake")
    try:
        async with connection.transaction():
            await connection.execute("lock table incident in access exclusive mode")
            yield
    finally:
        await connection.close()


async def test_the_servers_own_error_comes_before_the_callers_deadline(intake: Intake, urls: dict[str, str]) -> None:
    async with standing_still(urls), plain_channel(intake.address) as channel:
        begin = time.monotonic()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await IntakeServiceStub(channel).ListIncidents(pb.ListIncidentsRequest(), timeout=1.0)
        waited = time.monotonic() - begin
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    info = info_of(error.value)  # which only a server sends
    assert (info.reason, info.domain) == ("DEADLINE_EXCEEDED", "intake.ballast")
    assert 0.8 < waited < 1.0


async def test_the_client_sees_it_as_an_error_of_ours_that_says_what_to_do(intake: Intake, urls: dict[str, str]) -> None:
    async with standing_still(urls):
        with pytest.raises(DeadlineExceeded, match=r"ListIncidents did not end within .*; ask again, with more time"):
            await intake.rpc.ListIncidents(pb.ListIncidentsRequest(), timeout=0.5)


async def test_a_call_without_a_deadline_gets_the_default(intake: Intake, urls: dict[str, str]) -> None:
    async with standing_still(urls), plain_channel(intake.address) as channel:
        begin = time.monotonic()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await IntakeServiceStub(channel).ListIncidents(pb.ListIncidentsRequest())
        waited = time.monotonic() - begin
    assert info_of(error.value).reason == "DEADLINE_EXCEEDED"
    assert 0.3 < waited < 1.0


async def test_a_call_that_ran_out_of_time_changes_nothing_and_can_be_repeated(intake: Intake, urls: dict[str, str]) -> None:
    name = await intake.open()
    request = pb.AcknowledgeIncidentRequest(name=name, request_id="0199a0c0-0000-7000-8000-000000000001")
    async with standing_still(urls):
        with pytest.raises(DeadlineExceeded, match=r"it may have taken effect: repeat it with the same id"):
            await intake.rpc.AcknowledgeIncident(request, timeout=0.5)
    assert (await intake.rpc.GetIncident(pb.GetIncidentRequest(name=name))).incident.etag == "v1"
    assert (await intake.rpc.AcknowledgeIncident(request)).incident.etag == "v2"


async def test_calls_that_ran_out_of_time_leave_every_connection_to_the_database_usable(intake: Intake, urls: dict[str, str]) -> None:
    async with standing_still(urls):
        calls = [intake.rpc.ListIncidents(pb.ListIncidentsRequest(), timeout=0.4) for _ in range(24)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(each) for each in ended} == {DeadlineExceeded}
    await asyncio.gather(*(intake.rpc.ListIncidents(pb.ListIncidentsRequest(), timeout=5) for _ in range(24)))


async def test_a_stream_ends_at_its_callers_deadline_with_the_servers_error(intake: Intake) -> None:
    async with plain_channel(intake.address) as channel:
        watching = IntakeServiceStub(channel).WatchIncidents(pb.WatchIncidentsRequest(), timeout=0.5)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            async for _ in watching:
                pass
    assert info_of(error.value).reason == "DEADLINE_EXCEEDED"
    assert str(error.value.details()).endswith("; ask again, with more time")


async def test_a_stream_without_a_deadline_outlives_the_default(intake: Intake) -> None:
    watching = intake.rpc.WatchIncidents(pb.WatchIncidentsRequest())
    await anext(aiter(watching))
    await asyncio.sleep(0.6)
    name = await intake.open()
    assert (await anext(aiter(watching))).incident.name == name
    watching.cancel()
