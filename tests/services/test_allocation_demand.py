"""Demand over gRPC: forecasts from what is recorded and from histories brought along, changes, and what is refused."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ballast.allocation.v1 import allocation_messages_pb2 as messages
from ballast.allocation.v1 import demand_pb2, team_pb2
from ballast.allocation.v1 import demand_service_pb2 as pb
from ballast.allocation.v1.demand_service_pb2_grpc import DemandServiceStub

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput
from shared.rpc.client import connect
from tests.support.allocating import FORTNIGHT, Suite, allocating, assessment, made, team
from tests.support.demand import drawn

if TYPE_CHECKING:
    from ballast.allocation.v1.demand_service_pb2_grpc import DemandServiceAsyncStub  # exists for the type checker only


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        yield running


@pytest.fixture(scope="module")
async def demand(suite: Suite) -> "AsyncIterator[DemandServiceAsyncStub]":
    services = [pb.DESCRIPTOR.services_by_name["DemandService"]]
    channel = connect(suite.app.server.address, services, deadline_seconds=15)
    yield DemandServiceStub(channel.grpc)
    await channel.close()


def question(of: str = "web", seed: int = 1, **more: Any) -> demand_pb2.DemandQuestion:
    """Builds a question with a history brought along."""
    history = drawn(seed)
    told = demand_pb2.DemandHistory(
        periods=[demand_pb2.DemandPeriod(number=number, count=count) for number, count in enumerate(history.counts, 1)],
        efforts=[demand_pb2.RemediationEffort(hours=each.hours) for each in history.efforts],
    )
    return demand_pb2.DemandQuestion(team=f"teams/{of}", history=told, **more)


async def test_a_history_brought_along_is_forecast_though_its_team_is_not_stored(demand: "DemandServiceAsyncStub") -> None:
    request = pb.ForecastDemandRequest(questions=[question(backlog_hours=10, capacity_hours=240)], sprint_count=2, with_long_run=True)
    found = await demand.ForecastDemand(request)
    (told,) = found.forecasts
    assert [each.ahead for each in told.sprints] == [1, 2]
    assert [each.level for each in told.sprints[0].quantiles] == [0.5, 0.75, 0.9]
    kept = told.sprints[0].reserve
    assert kept.hours == kept.quantile_hours + kept.clearing_hours
    assert (kept.clearing_hours, kept.level) == (10, 0.75)
    assert "clear the backlog" in kept.reason
    assert 0 < told.sprints[0].over_capacity < 0.2
    assert 0 < told.long_run.chance < 1
    assert (told.basis.period_count, told.basis.pooled_team_count, told.formula_version) == (40, 1, "2026.1")
    assert not told.HasField("begin_at")
    assert await demand.ForecastDemand(request) == found


async def test_costs_ask_for_the_level_they_come_to(demand: "DemandServiceAsyncStub") -> None:
    costs = demand_pb2.ReserveCosts(uncovered_hour=4, idle_hour=1)
    one = (await demand.ForecastDemand(pb.ForecastDemandRequest(questions=[question()], costs=costs))).forecasts[0].sprints[0].reserve
    other = (
        (await demand.ForecastDemand(pb.ForecastDemandRequest(questions=[question()], service_level=0.8))).forecasts[0].sprints[0].reserve
    )
    assert (one.hours, one.level) == (other.hours, other.level)
    assert "costs 4" in one.reason


async def test_one_bad_team_is_refused_alone_and_says_why(demand: "DemandServiceAsyncStub") -> None:
    gap, negative, endless, twice, backlog = (question(name, 2) for name in ("gap", "negative", "endless", "good", "backlog"))
    gap.history.periods[3].number = 9
    negative.history.periods[5].count = -1
    endless.history.efforts[0].hours = float("inf")
    backlog.backlog_hours = -3
    nameless = question("x")
    nameless.team = "Teams of mine"
    unknown = demand_pb2.DemandQuestion(team="teams/nobody")
    asked = [question("good", 2), gap, negative, endless, twice, backlog, nameless, unknown]
    found = await demand.ForecastDemand(pb.ForecastDemandRequest(questions=asked))
    assert [each.team for each in found.forecasts] == ["teams/good"]
    assert [(each.index, each.reason, each.field) for each in found.errors] == [
        (1, "HISTORY_INVALID", "questions[1].history.periods[3].number"),
        (2, "HISTORY_INVALID", "questions[2].history.periods[5].count"),
        (3, "HISTORY_INVALID", "questions[3].history.efforts[0].hours"),
        (4, "FIELD_INVALID", "questions[4].team"),
        (5, "FIELD_INVALID", "questions[5].backlog_hours"),
        (6, "FIELD_INVALID", "questions[6].team"),
        (7, "TEAM_NOT_FOUND", "questions[7].team"),
    ]
    assert "give a period without incidents too" in found.errors[0].description


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.ForecastDemandRequest(questions=[question()], quantiles=[0.5, 1.5]), "quantiles[1]"),
        (pb.ForecastDemandRequest(questions=[question()], quantiles=[float("nan")]), "quantiles[0]"),
        (pb.ForecastDemandRequest(questions=[question()], sprint_count=27), "sprint_count"),
        (pb.ForecastDemandRequest(questions=[question()], sprint_count=-1), "sprint_count"),
        (pb.ForecastDemandRequest(questions=[question()], service_level=0), "service_level"),
        (pb.ForecastDemandRequest(questions=[question()], costs=demand_pb2.ReserveCosts(uncovered_hour=1)), "costs.idle_hour"),
        (pb.ForecastDemandRequest(questions=[question()], costs=demand_pb2.ReserveCosts(idle_hour=1)), "costs.uncovered_hour"),
        (
            pb.ForecastDemandRequest(questions=[question()], costs=demand_pb2.ReserveCosts(uncovered_hour=-1, idle_hour=1)),
            "costs.uncovered_hour",
        ),
        (
            pb.ForecastDemandRequest(questions=[question()], costs=demand_pb2.ReserveCosts(uncovered_hour=1e308, idle_hour=1)),
            "costs.uncovered_hour",
        ),
        (pb.ForecastDemandRequest(questions=[question(f"t{n}") for n in range(21)], with_curves=True), "with_curves"),
        (pb.ForecastDemandRequest(), "questions"),
    ],
)
async def test_what_no_team_can_be_asked_is_refused_by_field(
    demand: "DemandServiceAsyncStub", request_: pb.ForecastDemandRequest, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await demand.ForecastDemand(request_)
    assert [each.field for each in refused.value.violations] == [field]


async def test_curves_are_returned_when_asked_for(demand: "DemandServiceAsyncStub") -> None:
    found = await demand.ForecastDemand(pb.ForecastDemandRequest(questions=[question()], with_curves=True))
    curve = found.forecasts[0].sprints[0].curve
    assert sum(curve.chances) == pytest.approx(0.999, abs=0.001)
    assert found.forecasts[0].sprints[0].quantiles[1].hours % curve.step_hours == pytest.approx(0)


async def test_recorded_incidents_and_work_are_forecast_and_all_teams_are_learned_from(
    suite: Suite, demand: "DemandServiceAsyncStub"
) -> None:
    stored = [team(name, suite.clock.now()) for name in ("busy", "calm")]
    await suite.allocation.UpsertTeams(messages.UpsertTeamsRequest(teams=stored))
    early = await forecast(demand, "busy")
    assert [(each.reason, each.field) for each in early.errors] == [("HISTORY_EMPTY", "questions[0].team")]
    begin = suite.clock.now()
    for sprint in range(6):
        for number in range(3):
            opened = begin + timedelta(days=1 + number)
            told = assessment("busy", at=opened, resolved_at=opened + timedelta(hours=4) if (sprint, number) != (5, 2) else None)
            await suite.advance(opened - suite.clock.now() + timedelta(hours=5))
            await suite.deliver(made(told))
            await record(suite, "busy", told.incident, 6.0 + number)
        begin += FORTNIGHT
        await suite.advance(begin - suite.clock.now())
    found = await forecast(demand, "busy", "calm", sprint_count=2)
    busy, calm = found.forecasts
    assert (busy.basis.period_count, busy.basis.incident_count, busy.basis.effort_count, busy.basis.open_effort_count) == (6, 18, 18, 1)
    assert (busy.basis.pooled_team_count, busy.basis.capacity_hours) == (2, 240)
    assert busy.begin_at.ToDatetime(tzinfo=UTC) == begin
    assert busy.sprints[0].mean_hours > 2 * calm.sprints[0].mean_hours > 0
    assert busy.sprints[0].HasField("over_capacity")
    assert any("cannot tell" in each for each in calm.warnings)
    # What was asked beside it does not change a team's figures.
    assert (await forecast(demand, "busy", sprint_count=2)).forecasts[0] == busy


async def test_a_change_is_found_with_the_promise_the_chart_was_designed_for(demand: "DemandServiceAsyncStub") -> None:
    rising = question("rising")
    for place, period in enumerate(rising.history.periods):
        period.number, period.count = 100 + place, (2, 3, 1)[place % 3] if place < 32 else 9
    short = question("short")
    del short.history.periods[6:]
    broken = question("broken")
    broken.history.periods[0].count = -1
    request = pb.GetDemandChangeRequest(questions=[rising, short, broken], watched_periods=12, false_alarm_periods=200)
    found = await demand.GetDemandChange(request)
    told, untold = found.changes
    assert (told.alarm, told.alarm_period in {132, 133}, told.since_period, told.reference_period_count) == (True, True, 132, 28)
    assert told.false_alarm_periods >= 200 > told.detection_periods
    assert told.total >= told.limit > 0
    assert told.comparison.verdict == demand_pb2.RATE_VERDICT_ROSE
    assert (untold.alarm, untold.HasField("comparison")) == (False, False)
    assert "are needed to know what is usual" in untold.cannot_tell
    assert [(each.index, each.reason) for each in found.errors] == [(2, "HISTORY_INVALID")]
    with pytest.raises(InvalidInput) as refused:
        await demand.GetDemandChange(pb.GetDemandChangeRequest(questions=[rising], rise=1.0))
    assert refused.value.violations[0].field == "rise"


async def forecast(demand: "DemandServiceAsyncStub", *teams: str, **more: Any) -> pb.ForecastDemandResponse:
    asked = [demand_pb2.DemandQuestion(team=f"teams/{name}") for name in teams]
    return await demand.ForecastDemand(pb.ForecastDemandRequest(questions=asked, **more))


async def record(suite: Suite, name: str, incident: str, hours: float) -> None:
    work = team_pb2.WorkRecord(team=f"teams/{name}", incident=incident, hours=hours)
    work.worked_at.FromDatetime(suite.clock.now())
    await suite.allocation.RecordWork(messages.RecordWorkRequest(request_id=str(uuid.uuid4()), records=[work]))
