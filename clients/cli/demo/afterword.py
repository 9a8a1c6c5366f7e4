"""The afterword: whether the story's team followed its plan, what a storm would do to it, and whether the policy was any good."""

from collections.abc import Sequence
from dataclasses import dataclass

from ballast.allocation.v1 import (
    adherence_pb2,
    adherence_service_pb2,
    backtest_service_pb2,
    scenario_pb2,
    scenario_service_pb2,
)
from ballast.allocation.v1.policy_rule_pb2 import ReserveTarget

from clients.cli.connection import Connection, every_page
from clients.cli.demo.example import Example
from clients.cli.demo.requests import policy_message

STORM_TIMES, STORM_SPRINTS, STORM_SEVERITY = 3.0, 2, 2
RESERVING = "allocationPolicies/by-the-forecast"
LEVEL = 0.75
_SPRINTS_SHOWN = 13
_FEWEST_SPRINTS = 14  # finished: twelve to learn from, one to judge, and the present one
_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Afterword:
    """What is asked once the year is over. No back-test of a year that is too short to judge by."""

    adherence: tuple[adherence_pb2.SprintAdherence, ...]  # newest first
    drifts: tuple[adherence_pb2.Drift, ...]
    storm: scenario_service_pb2.SimulateScenarioResponse
    backtest: backtest_service_pb2.BacktestSummary | None


async def read_afterword(connection: Connection, example: Example, team: str) -> Afterword:
    """Asks allocation about one team, and about the policy of all."""
    listed = adherence_service_pb2.ListAdherenceRequest(team=team)
    spike = scenario_pb2.IncidentSpike(times=STORM_TIMES, sprint_count=STORM_SPRINTS, severity=STORM_SEVERITY)
    storm = scenario_service_pb2.SimulateScenarioRequest(team=team, scenario=scenario_pb2.Scenario(spike=spike))
    drifts = await connection.adherence.ListDrifts(adherence_service_pb2.ListDriftsRequest(team=team))
    sprints: Sequence[adherence_pb2.SprintAdherence] = (
        await every_page(connection.adherence.ListAdherence, listed, "sprints", _SPRINTS_SHOWN)
    ).sprints
    return Afterword(
        adherence=tuple(sprints),
        drifts=tuple(drifts.drifts),
        storm=await connection.scenarios.SimulateScenario(storm),
        backtest=await _backtest(connection, example) if example.cadence.count >= _FEWEST_SPRINTS else None,
    )


async def _backtest(connection: Connection, example: Example) -> backtest_service_pb2.BacktestSummary:
    """Tries the example's policy, and the same with a reserve by the forecast, on what was recorded of all teams."""
    stored = policy_message(example.policy.allocation)
    reserving = policy_message(example.policy.allocation)
    reserving.name = RESERVING
    reserving.reserve.CopyFrom(ReserveTarget(service_level=LEVEL, clearing_sprints=2))
    request = backtest_service_pb2.BacktestPolicyRequest(
        policies=[backtest_service_pb2.BacktestedPolicy(name=stored.name), backtest_service_pb2.BacktestedPolicy(body=reserving)],
        service_level=LEVEL,
        with_shares=True,
    )
    told = [each async for each in connection.backtests.BacktestPolicy(request, timeout=_SECONDS)]
    return told[-1].summary
