"""Stopping: NOT_SERVING first, then what is under way may end, and only then the service is gone."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from services.intake.app import build
from services.intake.settings import IntakeSettings
from shared.app import App
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import Unavailable
from shared.rpc.client import ClientCredentials, connect
from shared.storage.database import connect_raw
from tests.support.intake import SERVICE, report
from tests.support.sink import sinking
from tests.support.waiting import SECONDS, until
from tests.support.wire import plain_channel

ROOT = Path(__file__).parent.parent.parent
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
Starting = Callable[..., Awaitable[App]]


@pytest.fixture
def starting(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> Starting:
    """Starts an intake that the test itself stops."""

    async def start(**settings: Any) -> App:
        values: dict[str, Any] = {"port": 0, "database_url": urls["intake"], "cache_url": engines.cache_url, "subscribers": {}} | settings
        app = await build(IntakeSettings(**values), clock)
        await app.start()
        await app.open()
        return app

    return start


@asynccontextmanager
async def standing_still(urls: dict[str, str]) -> AsyncIterator[Callable[[], Awaitable[bool]]]:
    """Makes every call that reads incidents wait for the length of the block; gives a function that tells whether one does."""
    connection = await connect_raw(urls["intake"], "intake")
    watcher = await connect_raw(urls["intake"], "intake")

    async def is_waiting() -> bool:
        return bool(await watcher.fetchval("select 1 from pg_locks where not granted limit 1"))

    try:
        async with connection.transaction():
            await connection.execute("lock table incident in access exclusive mode")
            yield is_waiting
    finally:
        await connection.close()
        await watcher.close()


async def test_a_call_under_way_when_the_service_stops_ends_well(starting: Starting, urls: dict[str, str]) -> None:
    app = await starting()
    async with plain_channel(app.server.address) as channel:
        async with standing_still(urls) as is_waiting:
            call = asyncio.ensure_future(IntakeServiceStub(channel).ListIncidents(pb.ListIncidentsRequest()))
            await until(is_waiting)
            stopping = asyncio.create_task(app.stop())
            await asyncio.sleep(0.2)
            assert not stopping.done()
            assert not call.done()
        assert isinstance(await call, pb.ListIncidentsResponse)
        async with asyncio.timeout(SECONDS):
            await stopping


async def test_a_service_says_that_it_stops_before_it_stops_listening(starting: Starting) -> None:
    async with sinking() as sink:
        app = await starting(subscribers={"slow": {"address": sink.address}})
        sink.hold()
        async with plain_channel(app.server.address) as channel:
            rpc = IntakeServiceStub(channel)
            watching = HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            told = aiter(watching)
            assert (await anext(told)).status == health_pb2.HealthCheckResponse.SERVING
            await rpc.ReportAlerts(pb.ReportAlertsRequest(source="test", reports=[report("slow")]))
            await until(lambda: bool(sink.offered))
            stopping = asyncio.create_task(app.stop())  # which waits for the delivery under way
            async with asyncio.timeout(SECONDS / 2):
                assert (await anext(told)).status == NOT_SERVING
            await rpc.ListIncidents(pb.ListIncidentsRequest())
            assert not stopping.done()
            watching.cancel()
            sink.release()
            await stopping
    assert len(sink.taken) == 1


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 4, 8, 16])
async def test_a_service_that_is_stopped_as_soon_as_it_started_stops_at_once(starting: Starting, milliseconds: int) -> None:
    app = await starting()
    await asyncio.sleep(milliseconds / 1000)
    async with asyncio.timeout(SECONDS / 2):
        await app.stop()


async def test_what_comes_after_the_stop_is_refused_as_unavailable(starting: Starting) -> None:
    app = await starting()
    async with plain_channel(app.server.address) as channel:
        await app.stop()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await IntakeServiceStub(channel).ListIncidents(pb.ListIncidentsRequest())
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_call_that_lasts_longer_than_the_drain_is_cut(starting: Starting, urls: dict[str, str]) -> None:
    app = await starting(drain_seconds=0.2)
    async with plain_channel(app.server.address) as channel, standing_still(urls) as is_waiting:
        call = asyncio.ensure_future(IntakeServiceStub(channel).ListIncidents(pb.ListIncidentsRequest()))
        await until(is_waiting)
        async with asyncio.timeout(SECONDS / 2):
            await app.stop()
        with pytest.raises(grpc.aio.AioRpcError):
            await call


async def test_a_reader_of_a_stream_is_told_to_come_back_and_holds_nothing_up(starting: Starting) -> None:
    app = await starting(drain_seconds=SECONDS)
    channel = connect(app.server.address, [SERVICE], credentials=ClientCredentials(local_name="ada"))
    answers = aiter(IntakeServiceStub(channel.grpc).WatchIncidents(pb.WatchIncidentsRequest()))
    assert (await anext(answers)).resume_token
    begin = time.monotonic()
    await app.stop()
    assert time.monotonic() - begin < SECONDS / 2
    with pytest.raises(Unavailable, match="go on with the last resume_token") as error:
        await anext(answers)
    assert error.value.reason == "STREAM_ENDED"
    await channel.close()


async def test_sigterm_drains_the_process_and_ends_it_with_0(urls: dict[str, str], engines: Engines) -> None:
    settings = {
        "BALLAST_INTAKE_PORT": "0",
        "BALLAST_INTAKE_DATABASE_URL": urls["intake"],
        "BALLAST_INTAKE_CACHE_URL": engines.cache_url,
        "BALLAST_INTAKE_SUBSCRIBERS": "{}",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.intake",
        cwd=ROOT,
        env=os.environ | settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(3 * SECONDS):
            said = (await process.stdout.readline()).decode()
        assert said.startswith("intake serves on 127.0.0.1:")
        async with plain_channel(said.split()[-1]) as channel:
            async with standing_still(urls) as is_waiting:
                call = asyncio.ensure_future(IntakeServiceStub(channel).ListIncidents(pb.ListIncidentsRequest(), timeout=SECONDS))
                await until(is_waiting)
                process.send_signal(signal.SIGTERM)
                await asyncio.sleep(0.3)
                assert process.returncode is None
            assert isinstance(await call, pb.ListIncidentsResponse)
        async with asyncio.timeout(SECONDS):
            _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        assert "Traceback" not in errors.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
