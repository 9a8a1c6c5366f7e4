"""Plans of many teams as a caller gets them: allocation with its store, over gRPC, each team by itself and teams together."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ballast.allocation.v1 import allocation_messages_pb2, allocation_service_pb2, plan_pb2, roadmap_item_pb2, team_pb2
from ballast.allocation.v1 import plan_service_pb2 as pb
from ballast.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub
from ballast.allocation.v1.plan_service_pb2_grpc import PlanServiceStub
from google.type.money_pb2 import Money

from bench.databases import drop
from bench.ground import Ground
from bench.processes import Child, started
from services.allocation.domain.plan import Problem
from shared.rpc.client import connect
from shared.storage.provision import provision

if TYPE_CHECKING:  # the async stubs exist for the type checker only
    from ballast.allocation.v1.allocation_service_pb2_grpc import AllocationServiceAsyncStub
    from ballast.allocation.v1.plan_service_pb2_grpc import PlanServiceAsyncStub

_CALLERS, _TOGETHER, _AT_ONCE = 8, 20, 20
_DEADLINE_SECONDS = 300.0
_BASELINE = 2 / 3  # of its capacity that a team's roadmap has before the first decision


async def served_plans(ground: Ground, roadmaps: Sequence[Problem]) -> dict[str, float]:
    """Returns the seconds that all teams' quick plans take, by the way they were asked for."""
    url = (await provision(ground.engines.database_url, "bench_plan", ["allocation"], fresh=True))["allocation"]
    names = [f"teams/t{number}" for number in range(len(roadmaps))]
    took = {}
    try:
        for processes in (0, 2):
            async with _served(ground, url, processes) as (allocation, plans):
                if not processes:
                    ground.progress("plan: storing roadmaps")
                    await _store(allocation, roadmaps)
                ground.progress(f"plan: served, {processes} processes")
                await _each(plans, names[:_CALLERS])  # does not count: processes start
                took[f"GetPlan, {f'{processes} processes' if processes else 'threads'}"] = await _timed(_each(plans, names))
                if not processes:
                    took[f"SimulatePlan of {_TOGETHER} teams at once, threads"] = await _timed(_together(plans, names))
    finally:
        await drop(ground.engines, "bench_plan")
    return took


@asynccontextmanager
async def _served(ground: Ground, url: str, processes: int) -> AsyncIterator[tuple["AllocationServiceAsyncStub", "PlanServiceAsyncStub"]]:
    values = {
        "PORT": "0", "DATABASE_URL": url, "CACHE_URL": ground.engines.cache_url, "SUBSCRIBERS": "{}", "STATE_DIR": str(ground.directory),
        "PLAN_PROCESSES": str(processes),
    }  # fmt: skip
    environment = {f"BALLAST_ALLOCATION_{key}": value for key, value in values.items()}
    command = [sys.executable, "-m", "services.allocation"]
    files = (allocation_service_pb2, pb)
    services = [each for file in files for each in file.DESCRIPTOR.services_by_name.values()]
    with started(Child(command, r"^allocation serves on (\S+)$", ground.directory / "plan.log", environment)) as running:
        channel = connect(running.said, services, deadline_seconds=_DEADLINE_SECONDS)
        try:
            yield AllocationServiceStub(channel.grpc), PlanServiceStub(channel.grpc)
        finally:
            await channel.close()


async def _store(allocation: "AllocationServiceAsyncStub", roadmaps: Sequence[Problem]) -> None:
    for begin in range(0, len(roadmaps), _AT_ONCE):
        numbers = range(begin, min(begin + _AT_ONCE, len(roadmaps)))
        teams = [_team(number, roadmaps[number]) for number in numbers]
        await allocation.UpsertTeams(allocation_messages_pb2.UpsertTeamsRequest(teams=teams))
        items = [each for number in numbers for each in _items(number, roadmaps[number])]
        await allocation.UpsertRoadmapItems(allocation_messages_pb2.UpsertRoadmapItemsRequest(items=items))


def _team(number: int, of: Problem) -> team_pb2.Team:
    """Returns a team whose roadmap has the hours of the problem in its weekly sprints."""
    made = team_pb2.Team(name=f"teams/t{number}")
    hours = float(of.crews[0].capacity[0]) / _BASELINE
    made.members.extend(team_pb2.Member(id=f"m{person}", weekly_hours=hours / 8, focus_factor=1) for person in range(8))
    made.sprint_length.FromTimedelta(timedelta(days=7))
    made.first_sprint_at.FromDatetime(datetime.now(UTC) - timedelta(days=1))
    return made


def _items(number: int, of: Problem) -> list[roadmap_item_pb2.RoadmapItem]:
    return [
        roadmap_item_pb2.RoadmapItem(
            name=f"roadmapItems/t{number}-{each.name}",
            title=each.name,
            team=f"teams/t{number}",
            effort_hours=float(each.remaining_hours),
            cost_of_delay_per_week=Money(currency_code="USD", units=each.value),
            dependencies=[f"roadmapItems/t{number}-i{other}" for other in each.dependencies],
        )
        for each in of.items
    ]


async def _each(plans: "PlanServiceAsyncStub", names: Sequence[str]) -> list[plan_pb2.RoadmapPlan]:
    """Asks for one team's plan after the other, from several callers at once."""
    waiting, found = iter(names), list[plan_pb2.RoadmapPlan]()

    async def caller() -> None:
        for name in waiting:
            found.append((await plans.GetPlan(pb.GetPlanRequest(team=name, effort=pb.PLAN_EFFORT_QUICK))).plan)

    await asyncio.gather(*(caller() for _ in range(_CALLERS)))
    return found


async def _together(plans: "PlanServiceAsyncStub", names: Sequence[str]) -> list[plan_pb2.RoadmapPlan]:
    found = []
    for begin in range(0, len(names), _TOGETHER):
        request = pb.SimulatePlanRequest(teams=names[begin : begin + _TOGETHER], effort=pb.PLAN_EFFORT_QUICK)
        found.append((await plans.SimulatePlan(request)).plan)
    return found


async def _timed(work: Any) -> float:
    begin = time.perf_counter()
    assert all(each.items for each in await work)
    return time.perf_counter() - begin
