"""Back-tests over gRPC: pasts brought along and recorded, progress, cancelling, and what is refused."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from ballast.allocation.v1 import allocation_messages_pb2 as messages
from ballast.allocation.v1 import allocation_policy_pb2, backtest_pb2, team_pb2
from ballast.allocation.v1 import backtest_service_pb2 as pb
from ballast.allocation.v1.backtest_service_pb2_grpc import BacktestServiceStub
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound, PreconditionFailed
from shared.rpc.client import connect
from tests.support.allocating import FORTNIGHT, Suite, allocating, assessment, item, made, team
from tests.support.backtests import history
from tests.support.wire import plain_channel

if TYPE_CHECKING:
    from ballast.allocation.v1.backtest_service_pb2_grpc import BacktestServiceAsyncStub  # exists for the type checker only

DEFAULT = pb.BacktestedPolicy(name="allocationPolicies/default")
BODY = allocation_policy_pb2.AllocationPolicy(
    name="allocationPolicies/calm",
    baseline_share=0.2,
    floor_share=0.1,
    cap_share=0.5,
    largest_step=0.1,
    quiet_sprints=1,
    horizon_sprints=6,
)


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        yield running


@pytest.fixture(scope="module")
async def backtests(suite: Suite) -> "AsyncIterator[BacktestServiceAsyncStub]":
    channel = connect(suite.app.server.address, [pb.DESCRIPTOR.services_by_name["BacktestService"]], deadline_seconds=60)
    yield BacktestServiceStub(channel.grpc)
    await channel.close()


async def answers(backtests: "BacktestServiceAsyncStub", **request: Any) -> list[pb.BacktestPolicyResponse]:
    return [each async for each in backtests.BacktestPolicy(pb.BacktestPolicyRequest(**request))]


async def summary(backtests: "BacktestServiceAsyncStub", **request: Any) -> pb.BacktestSummary:
    return (await answers(backtests, **request))[-1].summary


async def test_pasts_brought_along_are_judged_beside_the_baselines(backtests: "BacktestServiceAsyncStub") -> None:
    policies = [DEFAULT, pb.BacktestedPolicy(body=BODY)]
    request: dict[str, Any] = {"policies": policies, "histories": [history(1), history(2)], "with_shares": True}
    told = await answers(backtests, **request)
    totals = {each.total_count for each in told[:-1]}
    assert totals == {80}
    assert [each.done_count for each in told[:-1]] == sorted(each.done_count for each in told[:-1])
    found = told[-1].summary
    keys = ["default@1", "calm@body1", "fixed-third", "trailing-quantile", "forecast"]
    assert [each.contender for each in found.results] == keys
    assert (found.team_count, found.period_count, found.judged_count, found.service_level) == (2, 28, 56, 0.75)
    for each in found.results:
        assert each.pooled.period_count == 56
        assert each.pooled.loss.low <= each.pooled.loss.value <= each.pooled.loss.high
        assert [len(one.shares) for one in each.teams] == [28, 28]
    calm = found.results[1]
    assert all(0.1 <= share <= 0.5 for one in calm.teams for share in one.shares)
    assert [(each.team, each.first_number, len(each.demand_hours)) for each in found.pasts] == [("teams/t1", 13, 28), ("teams/t2", 13, 28)]
    assert len(found.comparisons) == 3 * (4 + 3 + 2)
    assert any("hours are compared instead of value" in each for each in found.warnings)
    assert await summary(backtests, **request) == found


async def test_what_is_recorded_is_replayed_with_the_shares_that_were_in_force(suite: Suite, backtests: "BacktestServiceAsyncStub") -> None:
    await suite.allocation.UpsertTeams(messages.UpsertTeamsRequest(teams=[team("busy", suite.clock.now())]))
    with pytest.raises(PreconditionFailed) as refused:
        await summary(backtests, policies=[DEFAULT])
    assert refused.value.reason == "HISTORY_TOO_SHORT"
    await suite.store_items(item("search", "busy", 80, 4000))
    await suite.app.tick()
    begin = suite.clock.now()
    for sprint in range(14):
        for number in range(1 + sprint % 3):
            opened = begin + timedelta(days=1 + number)
            fact = assessment("busy", at=opened, severity=3, resolved_at=opened + timedelta(hours=4))
            await suite.advance(opened - suite.clock.now() + timedelta(hours=5))
            await suite.deliver(made(fact))
            work = team_pb2.WorkRecord(team="teams/busy", incident=fact.incident, hours=6)
            work.worked_at.FromDatetime(suite.clock.now())
            await suite.allocation.RecordWork(messages.RecordWorkRequest(request_id=str(uuid.uuid4()), records=[work]))
        begin += FORTNIGHT
        await suite.advance(begin - suite.clock.now())
    found = await summary(backtests, policies=[DEFAULT], teams=["teams/busy"], warm_up_periods=4, with_shares=True)
    assert [each.contender for each in found.results][-1] == "recorded"
    assert (found.judged_count, found.pasts[0].first_number) == (10, 5)
    assert list(found.pasts[0].demand_hours) == [6.0 * (1 + number % 3) for number in range(4, 14)]
    recorded, default = found.results[-1], found.results[0]
    # Decisions were made by the same policy as sprints began, so the replay finds the shares that were in force.
    assert recorded.teams[0].shares == pytest.approx(default.teams[0].shares, abs=0.02)
    assert recorded.pooled.roadmap_value.value == pytest.approx(recorded.pooled.roadmap_hours.value * 4000 / 80)


async def test_the_work_stops_when_the_caller_leaves_and_others_are_answered_meanwhile(
    suite: Suite, backtests: "BacktestServiceAsyncStub"
) -> None:
    # Minutes of work, if nobody stopped it.
    histories = [history(number, count=520) for number in range(100)]
    calls = [backtests.BacktestPolicy(pb.BacktestPolicyRequest(policies=[DEFAULT], histories=histories)) for _ in range(2)]
    for call in calls:
        async for told in call:
            if told.done_count:
                break
    async with plain_channel(suite.app.server.address) as channel:
        answer = await HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    for call in calls:
        call.cancel()
    # Two run at once, so a third would wait for its turn if those had not stopped.
    found = await asyncio.wait_for(summary(backtests, policies=[DEFAULT], histories=[history(1)]), 30)
    assert found.judged_count == 28


def _broken(**change: Any) -> backtest_pb2.BacktestHistory:
    told = history(3)
    for name, value in change.items():
        if isinstance(value, list):
            del getattr(told.periods[5], name)[:]
            getattr(told.periods[5], name).extend(value)
        else:
            setattr(told.periods[5], name, value)
    return told


@pytest.mark.parametrize(
    ("told", "field", "remedy"),
    [
        (_broken(number=9), "histories[0].periods[5].number", "give a period without incidents too"),
        (_broken(count=-1), "histories[0].periods[5].count", "give a count from 0"),
        (_broken(count=7), "histories[0].periods[5].effort_hours", "give what each incident took"),
        (
            _broken(count=1, effort_hours=[float("nan")], restore_hours=[], severities=[]),
            "histories[0].periods[5].effort_hours[0]",
            "above 0",
        ),
        (_broken(count=1, effort_hours=[1.0], restore_hours=[], severities=[9]), "histories[0].periods[5].severities[0]", "to 5"),
        (_broken(capacity_hours=0), "histories[0].periods[5].capacity_hours", "above 0"),
        (_broken(remediation_share=1.5), "histories[0].periods[5].remediation_share", "from 0 to 1"),
        (history(1, count=19), "histories[0].periods", "or a shorter warm_up_periods"),
        (history(1, count=521), "histories[0].periods", "give the newest 520"),
    ],
)
async def test_a_past_that_cannot_be_judged_is_refused_by_field_with_what_to_do(
    backtests: "BacktestServiceAsyncStub", told: backtest_pb2.BacktestHistory, field: str, remedy: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await summary(backtests, policies=[DEFAULT], histories=[told])
    assert refused.value.reason == "HISTORY_INVALID"
    violation = refused.value.violations[0]
    assert violation.field == field
    assert remedy in violation.description


async def test_policies_that_are_not_there_or_contradict_themselves_are_refused(backtests: "BacktestServiceAsyncStub") -> None:
    with pytest.raises(NotFound) as missing:
        await summary(backtests, policies=[pb.BacktestedPolicy(name="allocationPolicies/nobody")], histories=[history(1)])
    assert missing.value.reason == "POLICY_NOT_FOUND"
    with pytest.raises(NotFound) as old:
        await summary(backtests, policies=[pb.BacktestedPolicy(name="allocationPolicies/default", revision=99)], histories=[history(1)])
    assert old.value.reason == "POLICY_REVISION_NOT_FOUND"
    odd = allocation_policy_pb2.AllocationPolicy()
    odd.CopyFrom(BODY)
    odd.floor_share = 0.3
    with pytest.raises(InvalidInput) as contradicting:
        await summary(backtests, policies=[pb.BacktestedPolicy(body=odd)], histories=[history(1)])
    assert [each.field for each in contradicting.value.violations] == ["policies[0].body.floor_share"]
    for request, field in (
        ({"policies": [DEFAULT, DEFAULT], "histories": [history(1)]}, "policies[1]"),
        ({"histories": [history(1), history(1)]}, "histories[1].team"),
        ({"histories": [history(1)], "teams": ["teams/busy"]}, "teams"),
        ({"histories": [history(1)], "service_level": 1.0}, "service_level"),
        ({"histories": [history(1)], "warm_up_periods": 3}, "warm_up_periods"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await summary(backtests, **request)
        assert [each.field for each in refused.value.violations] == [field]
    with pytest.raises(NotFound) as nobody:
        await summary(backtests, teams=["teams/nobody"])
    assert nobody.value.reason == "TEAM_NOT_FOUND"


async def test_a_deadline_ends_a_back_test(backtests: "BacktestServiceAsyncStub") -> None:
    call = backtests.BacktestPolicy(pb.BacktestPolicyRequest(histories=[history(n, count=120) for n in range(20)]), timeout=0.3)
    with pytest.raises(Exception) as ended:  # noqa: PT011 - the class is the wire's
        async for _ in call:
            pass
    assert isinstance(ended.value, grpc.aio.AioRpcError) or "DEADLINE" in str(getattr(ended.value, "reason", ended.value)).upper()
