"""The splits in a real Valkey: which of two writes stays, whatever comes late, cut off, hung or emptied; and how old an answer may be."""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from ballast.allocation.v1 import allocation_messages_pb2 as pb
from ballast.allocation.v1 import split_pb2
from google.protobuf.duration_pb2 import Duration

from services.allocation.domain.split_reading import CachedSplit
from services.allocation.settings import AllocationSettings
from services.allocation.storage.split_cache import SplitCache
from shared.cache import connect
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.embedded.valkey import Valkey
from tests.support.allocating import Suite, allocating, assessment, made
from tests.support.relay import Relay, relaying
from tests.support.waiting import until

TEAM = "teams/web"
LIFE = timedelta(seconds=1)
CACHE, DATABASE, WITHOUT = (
    split_pb2.SPLIT_SOURCE_CACHE,
    split_pb2.SPLIT_SOURCE_DATABASE,
    split_pb2.SPLIT_SOURCE_DATABASE_WITHOUT_CACHE,
)
BASE, RAISED = 0.333333, 0.383333


@pytest.fixture
async def cache(engines: Engines) -> AsyncIterator[SplitCache]:
    found = SplitCache(connect(engines.cache_url), "alone", LIFE)
    await found.cache.client.flushdb()
    yield found
    await found.cache.close()


async def now(cache: SplitCache) -> int:
    found = await cache.now()
    assert found is not None
    return found


async def put(cache: SplitCache, position: int, document: bytes, as_of: int, fence: bytes = b"") -> None:
    await cache.put({TEAM: CachedSplit(position, as_of, document)}, as_of, fence)


async def held(cache: SplitCache) -> CachedSplit | None:
    looked = await cache.look([TEAM, "teams/other"])
    assert looked is not None
    assert "teams/other" not in looked.splits
    return looked.splits.get(TEAM)


async def test_of_two_splits_the_later_stays_in_whatever_order_and_however_late_they_come(cache: SplitCache) -> None:
    for order in itertools.permutations((1, 2, 10)):  # as text the last comes before the second
        await cache.cache.client.flushdb()
        as_of = await now(cache)
        for position in order:
            await put(cache, position, b"split %d" % position, as_of)
        assert await held(cache) == CachedSplit(10, as_of, b"split 10")


async def test_the_same_split_gets_younger_and_never_older(cache: SplitCache) -> None:
    first = await now(cache)
    await asyncio.sleep(0.01)
    second = await now(cache)
    for as_of, kept in ((first, first), (second, second), (first, second)):
        await put(cache, 1, b"split", as_of)
        assert await held(cache) == CachedSplit(1, kept, b"split")


async def test_what_comes_when_its_time_is_over_or_has_not_come_is_not_taken(cache: SplitCache) -> None:
    life = LIFE // timedelta(microseconds=1)
    for as_of in (await now(cache) - life, await now(cache) + 10 * life):
        await put(cache, 1, b"split", as_of)
        assert await held(cache) is None


async def test_it_is_gone_when_its_life_is_over_however_late_it_was_put(cache: SplitCache) -> None:
    await put(cache, 1, b"split", await now(cache) - 800_000)
    assert await held(cache)
    await asyncio.sleep(0.25)
    assert await held(cache) is None


async def test_behind_a_fence_only_what_comes_with_it_is_cached(cache: SplitCache) -> None:
    await put(cache, 1, b"old", await now(cache))
    fence = await cache.fence(TEAM)
    assert await held(cache) is None
    await put(cache, 1, b"old", await now(cache))  # read before the change was committed
    assert await held(cache) is None
    newer = await cache.fence(TEAM)  # of the next change, begun before the first one's split came
    await put(cache, 2, b"new", await now(cache), fence)
    assert await held(cache) is None
    await put(cache, 3, b"newer", await now(cache), newer)
    assert (await held(cache) or pytest.fail("nothing is held")).document == b"newer"
    await put(cache, 1, b"old", await now(cache))
    assert (await held(cache) or pytest.fail("nothing is held")).document == b"newer"


# --- a running service -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Own:
    """A Valkey of the test's own, which may be stopped."""

    server: Valkey
    url: str

    @property
    def socket(self) -> str:
        return str(self.server.socket)

    def process(self) -> psutil.Process:
        return psutil.Process(int((self.server.socket.parent / "valkey.pid").read_text()))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Own]:
    server = Valkey(tmp_path, tmp_path)
    server.start()
    yield Own(server, f"unix://{server.socket}?db=0")
    server.stop()


@asynccontextmanager
async def replica(urls: dict[str, str], cache_url: str, clock: SimulatedClock, life: timedelta = LIFE) -> AsyncIterator[Suite]:
    settings = AllocationSettings(
        port=0,
        database_url=urls["allocation"],
        cache_url=cache_url,
        subscribers={},
        split_staleness_seconds=life.total_seconds(),
    )
    async with allocating(settings, clock) as suite:
        yield suite


async def read(suite: Suite, team: str, max_staleness: timedelta | None = None) -> pb.GetSplitResponse:
    request = pb.GetSplitRequest(team=f"teams/{team}")
    if max_staleness is not None:
        request.max_staleness.FromTimedelta(max_staleness)
    return await suite.allocation.GetSplit(request)


async def raise_share(suite: Suite, team: str) -> None:
    await suite.deliver(made(assessment(team, at=suite.clock.now())))


def told(answer: pb.GetSplitResponse) -> tuple[float, Any]:
    return answer.split.remediation_share, answer.freshness.source


async def test_an_answer_says_where_it_was_read_and_how_fresh_it_is(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> None:
    async with replica(urls, engines.cache_url, clock, timedelta(seconds=30)) as suite:
        await suite.store_team("fresh")
        begin = time.time()
        cached = await read(suite, "fresh")
        assert told(cached) == (BASE, CACHE)
        assert begin - 30 <= cached.freshness.as_of.ToMilliseconds() / 1000 <= time.time()
        assert timedelta(0) < cached.freshness.age.ToTimedelta() < timedelta(seconds=30)
        anew = await read(suite, "fresh", timedelta(0))
        assert (told(anew), anew.freshness.age) == ((BASE, DATABASE), Duration())
        assert anew.freshness.as_of.ToMilliseconds() >= begin * 1000 - 5
        await asyncio.sleep(0.05)
        assert told(await read(suite, "fresh", timedelta(milliseconds=40))) == (BASE, DATABASE)
        assert told(await read(suite, "fresh", timedelta(seconds=20))) == (BASE, CACHE)
        await suite.app.cache.client.flushdb()
        assert [told(await read(suite, "fresh"))[1] for _ in range(2)] == [DATABASE, CACHE]


async def test_without_a_cache_the_answer_says_so(urls: dict[str, str], clock: SimulatedClock) -> None:
    async with replica(urls, "redis://127.0.0.1:1", clock) as suite:
        await suite.store_team("alone")
        for staleness in (None, timedelta(0), timedelta(hours=1)):
            assert told(await read(suite, "alone", staleness)) == (BASE, WITHOUT)


async def test_after_a_decision_no_replica_answers_the_split_before(urls: dict[str, str], own: Own, clock: SimulatedClock) -> None:
    async with replica(urls, own.url, clock, timedelta(hours=1)) as first, replica(urls, own.url, clock, timedelta(hours=1)) as second:
        await first.store_team("both")
        for suite in (first, second):
            assert told(await read(suite, "both")) == (BASE, CACHE)
        await raise_share(second, "both")
        for suite in (first, second):
            assert told(await read(suite, "both")) == (RAISED, CACHE)


async def test_what_is_committed_is_answered_from_that_moment_on(urls: dict[str, str], own: Own, clock: SimulatedClock) -> None:
    """Not only once whoever decided has its answer: somebody else may know of the commit before."""
    newest = "select after->>'decision' as decision from decision where team = 'teams/now' order by position desc limit 1"
    async with replica(urls, own.url, clock, timedelta(hours=1)) as first, replica(urls, own.url, clock, timedelta(hours=1)) as second:
        await first.store_team("now")
        order = [(await first.split("now")).decision]
        over = asyncio.Event()

        async def watch() -> list[tuple[str, str]]:
            found = []
            while not over.is_set():
                (row,) = await second.app.database.ask(newest)
                found.append((row["decision"], (await second.split("now")).decision))
            return found

        watching = asyncio.create_task(watch())
        for _ in range(40):
            order += [await _change(first, "now")]
        over.set()
        found = await watching
        assert len(found) > len(order)
        assert all(order.index(answered) >= order.index(committed) for committed, answered in found)


async def test_a_replica_cut_off_from_the_cache_as_it_decides_leaves_the_old_split_there_for_the_stated_time_at_most(
    urls: dict[str, str], own: Own, clock: SimulatedClock
) -> None:
    with relaying(own.socket) as relay:
        async with replica(urls, f"redis://{relay.address}/0", clock) as decider, replica(urls, own.url, clock) as reader:
            await decider.store_team("cut")
            assert told(await read(reader, "cut", timedelta(0))) == (BASE, DATABASE)
            relay.cut()
            await raise_share(decider, "cut")
            changed = time.monotonic()
            assert told(await read(decider, "cut")) == (RAISED, WITHOUT)
            assert told(await read(reader, "cut")) == (BASE, CACHE)  # nobody could tell it; its age says how much that is worth
            assert told(await read(reader, "cut", timedelta(0))) == (RAISED, DATABASE)  # and from here on the cache knows
            assert told(await read(reader, "cut")) == (RAISED, CACHE)
            assert time.monotonic() - changed < 10


async def test_a_cache_that_hangs_and_comes_back_with_what_it_held_shows_it_for_the_stated_time_at_most(
    urls: dict[str, str], own: Own, clock: SimulatedClock
) -> None:
    async with replica(urls, own.url, clock) as suite:
        await suite.store_team("hung")
        assert told(await read(suite, "hung", timedelta(0))) == (BASE, DATABASE)
        own.process().suspend()
        try:
            await raise_share(suite, "hung")
            changed = time.monotonic()
            assert told(await read(suite, "hung")) == (RAISED, WITHOUT)
        finally:
            own.process().resume()
        answer = None
        while answer != (RAISED, CACHE):
            assert (began := time.monotonic()) - changed < 10
            answer = told(await read(suite, "hung"))
            assert answer[0] == RAISED or began - changed <= LIFE.total_seconds()
            await asyncio.sleep(0.02)


async def test_a_cache_that_dies_and_starts_empty_loses_nothing(urls: dict[str, str], own: Own, clock: SimulatedClock) -> None:
    async with replica(urls, own.url, clock) as suite:
        await suite.store_team("dies")
        own.process().kill()
        assert told(await read(suite, "dies")) == (BASE, WITHOUT)
        await raise_share(suite, "dies")
        assert told(await read(suite, "dies")) == (RAISED, WITHOUT)
        own.server.start()
        await until(lambda: _is(suite, "dies", CACHE))
        assert told(await read(suite, "dies")) == (RAISED, CACHE)


async def _is(suite: Suite, team: str, source: int) -> bool:
    return bool(told(await read(suite, team))[1] == source)


async def test_what_is_read_again_and_again_is_renewed_before_it_is_too_old(
    urls: dict[str, str], engines: Engines, clock: SimulatedClock
) -> None:
    async with replica(urls, engines.cache_url, clock, timedelta(seconds=2)) as suite:
        await suite.store_team("busy")
        await read(suite, "busy", timedelta(0))
        sources, begin = set(), time.monotonic()
        oldest = timedelta(0)
        while time.monotonic() - begin < 4:  # two lives
            answer = await read(suite, "busy")
            sources.add(answer.freshness.source)
            oldest = max(oldest, answer.freshness.age.ToTimedelta())
            await asyncio.sleep(0.05)
        assert sources == {CACHE}
        assert oldest < timedelta(seconds=2)


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_happens_to_the_cache_no_answer_is_older_than_stated(
    urls: dict[str, str], own: Own, clock: SimulatedClock, seed: int
) -> None:
    """One replica changes splits, with its way to the cache cut and mended and the cache emptied; another one is read all the time."""
    chance = random.Random(seed)
    name = f"storm{seed}"
    with relaying(own.socket) as relay:
        async with replica(urls, f"redis://{relay.address}/0", clock) as decider, replica(urls, own.url, clock) as reader:
            await decider.store_team(name)
            history: list[tuple[str, float]] = []  # the decision that set a split, and when its call had ended
            reads: list[tuple[str, float, float]] = []  # the decision read, when it was asked for, and the age stated
            over = asyncio.Event()
            watching = asyncio.create_task(_read_until(reader, name, over, reads))
            for _ in range(24):
                await _mishap(chance, relay, reader)
                decided = await _change(decider, name)
                history.append((decided, time.monotonic()))
                await asyncio.sleep(chance.uniform(0, 0.15))
            relay.mend()
            over.set()
            await watching
            assert len({decision for decision, *_ in reads}) > 5
            _check_bound(history, reads)
            await asyncio.sleep(LIFE.total_seconds())
            assert (await read(reader, name)).split.decision == history[-1][0]


async def _mishap(chance: random.Random, relay: Relay, reader: Suite) -> None:
    match chance.randrange(4):
        case 0:
            relay.cut()
        case 1 | 2:
            relay.mend()
        case _:
            await reader.app.cache.client.flushdb()


async def _change(suite: Suite, name: str) -> str:
    """Sets another split: a person more or less in the team, and a decision on that; returns what set it."""
    found = (await suite.allocation.GetTeam(pb.GetTeamRequest(name=f"teams/{name}"))).team
    found.members[0].weekly_hours = 20 + (found.members[0].weekly_hours + 1) % 20
    await suite.allocation.UpsertTeams(pb.UpsertTeamsRequest(teams=[found]))
    return (await suite.allocation.DecideSplit(pb.DecideSplitRequest(team=found.name))).decision.after.decision


async def _read_until(suite: Suite, name: str, over: asyncio.Event, reads: list[tuple[str, float, float]]) -> None:
    while not over.is_set():
        asked = time.monotonic()
        answer = await read(suite, name)
        age = answer.freshness.age.ToTimedelta().total_seconds()
        assert 0 <= age <= LIFE.total_seconds()
        reads.append((answer.split.decision, asked, age))
        await asyncio.sleep(0.002)


def _check_bound(history: list[tuple[str, float]], reads: list[tuple[str, float, float]]) -> None:
    order = {decision: number for number, (decision, _) in enumerate(history)}
    for decision, asked, age in reads:
        number = order.get(decision, -1)
        if number + 1 < len(history):  # it was superseded: not longer ago than the age stated, when it was asked for
            assert asked - history[number + 1][1] <= age + 0.001, (decision, asked, age)
