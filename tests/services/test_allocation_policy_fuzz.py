"""Requests nobody would send, and plausible ones: every RPC about policies answers or refuses them, and serves on."""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ballast.allocation.v1 import policy_service_pb2 as ps
from ballast.allocation.v1.policy_service_pb2_grpc import PolicyServiceStub
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.allocating import Suite, allocating
from tests.support.fuzzing import ANSWERS, DEADLINE_SECONDS, EXAMPLES, answer, bodies
from tests.support.wire import plain_channel

SERVICE = ps.DESCRIPTOR.services_by_name["PolicyService"]
METHODS = {str(method.name): method for method in SERVICE.methods}
CONDITIONS = (
    *("true", "incidents.count > 3", "incidents.ratio > 1.5", "budget.left < 0.1 || !(\"budget.left\" in missing)", "1/0 == 1"),
    *("impact.worst_tier.matches('(')", "[", "", "incidents.count > 5 && incidents.count < 3", "x" * 1024, "missing.all(a, a != '')", "\0"),
)  # fmt: skip
SHARES = (0.0, 0.1, 0.333333, 0.6, 1.0, 1.5, -0.1, 1e-9, float("nan"), float("inf"))


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        await running.store_team("fuzzed", sprint=5)
        yield running


async def is_serving(suite: Suite) -> bool:
    async with plain_channel(suite.app.server.address) as channel:
        checked = await HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=SERVICE.full_name))
    return bool(checked.status == health_pb2.HealthCheckResponse.SERVING)


@pytest.mark.parametrize("name", METHODS)
async def test_whatever_bytes_come_the_caller_gets_a_status_and_the_service_serves_on(suite: Suite, name: str) -> None:
    method: MethodDescriptor = METHODS[name]
    chance = random.Random(name)  # the same bytes in every run
    async with plain_channel(suite.app.server.address) as channel:
        for body in bodies(method, chance):
            code = await answer(channel, method, body)
            assert code in ANSWERS, (code, body[:200])
    assert await is_serving(suite)


@pytest.mark.parametrize("name", METHODS)
async def test_a_plausible_policy_never_brings_an_internal_error(suite: Suite, name: str) -> None:
    chance = random.Random(name)
    async with plain_channel(suite.app.server.address) as channel:
        call = getattr(PolicyServiceStub(channel), name)
        for _ in range(4 * EXAMPLES):
            request = plausible(name, chance)
            calling = call(request, timeout=DEADLINE_SECONDS)
            code = await calling.code()
            assert code in ANSWERS, (code, await calling.details(), request)
    assert await is_serving(suite)


def plausible(name: str, chance: random.Random) -> Any:
    if name == "ValidatePolicy":
        return ps.ValidatePolicyRequest(policy=policy(chance))
    named = chance.choice(("allocationPolicies/default", "allocationPolicies/default", "allocationPolicies/none", "x"))
    if name == "DiffPolicies":
        return ps.DiffPoliciesRequest(name=named, before=ref(chance), after=ref(chance))
    team = chance.choice(("", "teams/fuzzed", "teams/none", "fuzzed"))
    count, size = chance.choice((0, 1, 12, 52, 53, -1)), chance.choice((0, 1, 50, 51))
    token = chance.choice(("", "", "x", "WyJhIl0"))
    return ps.PreviewPolicyRequest(name=named, tried=ref(chance), team=team, sprint_count=count, page_size=size, page_token=token)


def ref(chance: random.Random) -> ps.PolicyRef:
    if chance.random() < 0.3:
        return ps.PolicyRef(revision=chance.choice((0, 1, 99, -1)))
    return ps.PolicyRef(body=policy(chance))


def policy(chance: random.Random) -> Any:
    tame = chance.random() < 0.7  # such that the contract takes them, and what follows is looked at
    shares = (0.1, 0.3, 0.6) if tame else tuple(chance.choice(SHARES) for _ in range(3))
    made = ps.ValidatePolicyRequest().policy
    made.name = "allocationPolicies/default"
    made.floor_share, made.baseline_share, made.cap_share = shares
    made.largest_step = 0.1 if tame else chance.choice(SHARES)
    made.quiet_sprints, made.horizon_sprints = chance.choice((0, 1, 26)), chance.choice((1, 6, 26))
    for place in range(chance.randint(0, 4)):
        rule = made.rules.add(id=f"r{place}" if tame else chance.choice(("a", "a", "", "A b")), reason="So.")
        rule.when, rule.until = chance.choice(CONDITIONS), chance.choice((*CONDITIONS, "", ""))
        effect = chance.choice(("raise_by", "set_share", "freeze", "protect", ""))
        if effect in {"raise_by", "set_share"}:
            setattr(rule, effect, 0.2 if tame else chance.choice(SHARES))
        elif effect == "freeze":
            rule.freeze.SetInParent()
        elif effect == "protect":
            rule.protect.items.append(chance.choice(("roadmapItems/a-*", "roadmapItems/*", "x")))
        rule.cool_down_sprints = chance.choice((0, 2, 26, 27))
    if chance.random() < 0.4:
        made.reserve.service_level = chance.choice((0.5, 0.9, 0.0, 1.0))
    elif chance.random() < 0.4:
        made.reserve.costs.under.units, made.reserve.costs.over.units = chance.choice((3, 0, -1)), chance.choice((1, 0))
        made.reserve.costs.under.currency_code = made.reserve.costs.over.currency_code = chance.choice(("USD", "", "usd"))
    return made
