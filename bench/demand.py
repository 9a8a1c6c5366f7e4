"""Demand: forecasts for a thousand teams in one call, beside the bare transforms that they cannot do without."""

import sys
import time
from typing import TYPE_CHECKING

import numpy as np
from ballast.allocation.v1 import demand_pb2
from ballast.allocation.v1 import demand_service_pb2 as pb
from ballast.allocation.v1.demand_service_pb2_grpc import DemandServiceStub

from bench.databases import drop
from bench.figures import paired, spread
from bench.ground import Ground
from bench.processes import Child, started
from bench.report import Section
from services.allocation.domain.demand_distribution import SUM_STEPS
from shared.rpc.client import connect
from shared.storage.provision import provision

if TYPE_CHECKING:  # the async stub exists for the type checker only
    from ballast.allocation.v1.demand_service_pb2_grpc import DemandServiceAsyncStub

_PERIODS = 52
_DEADLINE_SECONDS = 60.0


async def demand(ground: Ground) -> Section:
    """Asks for the forecasts of all teams at once, with histories of a year of weeks, over gRPC from request to answer."""
    url = (await provision(ground.engines.database_url, "bench_demand", ["allocation"], fresh=True))["allocation"]
    values = {
        "PORT": "0",
        "DATABASE_URL": url,
        "CACHE_URL": ground.engines.cache_url,
        "SUBSCRIBERS": "{}",
        "STATE_DIR": str(ground.directory),
    }
    environment = {f"BALLAST_ALLOCATION_{key}": value for key, value in values.items()}
    child = Child(
        [sys.executable, "-m", "services.allocation"], r"^allocation serves on (\S+)$", ground.directory / "demand.log", environment
    )
    count = ground.sizes.demand_teams
    questions = [_question(number) for number in range(count)]
    try:
        with started(child) as running:
            channel = connect(running.said, [pb.DESCRIPTOR.services_by_name["DemandService"]], deadline_seconds=_DEADLINE_SECONDS)
            try:
                asked, bare = await _rounds(DemandServiceStub(channel.grpc), questions, ground)
            finally:
                await channel.close()
    finally:
        await drop(ground.engines, "bench_demand")
    ratio = paired(asked, bare)
    rows = [
        (f"ForecastDemand of {count:,} teams, over gRPC", spread(asked).text(2, " s"), ""),
        (f"numpy: {count:,} bare transforms there and back, as many steps", spread(bare).text(3, " s"), ratio.text(1)),
    ]
    data = {"forecast_seconds": spread(asked), "transform_seconds": spread(bare), "ratio": ratio, "teams": count}
    notes = [f"Histories of {_PERIODS} periods; pooled over all teams, three quantiles and the reserve of each."]
    return Section(f"Demand; median of {ground.sizes.rounds} rounds (least–most)", ("", "took", "times that"), rows, data, notes)


async def _rounds(
    stub: "DemandServiceAsyncStub", questions: list[demand_pb2.DemandQuestion], ground: Ground
) -> tuple[list[float], list[float]]:
    """Returns what each round took, after one that does not count."""
    asked, bare = [], []
    for number in range(ground.sizes.rounds + 1):
        ground.progress(f"demand: round {number} of {ground.sizes.rounds}")
        begin = time.perf_counter()
        found = await stub.ForecastDemand(pb.ForecastDemandRequest(questions=questions))
        asked.append(time.perf_counter() - begin)
        assert len(found.forecasts) == len(questions), found.errors
        bare.append(_transforms(len(questions)))
    return asked[1:], bare[1:]


def _transforms(count: int) -> float:
    """Returns how long the two transforms of each team take, and nothing else."""
    efforts = np.zeros(SUM_STEPS)
    efforts[: SUM_STEPS // 2] = 2 / SUM_STEPS
    begin = time.perf_counter()
    for _ in range(count):
        np.fft.irfft(np.fft.rfft(efforts), SUM_STEPS)
    return time.perf_counter() - begin


def _question(number: int) -> demand_pb2.DemandQuestion:
    chance = np.random.default_rng(number)
    counts = chance.negative_binomial(1, 1 / (1 + chance.gamma(4, 0.25)), _PERIODS)
    hours = chance.lognormal(2, 1, int(counts.sum()))
    history = demand_pb2.DemandHistory(
        periods=[demand_pb2.DemandPeriod(number=place, count=count) for place, count in enumerate(counts.tolist(), 1)],
        efforts=[demand_pb2.RemediationEffort(hours=each, open=place % 25 == 24) for place, each in enumerate(hours.tolist())],
    )
    return demand_pb2.DemandQuestion(team=f"teams/t{number}", history=history, backlog_hours=number % 20, capacity_hours=240)
