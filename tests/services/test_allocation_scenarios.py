"""Scenarios over gRPC: what would be if, beside what is; nothing is stored."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ballast.allocation.v1 import allocation_messages_pb2 as messages
from ballast.allocation.v1 import allocation_policy_pb2, scenario_pb2, team_pb2
from ballast.allocation.v1 import scenario_service_pb2 as pb
from ballast.allocation.v1.scenario_service_pb2_grpc import ScenarioServiceStub

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound
from shared.rpc.client import connect
from tests.support.allocating import FORTNIGHT, Suite, allocating, assessment, item, made, team

if TYPE_CHECKING:
    from ballast.allocation.v1.scenario_service_pb2_grpc import ScenarioServiceAsyncStub  # exists for the type checker only

SPIKE = scenario_pb2.IncidentSpike(times=2, plus=3, sprint_count=2, severity=1)


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        await six_sprints(running)
        yield running


@pytest.fixture(scope="module")
async def scenarios(suite: Suite) -> "AsyncIterator[ScenarioServiceAsyncStub]":
    channel = connect(suite.app.server.address, [pb.DESCRIPTOR.services_by_name["ScenarioService"]], deadline_seconds=15)
    yield ScenarioServiceStub(channel.grpc)
    await channel.close()


async def six_sprints(suite: Suite) -> None:
    """Records six sprints of a team with two incidents each, and a roadmap that fills its horizon."""
    await suite.allocation.UpsertTeams(messages.UpsertTeamsRequest(teams=[team("web", suite.clock.now())]))
    await suite.store_items(*(item(f"i{number}", "web", 150, 1000 + 500 * number) for number in range(6)))
    begin = suite.clock.now()
    for _ in range(6):
        for number in range(2):
            opened = begin + timedelta(days=1 + number)
            await suite.advance(opened - suite.clock.now() + timedelta(hours=5))
            fact = assessment("web", at=opened, severity=3, resolved_at=opened + timedelta(hours=4))
            await suite.deliver(made(fact))
            work = team_pb2.WorkRecord(team="teams/web", incident=fact.incident, hours=10 + number)
            work.worked_at.FromDatetime(suite.clock.now())
            await suite.allocation.RecordWork(messages.RecordWorkRequest(request_id=str(uuid.uuid4()), records=[work]))
        begin += FORTNIGHT
        await suite.advance(begin - suite.clock.now())


async def simulate(scenarios: "ScenarioServiceAsyncStub", told: scenario_pb2.Scenario, **more: Any) -> Any:
    return await scenarios.SimulateScenario(pb.SimulateScenarioRequest(team="teams/web", scenario=told, **more))


def within(found: Any) -> Any:
    return getattr(found, "with")


async def test_a_spike_asks_for_more_and_displaces_what_that_costs(suite: Suite, scenarios: "ScenarioServiceAsyncStub") -> None:
    before = await suite.decisions("web")
    found = await simulate(scenarios, scenario_pb2.Scenario(spike=SPIKE), backlog_hours=5)
    there = within(found)
    assert len(there.sprints) == len(found.without.sprints) == 6
    share = [each.decision.after.remediation_share for each in (found.without, there)]
    assert share[1] > share[0]
    fired = {each.term for each in there.decision.terms if each.fired and each.term != "baseline"}
    assert {"incident_frequency", "open_incidents"} <= fired
    usual, spiked = found.without.sprints, there.sprints
    assert spiked[0].demand.incident_mean == pytest.approx(2 * usual[0].demand.incident_mean + 3)
    assert spiked[2].demand.incident_mean == pytest.approx(usual[2].demand.incident_mean)
    assert spiked[1].demand.mean_hours > 2 * usual[1].demand.mean_hours
    assert spiked[1].backlog_mean_hours > usual[1].backlog_mean_hours > 0
    assert spiked[0].remediation_hours == pytest.approx(share[1] * spiked[0].capacity_hours)
    assert found.displaced
    assert all(each.delay.seconds > 0 for each in found.displaced)
    assert found.value_at_risk.units == sum(each.value_at_risk.units for each in found.displaced) > 0
    assert there.roadmap_value.units < found.without.roadmap_value.units
    assert await simulate(scenarios, scenario_pb2.Scenario(spike=SPIKE), backlog_hours=5) == found
    assert await suite.decisions("web") == before


async def test_somebody_away_for_a_while_takes_hours_from_those_sprints_alone(scenarios: "ScenarioServiceAsyncStub") -> None:
    away = [scenario_pb2.MemberAway(member="m0", sprint_count=2)]
    found = await simulate(scenarios, scenario_pb2.Scenario(away=away))
    assert [each.capacity_hours for each in within(found).sprints] == [180, 180, 240, 240, 240, 240]
    assert [each.capacity_hours for each in found.without.sprints] == [240] * 6
    lost = await simulate(scenarios, scenario_pb2.Scenario(away=[scenario_pb2.MemberAway(member="m0")]))
    assert [each.capacity_hours for each in within(lost).sprints] == [180] * 6
    assert found.value_at_risk.units <= lost.value_at_risk.units
    assert lost.displaced
    joining = [team_pb2.Member(id="new", weekly_hours=40, focus_factor=0.75)]
    gained = await simulate(scenarios, scenario_pb2.Scenario(joining=joining))
    assert within(gained).sprints[0].capacity_hours == 300
    assert gained.advanced
    assert not gained.displaced


async def test_everybody_away_for_a_sprint_leaves_no_hours_to_share_out(scenarios: "ScenarioServiceAsyncStub") -> None:
    away = [scenario_pb2.MemberAway(member=f"m{number}", sprint_count=1) for number in range(4)]
    found = within(await simulate(scenarios, scenario_pb2.Scenario(away=away)))
    assert (found.sprints[0].remediation_hours, found.decision.after.capacity_hours) == (0, 0)
    assert found.sprints[1].remediation_hours > 0
    assert "Nobody works in this sprint" in found.decision.explanation


async def test_items_and_another_policy_change_what_they_stand_for(scenarios: "ScenarioServiceAsyncStub") -> None:
    dear = item("dear", "web", 200, 9000)
    found = await simulate(scenarios, scenario_pb2.Scenario(items=[dear]))
    assert [each.decision.after.remediation_share for each in (found.without, within(found))] == pytest.approx([1 / 3] * 2, abs=1e-6)
    assert found.displaced
    less = await simulate(scenarios, scenario_pb2.Scenario(without_items=["roadmapItems/i5"]))
    assert less.advanced
    policy = allocation_policy_pb2.AllocationPolicy(
        name="allocationPolicies/keen", baseline_share=0.5, floor_share=0.4, cap_share=0.6, largest_step=0.3, horizon_sprints=4
    )
    other = await simulate(scenarios, scenario_pb2.Scenario(policy_body=policy), horizon_sprints=3)
    assert within(other).decision.after.remediation_share == 0.5
    assert len(within(other).sprints) == 3
    assert within(other).sprints[0].backlog_chance < other.without.sprints[0].backlog_chance
    assert await simulate(scenarios, scenario_pb2.Scenario(policy="allocationPolicies/default", spike=SPIKE))


async def test_a_reserve_looks_at_the_demand_with_the_spike(scenarios: "ScenarioServiceAsyncStub") -> None:
    policy = allocation_policy_pb2.AllocationPolicy(
        name="allocationPolicies/kept", baseline_share=0.2, cap_share=0.9, largest_step=0.9, horizon_sprints=4
    )
    policy.reserve.service_level = 0.9
    found = [await simulate(scenarios, scenario_pb2.Scenario(policy_body=policy, spike=spike)) for spike in (None, SPIKE)]
    calm, spiked = (within(each).decision for each in found)
    assert spiked.after.remediation_share > calm.after.remediation_share
    kept = [next(term for term in each.terms if term.term == "reserve") for each in (calm, spiked)]
    assert "suffice for new incidents in 90 %" in kept[1].reason
    assert kept[1].share > kept[0].share + 0.1
    demand = within(found[1]).sprints[0].demand
    assert spiked.after.remediation_share * 240 == pytest.approx(
        next(each.hours for each in demand.quantiles if each.level == 0.9), rel=0.2
    )


async def test_what_cannot_be_simulated_is_refused_by_field(scenarios: "ScenarioServiceAsyncStub") -> None:
    everybody = [scenario_pb2.MemberAway(member=f"m{number}") for number in range(4)]
    for told, field in (
        (scenario_pb2.Scenario(), "scenario"),
        (scenario_pb2.Scenario(away=everybody), "scenario.away"),
        (scenario_pb2.Scenario(joining=[team_pb2.Member(id="m1", weekly_hours=1, focus_factor=1)]), "scenario.joining[0].id"),
        (scenario_pb2.Scenario(items=[item("x", "other")]), "scenario.items[0].team"),
        (scenario_pb2.Scenario(spike=scenario_pb2.IncidentSpike(times=2)), "scenario.spike.sprint_count"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await simulate(scenarios, told)
        assert [each.field for each in refused.value.violations] == [field]
    for missing, reason in (
        (scenario_pb2.Scenario(away=[scenario_pb2.MemberAway(member="nobody")]), "MEMBER_NOT_FOUND"),
        (scenario_pb2.Scenario(without_items=["roadmapItems/nothing"]), "ROADMAP_ITEM_NOT_FOUND"),
        (scenario_pb2.Scenario(policy="allocationPolicies/nobody"), "POLICY_NOT_FOUND"),
    ):
        with pytest.raises(NotFound) as absent:
            await simulate(scenarios, missing)
        assert absent.value.reason == reason
    with pytest.raises(NotFound):
        await scenarios.SimulateScenario(pb.SimulateScenarioRequest(team="teams/nobody", scenario=scenario_pb2.Scenario(spike=SPIKE)))


async def test_a_team_nobody_observed_yet_is_told_so(suite: Suite, scenarios: "ScenarioServiceAsyncStub") -> None:
    await suite.store_team("fresh")
    request = pb.SimulateScenarioRequest(team="teams/fresh", scenario=scenario_pb2.Scenario(spike=SPIKE))
    found = await scenarios.SimulateScenario(request)
    assert any("cannot tell" in each for each in found.warnings)
    assert within(found).decision.after.remediation_share >= found.without.decision.after.remediation_share
