"""Cache methods against a real Valkey that is stopped, stalled, emptied and started again."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from redis.exceptions import ResponseError
from structlog.testing import capture_logs

from shared.cache import Cache, CacheAway, connect, when_away
from shared.embedded import Engines, running

TIMEOUT = 0.2


class NumberCache:
    """A cache class as services write them."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache

    @when_away(returns=None)
    async def read(self, key: str) -> int | None:
        found = await self.cache.client.get(key)
        return None if found is None else int(found)

    @when_away(raises=True)
    async def write(self, key: str, value: int) -> None:
        await self.cache.client.set(key, value)

    @when_away(returns=-2)
    async def wait_often(self) -> int:
        """Waits two hundred times, each time for a quarter of the timeout."""
        return sum([bool(await self.cache.client.blpop(["none"], TIMEOUT / 4)) for _ in range(200)])

    @when_away(returns=-1)
    async def push_onto(self, key: str) -> int:
        return int(await self.cache.client.lpush(key, "x"))


@pytest.fixture(scope="module")
def own_engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Engines of this module's own, as it kills them."""
    with running(tmp_path_factory.mktemp("cache"), durable=False) as started:
        yield started


@pytest.fixture
async def cache(own_engines: Engines) -> AsyncIterator[Cache]:
    own_engines.start_cache()
    connected = connect(own_engines.cache_url, timeout_seconds=TIMEOUT)
    yield connected
    await connected.close()


@pytest.fixture
def numbers(cache: Cache) -> NumberCache:
    return NumberCache(cache)


def valkey_pid(engines: Engines) -> int:
    socket = Path(engines.cache_url.removeprefix("unix://").partition("?")[0])
    return int((socket.parent.parent / "valkey.pid").read_text())


async def test_what_was_written_is_read_back(numbers: NumberCache) -> None:
    await numbers.write("n", 7)
    assert await numbers.read("n") == 7


async def test_a_stopped_cache_gets_the_policy_answer_within_the_timeout(own_engines: Engines, numbers: NumberCache) -> None:
    await numbers.write("n", 7)
    own_engines.stop_cache()
    began = time.perf_counter()
    assert await numbers.read("n") is None
    assert time.perf_counter() - began < TIMEOUT + 0.1


async def test_a_method_declared_to_raise_raises_cache_away(own_engines: Engines, numbers: NumberCache) -> None:
    own_engines.stop_cache()
    with pytest.raises(CacheAway) as caught:
        await numbers.write("n", 1)
    assert caught.value.reason == "CACHE_AWAY"
    assert caught.value.retry_after.total_seconds() == 1


async def test_a_stalled_cache_gets_the_policy_answer_after_the_timeout(own_engines: Engines, numbers: NumberCache) -> None:
    pid = valkey_pid(own_engines)
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.perf_counter()
        assert await numbers.read("n") is None
        assert TIMEOUT * 0.9 < time.perf_counter() - began < TIMEOUT + 0.15
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_the_timeout_bounds_all_commands_of_a_method_together(numbers: NumberCache) -> None:
    began = time.perf_counter()
    assert await numbers.wait_often() == -2
    assert time.perf_counter() - began < 25 * TIMEOUT  # half of what the waits alone would take


async def test_a_dead_cache_costs_nothing_after_the_first_failure(own_engines: Engines, numbers: NumberCache) -> None:
    pid = valkey_pid(own_engines)
    os.kill(pid, signal.SIGSTOP)
    try:
        await numbers.read("n")
        began = time.perf_counter()
        for _ in range(100):
            assert await numbers.read("n") is None
        assert time.perf_counter() - began < TIMEOUT / 2
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_cache_that_comes_back_is_used_again(own_engines: Engines, numbers: NumberCache) -> None:
    own_engines.stop_cache()
    assert await numbers.read("n") is None
    own_engines.start_cache()
    await asyncio.sleep(1.05)
    await numbers.write("n", 3)
    assert await numbers.read("n") == 3


async def test_a_restart_between_calls_goes_unnoticed(own_engines: Engines, numbers: NumberCache) -> None:
    await numbers.write("n", 7)
    own_engines.stop_cache()
    own_engines.start_cache()
    await asyncio.sleep(0.05)  # lets the event loop see that the old connections ended
    await numbers.write("n", 8)
    assert await numbers.read("n") == 8


async def test_an_emptied_cache_misses(cache: Cache, numbers: NumberCache) -> None:
    await numbers.write("n", 7)
    await cache.client.flushall()
    assert await numbers.read("n") is None
    assert not cache.outage.is_on


async def test_an_outage_is_logged_once_and_so_is_its_end(own_engines: Engines, numbers: NumberCache) -> None:
    with capture_logs() as logs:
        pid = valkey_pid(own_engines)
        os.kill(pid, signal.SIGSTOP)
        await asyncio.gather(*(numbers.read("n") for _ in range(10)))
        os.kill(pid, signal.SIGCONT)
        await asyncio.sleep(1.05)
        for _ in range(10):
            await numbers.read("n")
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("cache away", "warning"), ("cache back", "info")]


async def test_every_call_answered_by_its_policy_is_counted(own_engines: Engines) -> None:
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    cache = connect(own_engines.cache_url, timeout_seconds=TIMEOUT, meter=meters.get_meter("test"))
    own_engines.stop_cache()
    for _ in range(3):
        await NumberCache(cache).read("n")
    await cache.close()
    data = reader.get_metrics_data()
    assert data is not None
    (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
    assert metric.name == "ballast_cache_failures"
    counts = {str(dict(point.attributes or {})["error.type"]): point.value for point in metric.data.data_points}  # type: ignore[union-attr]
    assert counts == {"ConnectionError": 1, "skipped": 2}
    meters.shutdown()


async def test_a_mistake_of_ours_is_no_outage(cache: Cache, numbers: NumberCache) -> None:
    await numbers.write("n", 7)
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await numbers.push_onto("n")
    assert not cache.outage.is_on


async def test_ping_tells_the_truth_during_an_outage(own_engines: Engines, cache: Cache, numbers: NumberCache) -> None:
    assert await cache.ping()
    own_engines.stop_cache()
    assert not await cache.ping()
    await numbers.read("n")
    own_engines.start_cache()
    assert cache.outage.is_on
    assert await cache.ping()


async def test_more_callers_than_connections_all_get_an_answer(own_engines: Engines) -> None:
    patient = connect(own_engines.cache_url, timeout_seconds=10.0)
    own_engines.start_cache()
    numbers = NumberCache(patient)
    await numbers.write("n", 7)
    assert set(await asyncio.gather(*(numbers.read("n") for _ in range(500)))) == {7}
    await patient.close()
