"""Fuzzed bytes and plausible nonsense at back-tests and scenarios: each gets a status in time, and the service serves on."""

import contextlib
import random
from collections.abc import AsyncIterator

import grpc
import pytest
from ballast.allocation.v1 import backtest_service_pb2 as backtest
from ballast.allocation.v1 import scenario_service_pb2 as scenario
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.allocating import Suite, allocating, item
from tests.support.backtests import history
from tests.support.fuzzing import ANSWERS, DEADLINE_SECONDS, EXAMPLES, answer, bodies
from tests.support.wire import plain_channel

SERVICES = [each for file in (backtest, scenario) for each in file.DESCRIPTOR.services_by_name.values()]
METHODS = {f"{service.name}/{method.name}": method for service in SERVICES for method in service.methods}
NUMBERS = (0.0, -1.0, 1.0, 1e-300, 1e15, 1e308, float("inf"), float("-inf"), float("nan"))
WHOLE = (0, 1, -1, 5, 6, 2**31 - 1, -(2**31))


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        await running.store_team("web")
        await running.store_items(item("search", "web", 80))
        yield running


async def is_serving(suite: Suite, service: str) -> bool:
    async with plain_channel(suite.app.server.address) as channel:
        checked = await HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))
    return bool(checked.status == health_pb2.HealthCheckResponse.SERVING)


@pytest.mark.parametrize("name", METHODS)
async def test_whatever_bytes_come_the_caller_gets_a_status_and_the_service_serves_on(suite: Suite, name: str) -> None:
    method, chance = METHODS[name], random.Random(name)  # the same bytes in every run
    async with plain_channel(suite.app.server.address) as channel:
        for body in bodies(method, chance):
            code = await answer(channel, method, body)
            assert code in ANSWERS, (code, body[:200])
    assert await is_serving(suite, method.containing_service.full_name)


async def test_a_nearly_good_past_is_judged_or_refused_and_never_an_internal_error(suite: Suite) -> None:
    chance = random.Random(6)
    codes = set()
    async with plain_channel(suite.app.server.address) as channel:
        for example in range(EXAMPLES):
            past = history(example, count=chance.choice((12, 13, 20)), mean=chance.choice((0.0, 0.2, 3.0)))
            for _ in range(chance.randint(0, 3)):
                period = chance.choice(past.periods)
                field = chance.choice(("number", "count", "capacity_hours", "roadmap_value_per_hour", "remediation_share", "effort_hours"))
                if field == "effort_hours":
                    period.effort_hours.append(chance.choice(NUMBERS))
                    period.count = chance.choice((period.count, period.count + 1))
                else:
                    setattr(period, field, chance.choice(WHOLE if field in {"number", "count"} else NUMBERS))
            request = backtest.BacktestPolicyRequest(histories=[past], warm_up_periods=4, with_shares=True, with_teams=True)
            request.policies.add(name="allocationPolicies/default")
            call = channel.unary_stream("/ballast.allocation.v1.BacktestService/BacktestPolicy", None, None)(
                request.SerializeToString(), timeout=DEADLINE_SECONDS
            )
            with contextlib.suppress(grpc.aio.AioRpcError):
                async for _ in call:
                    pass
            code = await call.code()
            codes.add(code)
            assert code in ANSWERS, (code, await call.details(), request)
    assert codes == {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}


async def test_a_nearly_good_scenario_is_simulated_or_refused_and_never_an_internal_error(suite: Suite) -> None:
    chance = random.Random(7)
    codes = set()
    async with plain_channel(suite.app.server.address) as channel:
        for _ in range(2 * EXAMPLES):
            request = scenario.SimulateScenarioRequest(team="teams/web", backlog_hours=chance.choice((0.0, 40.0, 1e5, *NUMBERS)))
            request.scenario.spike.sprint_count = chance.choice((1, 2, 26, 27))
            request.scenario.spike.plus = chance.choice((0.0, 3.0, 1000.0, *NUMBERS))
            request.scenario.spike.times = chance.choice((0.0, 1.0, 100.0, *NUMBERS))
            if chance.random() < 0.5:
                request.scenario.away.add(member=chance.choice(("m0", "nobody", "")), sprint_count=chance.choice(WHOLE))
            if chance.random() < 0.3:
                focus = chance.choice((0.5, 1.0, *NUMBERS))
                request.scenario.joining.add(
                    id=chance.choice(("new", "m0")), weekly_hours=chance.choice((40.0, *NUMBERS)), focus_factor=focus
                )
            call = channel.unary_unary("/ballast.allocation.v1.ScenarioService/SimulateScenario", None, None)(
                request.SerializeToString(), timeout=DEADLINE_SECONDS
            )
            code = await call.code()
            codes.add(code)
            assert code in ANSWERS, (code, await call.details(), request)
    assert codes >= {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}
