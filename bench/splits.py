"""Splits read at a steady thousand a second from one replica: calm, while it decides, and without its cache; beside a bare echo."""

import asyncio
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ballast.allocation.v1 import allocation_messages_pb2 as pb
from ballast.allocation.v1 import roadmap_item_pb2, split_pb2, team_pb2
from ballast.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub
from google.type.money_pb2 import Money

from bench.allocation import running_allocation
from bench.cpu import cpu_seconds
from bench.figures import Tail, in_turn, milliseconds, tail
from bench.ground import Ground
from bench.pace import Paced, caller_of, paced
from bench.processes import Child, started
from bench.report import Section
from shared.rpc.client import connect

if TYPE_CHECKING:  # the async stub exists for the type checker only
    from ballast.allocation.v1.allocation_service_pb2_grpc import AllocationServiceAsyncStub

GET_SPLIT = "/ballast.allocation.v1.AllocationService/GetSplit"
_PER_SECOND = 1000
_ITEMS = 20  # of each team's roadmap
_DECIDE_EVERY_SECONDS = 0.1
CALM, BUSY, FORCED, AWAY, ECHO = (
    "GetSplit, calm",
    "GetSplit, 10 decisions/s beside",
    "GetSplit, max_staleness 0",
    "GetSplit, no cache",
    "bare echo",
)


@dataclass(slots=True)
class Rounds:
    """What the rounds of one kind took; `tails` and `lags` one a round."""

    tails: list[Tail] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    sources: Counter[str] = field(default_factory=Counter)

    def add(self, found: Paced, cpu: float) -> None:
        self.tails.append(tail(found.seconds))
        self.lags.append(tail(found.lag).p99)
        self.cpu.append(cpu / len(found.seconds))

    @property
    def p99(self) -> float:
        return statistics.median(each.p99 for each in self.tails)


async def splits(ground: Ground) -> Section:
    """Measures in turns, round by round; latency counts from when a call was due."""
    teams = [f"teams/split-{number:03}" for number in range(ground.sizes.split_teams)]
    rounds = {name: Rounds() for name in (CALM, BUSY, FORCED, AWAY, ECHO)}
    async with AsyncExitStack() as stack:
        ours = await stack.enter_async_context(running_allocation(ground.engines, "bench_splits", ground.directory))
        lonely = await stack.enter_async_context(
            running_allocation(ground.engines, "bench_splits_away", ground.directory, cache_url="redis://127.0.0.1:1")
        )
        command = [sys.executable, "-m", "bench.split_echo"]
        echo = stack.enter_context(started(Child(command, r"^echo serves on (\S+)$", ground.directory / "split_echo.log")))
        stubs = {each.said: await stack.enter_async_context(caller_of(each.said, GET_SPLIT)) for each in (ours, lonely, echo)}
        ground.progress("splits: founding teams")
        for each in (ours, lonely):
            await _found(each.said, teams)
        for number in range(-1, ground.sizes.rounds):  # the first warms up and does not count
            for name, peer in in_turn([(CALM, ours), (BUSY, ours), (FORCED, ours), (AWAY, lonely), (ECHO, echo)], number):
                ground.progress(f"splits: round {max(number, 0) + 1} of {ground.sizes.rounds}, {name}")
                before = cpu_seconds((peer.pid,))
                over = asyncio.Event()
                deciding = asyncio.create_task(_decide(peer.said, teams, over)) if name == BUSY else None
                found = await paced(stubs[peer.said], _requests(teams, anew=name == FORCED), _PER_SECOND, ground.sizes.split_seconds)
                over.set()
                await (deciding or asyncio.sleep(0))
                if number >= 0:
                    rounds[name].add(found, cpu_seconds((peer.pid,)) - before)
                    rounds[name].sources.update(_source(answer) for answer in found.answers)
    return _section(ground, rounds)


def _requests(teams: Sequence[str], *, anew: bool) -> list[bytes]:
    built = [pb.GetSplitRequest(team=team) for team in teams]
    for each in built:
        if anew:
            each.max_staleness.SetInParent()
    return [each.SerializeToString() for each in built]


def _source(answer: bytes) -> str:
    read = pb.GetSplitResponse.FromString(answer)
    return split_pb2.SplitSource.Name(read.freshness.source).removeprefix("SPLIT_SOURCE_").lower()


async def _found(address: str, teams: Sequence[str]) -> None:
    """Stores teams with roadmaps, and decides for each."""
    channel = connect(address, deadline_seconds=120)
    stub: AllocationServiceAsyncStub = AllocationServiceStub(channel.grpc)
    await stub.UpsertTeams(pb.UpsertTeamsRequest(teams=[_team(name) for name in teams]))
    items = [_item(name, number) for name in teams for number in range(_ITEMS)]
    for first in range(0, len(items), 1000):
        await stub.UpsertRoadmapItems(pb.UpsertRoadmapItemsRequest(items=items[first : first + 1000]))
    for name in teams:
        await stub.DecideSplit(pb.DecideSplitRequest(team=name))
    await channel.close()


def _team(name: str) -> team_pb2.Team:
    team = team_pb2.Team(name=name, members=[team_pb2.Member(id=each, weekly_hours=40, focus_factor=0.75) for each in ("ada", "bo")])
    team.sprint_length.FromTimedelta(timedelta(days=14))
    team.first_sprint_at.FromDatetime(datetime.now(UTC) - timedelta(days=1))
    return team


def _item(team: str, number: int) -> roadmap_item_pb2.RoadmapItem:
    return roadmap_item_pb2.RoadmapItem(
        name=f"roadmapItems/{team.removeprefix('teams/')}-{number}",
        title=f"Item {number}",
        team=team,
        effort_hours=20 + number,
        cost_of_delay_per_week=Money(currency_code="USD", units=9_000 - 300 * number),
    )


async def _decide(address: str, teams: Sequence[str], over: asyncio.Event) -> None:
    """Changes a team's people and decides on that, over and over: each decision solves the roadmap and goes to disk and cache."""
    channel = connect(address, deadline_seconds=60)
    stub: AllocationServiceAsyncStub = AllocationServiceStub(channel.grpc)
    number = 0
    while not over.is_set():
        number += 1
        team = _team(teams[number % len(teams)])
        team.members[0].weekly_hours = 20 + number % 20
        await stub.UpsertTeams(pb.UpsertTeamsRequest(teams=[team]))
        await stub.DecideSplit(pb.DecideSplitRequest(team=team.name))
        await asyncio.sleep(_DECIDE_EVERY_SECONDS)
    await channel.close()


def _section(ground: Ground, rounds: dict[str, Rounds]) -> Section:
    echo = rounds[ECHO].p99
    rows = [
        (
            name,
            milliseconds(statistics.median(tail.p50 for tail in each.tails)),
            f"{milliseconds(each.p99)} ({milliseconds(min(t.p99 for t in each.tails))}–{milliseconds(max(t.p99 for t in each.tails))})",
            milliseconds(max(tail.most for tail in each.tails)),
            "" if name == ECHO else f"{each.p99 / echo:.1f} ×",
            f"{statistics.median(each.cpu) * 1e6:,.0f} µs",
            milliseconds(statistics.median(each.lags)),
        )
        for name, each in rounds.items()
    ]
    seconds = ground.sizes.split_seconds
    load = f"{_PER_SECOND:,} calls a second for {seconds:g} s, {ground.sizes.split_teams} teams, one replica"
    title = f"Splits at {load}; median of {ground.sizes.rounds} rounds"
    columns = ("", "p50", "p99 (least–most)", "max", "p99 of the echo", "CPU each", "p99 of the caller's own lag")
    data = {
        name: {"tails": each.tails, "lag_p99": each.lags, "cpu_seconds_each": each.cpu, "sources": each.sources}
        for name, each in rounds.items()
    }
    notes = ["Each latency counts from when the call was due, so that it holds the caller's own lag as well."]
    return Section(title, columns, rows, data, notes)
