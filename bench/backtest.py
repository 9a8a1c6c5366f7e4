"""Back-tests: a thousand teams, a year of weeks, three policies, over gRPC from request to answer; and whether others wait meanwhile."""

import asyncio
import contextlib
import sys
import time
from typing import TYPE_CHECKING

import grpc
import numpy as np
from ballast.allocation.v1 import allocation_policy_pb2, backtest_pb2
from ballast.allocation.v1 import backtest_service_pb2 as pb
from ballast.allocation.v1.backtest_service_pb2_grpc import BacktestServiceStub
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from bench.databases import drop
from bench.figures import milliseconds, spread, tail
from bench.ground import Ground
from bench.processes import Child, started
from bench.report import Section
from shared.rpc.client import connect
from shared.storage.provision import provision

if TYPE_CHECKING:  # the async stub exists for the type checker only
    from ballast.allocation.v1.backtest_service_pb2_grpc import BacktestServiceAsyncStub

_PERIODS = 52
_DEADLINE_SECONDS = 600.0
_LARGEST_BYTES = 32 * 1024 * 1024
_PAUSE_SECONDS = 0.05


async def backtest(ground: Ground) -> Section:
    """Asks for one back-test of all teams, and checks the service's health twenty times a second while it works."""
    url = (await provision(ground.engines.database_url, "bench_backtest", ["allocation"], fresh=True))["allocation"]
    values = {
        "PORT": "0",
        "DATABASE_URL": url,
        "CACHE_URL": ground.engines.cache_url,
        "SUBSCRIBERS": "{}",
        "STATE_DIR": str(ground.directory),
        "LARGEST_MESSAGE_BYTES": str(_LARGEST_BYTES),
    }
    environment = {f"BALLAST_ALLOCATION_{key}": value for key, value in values.items()}
    command = [sys.executable, "-m", "services.allocation"]
    child = Child(command, r"^allocation serves on (\S+)$", ground.directory / "backtest.log", environment)
    request = request_of(ground.sizes.backtest_teams)
    try:
        with started(child) as running:
            services = [pb.DESCRIPTOR.services_by_name["BacktestService"]]
            channel = connect(running.said, services, deadline_seconds=_DEADLINE_SECONDS)
            try:
                took, waits = await _rounds(BacktestServiceStub(channel.grpc), running.said, request, ground)
            finally:
                await channel.close()
    finally:
        await drop(ground.engines, "bench_backtest")
    return _section(took, waits, ground)


def _section(took: list[float], waits: list[float], ground: Ground) -> Section:
    found, teams = tail(waits), ground.sizes.backtest_teams
    rows = [
        (f"BacktestPolicy of {teams:,} teams × {_PERIODS} weeks × 3 policies, over gRPC", spread(took).text(1, " s")),
        ("decisions a second", f"{teams * _PERIODS * 3 / spread(took).median:,.0f}"),
        (
            "health checks meanwhile: median, p99, slowest",
            f"{milliseconds(found.p50)} · {milliseconds(found.p99)} · {milliseconds(found.most)}",
        ),
    ]
    data = {"seconds": spread(took), "health_seconds": found, "teams": teams}
    return Section(f"Back-tests; median of {len(took)} rounds (least–most)", ("", "took"), rows, data)


async def _rounds(
    stub: "BacktestServiceAsyncStub", address: str, request: pb.BacktestPolicyRequest, ground: Ground
) -> tuple[list[float], list[float]]:
    """Returns what each round took, and each health check."""
    took: list[float] = []
    waits: list[float] = []
    for number in range(1, ground.sizes.backtest_rounds + 1):
        checking = asyncio.ensure_future(_check(address, waits))
        begin = time.perf_counter()
        told = pb.BacktestPolicyResponse()
        async for told in stub.BacktestPolicy(request, timeout=_DEADLINE_SECONDS):
            ground.progress(f"back-test: round {number} of {ground.sizes.backtest_rounds}, {told.done_count:,} of {told.total_count:,}")
        took.append(time.perf_counter() - begin)
        assert len(told.summary.results) == 6, told
        checking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await checking
    return took, waits


async def _check(address: str, waits: list[float]) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        while True:
            begin = time.perf_counter()
            await HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30)
            waits.append(time.perf_counter() - begin)
            await asyncio.sleep(_PAUSE_SECONDS)


def request_of(teams: int) -> pb.BacktestPolicyRequest:
    """Returns a request with a year of so many teams and three policies: the published third with triggers, a reserve, a slower one."""
    plain = allocation_policy_pb2.AllocationPolicy(
        name="allocationPolicies/plain",
        baseline_share=0.333333,
        floor_share=0.15,
        cap_share=0.6,
        largest_step=0.15,
        quiet_sprints=2,
        horizon_sprints=6,
    )
    plain.incident_frequency.history_sprints, plain.incident_frequency.ratio = 6, 1.5
    plain.incident_frequency.minimum_count, plain.incident_frequency.raise_by = 3, 0.1
    plain.incident_frequency.severity_at_most = 5
    plain.time_to_restore.history_sprints, plain.time_to_restore.ratio = 6, 1.5
    plain.time_to_restore.minimum_count, plain.time_to_restore.raise_by = 3, 0.08
    plain.open_incidents.severity_at_most, plain.open_incidents.raise_by, plain.open_incidents.raise_at_most = 2, 0.05, 0.15
    slow, reserve = allocation_policy_pb2.AllocationPolicy(), allocation_policy_pb2.AllocationPolicy()
    slow.CopyFrom(plain)
    reserve.CopyFrom(plain)
    slow.name, slow.quiet_sprints = "allocationPolicies/slow", 4
    reserve.name, reserve.floor_share, reserve.reserve.service_level = "allocationPolicies/reserve", 0.0, 0.75
    policies = [pb.BacktestedPolicy(body=each) for each in (plain, slow, reserve)]
    return pb.BacktestPolicyRequest(policies=policies, histories=[_history(number) for number in range(teams)])


def _history(number: int) -> backtest_pb2.BacktestHistory:
    chance = np.random.default_rng(number)
    counts = chance.negative_binomial(1, 1 / (1 + chance.gamma(4, 0.25)), _PERIODS).tolist()
    periods = [
        backtest_pb2.BacktestPeriod(
            number=place,
            count=count,
            effort_hours=chance.lognormal(2, 1, count),
            restore_hours=chance.lognormal(1.4, 1, count),
            severities=chance.integers(1, 6, count).tolist(),
        )
        for place, count in enumerate(counts, 1)
    ]
    return backtest_pb2.BacktestHistory(
        team=f"teams/t{number}", periods=periods, period=Duration(seconds=7 * 86_400), capacity_hours=240, roadmap_value_per_hour=100
    )
