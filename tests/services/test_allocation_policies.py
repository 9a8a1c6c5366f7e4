"""Policies with rules and a reserve, and what may be asked of them, over a running allocation."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from ballast.allocation.v1 import allocation_messages_pb2 as pb
from ballast.allocation.v1 import allocation_policy_pb2, decision_pb2, team_pb2
from ballast.allocation.v1 import policy_service_pb2 as ps
from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.intake.v1 import incident_pb2, intake_events_pb2
from ballast.triage.v1 import budget_events_pb2, budget_policy_pb2, component_pb2, error_budget_pb2, triage_events_pb2
from google.protobuf.json_format import ParseDict

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound
from shared.events.event import EncodedEvent, cloud_event
from tests.support.allocating import FORTNIGHT, Suite, allocating, assessment, item, made, team

DAY = timedelta(days=1)
EXAMPLES = {each.stem: each.read_text() for each in sorted((Path(__file__).parents[2] / "examples" / "policies").glob("*.yaml"))}
DEFAULT = "allocationPolicies/default"
ERROR, WARNING = ps.POLICY_FINDING_KIND_ERROR, ps.POLICY_FINDING_KIND_WARNING


@pytest.fixture(scope="module")
async def suite(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    settings = AllocationSettings(port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as running:
        yield running


def policy(name: str, *rules: dict[str, Any], **changes: Any) -> allocation_policy_pb2.AllocationPolicy:
    bounds = {"baseline_share": 0.3, "floor_share": 0.1, "cap_share": 0.8, "largest_step": 0.2, "quiet_sprints": 1, "horizon_sprints": 4}
    stated = {"name": f"allocationPolicies/{name}", "rules": [{"reason": "It is so.", **each} for each in rules], **bounds, **changes}
    return ParseDict(stated, allocation_policy_pb2.AllocationPolicy())


async def store(suite: Suite, asked: allocation_policy_pb2.AllocationPolicy) -> allocation_policy_pb2.AllocationPolicy:
    return (await suite.allocation.UpdateAllocationPolicy(pb.UpdateAllocationPolicyRequest(policy=asked))).policy


async def decided(suite: Suite, of: str) -> decision_pb2.Decision:
    return (await suite.allocation.DecideSplit(pb.DecideSplitRequest(team=f"teams/{of}"))).decision


def term(of: decision_pb2.Decision, name: str) -> decision_pb2.DecisionTerm:
    return next(each for each in of.terms if each.term == name)


def told(subject: str, version: int, data: Any, at: Any, source: str = "/ballast/triage") -> CloudEvent:
    return cloud_event(str(uuid.uuid4()), source, EncodedEvent(subject, version, data, at), {"principal": "ada", "traceparent": ""})


def budget(of: str, remaining: float, suite: Suite, cause: int = budget_policy_pb2.BUDGET_CAUSE_OWN_CHANGE) -> CloudEvent:
    body = error_budget_pb2.ErrorBudget(slo=f"slos/{of}", component=f"components/{of}", team=f"teams/{of}", remaining=remaining)
    body.standing.cause = cause  # type: ignore[assignment]
    body.evaluated_at.FromDatetime(suite.clock.now())
    return told(f"slos/{of}/errorBudgets/0", 1, budget_events_pb2.ErrorBudgetChanged(error_budget=body), suite.clock.now())


def component(of: str, suite: Suite) -> CloudEvent:
    body = component_pb2.Component(name=f"components/{of}", tier=component_pb2.TIER_CRITICAL, owner_team=f"teams/{of}")
    return told(body.name, 1, triage_events_pb2.ComponentChanged(component=body), suite.clock.now())


async def test_rules_and_reserve_are_kept_as_they_were_sent(suite: Suite) -> None:
    sent = policy(
        "kept",
        {"id": "a", "when": "incidents.count > 3", "until": "incidents.count < 2", "raise_by": 0.1, "cool_down_sprints": 2},
        {"id": "b", "when": "incidents.count > 9", "set_share": 0.5, "largest_step": 0.3, "description": "Many.", "forgives_causes": True},
        {"id": "c", "when": "budget.critical.exhausted > 0", "freeze": {}},
        {"id": "d", "when": "budget.left < 0.1", "protect": {"items": ["roadmapItems/pay-*"]}},
        reserve={"service_level": 0.8, "clearing_sprints": 3},
        history_sprints=12,
    )
    stored = await store(suite, sent)
    assert (stored.rules, stored.reserve, stored.history_sprints) == (sent.rules, sent.reserve, 12)
    read = (await suite.allocation.GetAllocationPolicy(pb.GetAllocationPolicyRequest(name=sent.name))).policy
    assert read == stored


async def test_a_policy_whose_rules_cannot_be_is_refused_whole(suite: Suite) -> None:
    broken = policy("broken", {"id": "a", "when": "incidents.cuont > 3", "raise_by": 0.1}, {"id": "a", "when": "1 + 1", "set_share": 0.9})
    with pytest.raises(InvalidInput) as refused:
        await store(suite, broken)
    assert refused.value.reason == "POLICY_INVALID"
    assert [each.field for each in refused.value.violations] == [
        "policy.rules[0].id", "policy.rules[0].when", "policy.rules[1].id", "policy.rules[1].when", "policy.rules[1].set_share",
    ]  # fmt: skip
    with pytest.raises(NotFound):
        await suite.allocation.GetAllocationPolicy(pb.GetAllocationPolicyRequest(name="allocationPolicies/broken"))


@pytest.mark.parametrize("name", EXAMPLES)
async def test_every_example_is_valid_without_a_warning_and_can_be_stored(suite: Suite, name: str) -> None:
    example = ParseDict(yaml.safe_load(EXAMPLES[name]), allocation_policy_pb2.AllocationPolicy())
    response = await suite.policies.ValidatePolicy(ps.ValidatePolicyRequest(policy=example))
    assert (response.valid, list(response.findings)) == (True, [])
    assert (await store(suite, example)).revision == 1


async def test_validation_tells_everything_at_once_with_its_place(suite: Suite) -> None:
    asked = policy(
        "x",
        {"id": "typo", "when": "incidents.count > 3 &&\n incidents.cuont > 1", "raise_by": 0.7},
        {"id": "never", "when": "incidents.count > 5 && incidents.count < 3", "set_share": 0.05},
        {"id": "untold", "when": "actions.overdue > 0", "raise_by": 0.1},
        {"id": "flaps", "when": "incidents.ratio > 1.5", "until": "incidents.ratio < 2.0", "raise_by": 0.1},
        {"id": "always", "when": "true", "freeze": {}},
        floor_share=0.4,
        approval_thresholds={"share_change": 0.5},
        reserve={"costs": {"under": {"currency_code": "USD", "units": "3"}, "over": {"currency_code": "EUR", "units": "1"}}},
    )
    response = await suite.policies.ValidatePolicy(ps.ValidatePolicyRequest(policy=asked))
    assert not response.valid
    found = [(each.kind, each.field, each.rule, each.line, each.column) for each in response.findings]
    assert found == [
        (ERROR, "floor_share", "", 0, 0),
        (ERROR, "reserve.costs.over", "", 0, 0),
        (ERROR, "rules[0].when", "typo", 2, 11),
        (ERROR, "rules[1].when", "never", 0, 0),
        (ERROR, "rules[1].set_share", "never", 0, 0),
        (WARNING, "rules[0].raise_by", "typo", 0, 0),
        (WARNING, "rules[2].when", "untold", 0, 0),
        (WARNING, "rules[3].until", "flaps", 0, 0),
        (WARNING, "rules[4].when", "always", 0, 0),
        (WARNING, "approval_thresholds.share_change", "", 0, 0),
    ]
    assert "did you mean incidents.count?" in response.findings[2].description


async def test_validation_tells_what_breaks_the_contract_as_findings(suite: Suite) -> None:
    asked = policy("x", {"id": "Not An Id", "when": "incidents.count > 3"}, baseline_share=1.5)
    response = await suite.policies.ValidatePolicy(ps.ValidatePolicyRequest(policy=asked))
    assert not response.valid
    assert {"baseline_share", "rules[0].id", "rules[0].effect"} <= {each.field for each in response.findings}


async def test_validation_looks_at_what_the_sound_parts_mean_beside_those_that_break_the_contract(suite: Suite) -> None:
    asked = policy(
        "x",
        {"id": "without-effect", "when": "incidents.count > 3"},
        {"id": "typo", "when": "incidents.cuont > 3", "raise_by": 0.1},
        floor_share=0.6,
        reserve={"service_level": 2.0},
    )
    response = await suite.policies.ValidatePolicy(ps.ValidatePolicyRequest(policy=asked))
    assert {each.field for each in response.findings if each.kind == ERROR} == {
        "floor_share",
        "reserve.service_level",
        "rules[0].effect",
        "rules[1].when",
    }


async def test_a_rule_holds_over_decisions_until_a_sprint_begins_without_its_cause(suite: Suite) -> None:
    await store(suite, policy("storm", {"id": "storm", "when": "incidents.count > 2", "until": "incidents.count < 1", "raise_by": 0.1}))
    await suite.store_team("storm", policy="allocationPolicies/storm")
    now = suite.clock.now()
    for _ in range(3):
        await suite.deliver(made(assessment("storm", at=now, severity=3, resolved_at=now)))
    [newest, *_] = await suite.decisions("storm")
    assert (term(newest, "rule/storm").fired, round(newest.after.remediation_share, 6)) == (True, 0.4)
    assert newest.formula_version == "2026.2"
    await suite.advance(FORTNIGHT)  # the sprint that ended had three of them
    await suite.advance(DAY)
    later = await decided(suite, "storm")  # one with none so far
    assert "holds since sprint 1" in term(later, "rule/storm").reason
    await suite.advance(FORTNIGHT)
    [over, *_] = await suite.decisions("storm")
    assert not term(over, "rule/storm").fired
    assert "It let go" in term(over, "rule/storm").reason


async def test_a_spent_budget_freezes_the_roadmap_but_for_what_is_protected(suite: Suite) -> None:
    rules = (
        {"id": "freeze", "when": "budget.critical.exhausted > 0", "freeze": {}, "forgives_causes": True},
        {"id": "keep", "when": "budget.critical.exhausted > 0", "protect": {"items": ["roadmapItems/sec-*"]}},
    )
    await store(suite, policy("frozen", *rules))
    await suite.store_team("frozen", policy="allocationPolicies/frozen")
    await suite.store_items(item("sec-login", "frozen", 40, 10), item("shiny", "frozen", 100, 9000))
    await suite.deliver(component("frozen", suite), budget("frozen", -0.2, suite))
    [decision, *_] = await suite.decisions("frozen")
    assert round(decision.after.remediation_share, 6) == 0.8
    assert term(decision, "rule/freeze").fired
    assert [each.roadmap_item for each in decision.impact.displaced] == ["roadmapItems/shiny"]
    assert "Roadmap work stops" in decision.explanation


async def test_a_budget_that_is_spent_within_a_sprint_is_decided_on_at_once_and_only_once(suite: Suite) -> None:
    await store(suite, policy("at-once", {"id": "freeze", "when": "budget.exhausted > 0", "freeze": {}}))
    await suite.store_team("at-once", policy="allocationPolicies/at-once")
    await suite.deliver(budget("at-once", 0.5, suite))
    assert len(await suite.decisions("at-once")) == 1
    await suite.advance(timedelta(hours=1))
    await suite.deliver(budget("at-once", -0.1, suite))
    [frozen, _] = await suite.decisions("at-once")
    assert (frozen.trigger, round(frozen.after.remediation_share, 6)) == (decision_pb2.DECISION_TRIGGER_BUDGET, 0.8)
    assert frozen.explanation.startswith("On an error budget in sprint 1")
    await suite.advance(timedelta(hours=1))
    await suite.deliver(budget("at-once", -0.2, suite), budget("nobody-here", -0.2, suite))
    assert len(await suite.decisions("at-once")) == 2


async def test_a_budget_that_the_network_spent_freezes_nobody(suite: Suite) -> None:
    await store(suite, policy("network", {"id": "freeze", "when": "budget.exhausted > 0", "freeze": {}, "forgives_causes": True}))
    await suite.store_team("network", policy="allocationPolicies/network")
    await suite.deliver(budget("network", -0.2, suite, budget_policy_pb2.BUDGET_CAUSE_PLATFORM))
    decision = await decided(suite, "network")
    assert round(decision.after.remediation_share, 6) == 0.3
    assert not term(decision, "rule/freeze").fired


async def test_incidents_whose_cause_is_not_in_the_teams_hands_are_forgiven(suite: Suite) -> None:
    await store(suite, policy("cause", {"id": "own", "when": "incidents.count > 0", "raise_by": 0.1, "forgives_causes": True}))
    await suite.store_team("cause", policy="allocationPolicies/cause")
    told_of = assessment("cause", at=suite.clock.now(), severity=2)
    await suite.deliver(made(told_of))
    assert term(await decided(suite, "cause"), "rule/own").fired
    await store(suite, policy("cause2", {"id": "own", "when": "incidents.count > 0", "raise_by": 0.1, "forgives_causes": True}))
    await suite.store_team("cause2", policy="allocationPolicies/cause2")
    other = assessment("cause2", at=suite.clock.now(), severity=2)
    changed = intake_events_pb2.IncidentChanged(change=intake_events_pb2.INCIDENT_CHANGE_CAUSE)
    changed.incident.name = other.incident
    changed.incident.attribution.cause = incident_pb2.INCIDENT_CAUSE_PLATFORM
    await suite.deliver(told(other.incident, 3, changed, suite.clock.now(), "/ballast/intake"))
    await suite.deliver(made(other))
    assert not term(await decided(suite, "cause2"), "rule/own").fired


async def test_the_reserve_is_sized_by_the_teams_own_history(suite: Suite) -> None:
    await store(suite, policy("sized", reserve={"service_level": 0.75}, largest_step=1.0, quiet_sprints=0))
    now = suite.clock.now()
    first = now - DAY - 9 * FORTNIGHT
    stored = team("sized", first, policy="allocationPolicies/sized")
    await suite.allocation.UpsertTeams(pb.UpsertTeamsRequest(teams=[stored]))
    work = []
    for sprint in range(9):
        for each in range(2):
            at = first + sprint * FORTNIGHT + timedelta(days=1 + each)
            fact = assessment("sized", at=at, severity=3, resolved_at=at + timedelta(hours=2))
            await suite.deliver(made(fact))
            record = team_pb2.WorkRecord(team="teams/sized", incident=fact.incident, hours=10 + each)
            record.worked_at.FromDatetime(at + timedelta(hours=3))
            work.append(record)
    await suite.allocation.RecordWork(pb.RecordWorkRequest(records=work))
    await suite.advance(2 * timedelta(minutes=1))  # what is foretold is computed once a minute
    decision = await decided(suite, "sized")
    found = term(decision, "reserve")
    assert "h suffice for new incidents in 75 % of sprints like this one" in found.reason
    quantile = next(each.value for each in decision.inputs if each.input == "reserve_quantile")
    assert 20 < quantile < 60
    assert round(decision.requested_share, 4) == round(quantile / decision.after.capacity_hours, 4)


async def test_with_too_little_history_the_baseline_stands(suite: Suite) -> None:
    await store(suite, policy("young", reserve={"service_level": 0.75}))
    await suite.store_team("young", policy="allocationPolicies/young")
    decision = await decided(suite, "young")
    assert round(decision.requested_share, 6) == 0.3
    assert "Too little history" in term(decision, "reserve").reason or "Nothing was recorded" in term(decision, "reserve").reason


async def test_a_difference_is_told_by_field_and_in_words(suite: Suite) -> None:
    before = policy(
        "differs", {"id": "storm", "when": "incidents.count > 2", "raise_by": 0.1}, {"id": "old", "when": "true", "raise_by": 0.1}
    )
    await store(suite, before)
    after = policy(
        "differs",
        {"id": "storm", "when": "incidents.count > 4", "raise_by": 0.1},
        {"id": "new", "when": "true", "freeze": {}},
        cap_share=0.5,
    )
    request = ps.DiffPoliciesRequest(name=before.name, after=ps.PolicyRef(body=after))
    response = await suite.policies.DiffPolicies(request)
    assert [(each.field, each.meaning) for each in response.changes] == [
        ("cap_share", "The share never rises above 50.0 %, and it was 80.0 %."),
        ("rules[new]", "Rule new is new."),
        ("rules[old]", "Rule old is gone."),
        ("rules[storm].when", "Rule storm begins to hold on another condition."),
    ]
    assert (response.changes[0].before, response.changes[0].after) == ("0.8", "0.5")
    assert "-cap_share: 0.8" in response.diff
    same = await suite.policies.DiffPolicies(ps.DiffPoliciesRequest(name=before.name, after=ps.PolicyRef(revision=1)))
    assert (list(same.changes), same.diff) == ([], "")


async def test_a_preview_stands_beside_the_policy_in_force_and_what_was_decided(suite: Suite) -> None:
    await store(suite, policy("seen", {"id": "storm", "when": "incidents.count > 2", "raise_by": 0.1}))
    for name in ("seen-a", "seen-b"):
        await suite.store_team(name, policy="allocationPolicies/seen")
    now = suite.clock.now()
    for _ in range(3):
        await suite.deliver(made(assessment("seen-a", at=now, severity=3, resolved_at=now)))
    for _ in range(3):
        await suite.advance(FORTNIGHT)
    tried = ps.PolicyRef(body=policy("seen", {"id": "storm", "when": "incidents.count > 2", "raise_by": 0.2}))
    first = await suite.policies.PreviewPolicy(ps.PreviewPolicyRequest(name="allocationPolicies/seen", tried=tried, page_size=1))
    [a] = first.teams
    assert (a.team, [each.sprint for each in a.sprints]) == ("teams/seen-a", [f"teams/seen-a/sprints/{n}" for n in range(1, 5)])
    assert [round(each.in_force.share, 3) for each in a.sprints] == [0.3, 0.4, 0.4, 0.3]
    assert [round(each.tried.share, 3) for each in a.sprints] == [0.3, 0.5, 0.5, 0.3]
    assert [round(each.decided_share, 3) for each in a.sprints] == [0.4, 0.4, 0.4, 0.3]
    assert (a.differing_sprints, a.changes_tried) == (2, 2)
    request = ps.PreviewPolicyRequest(name="allocationPolicies/seen", tried=tried, page_size=1, page_token=first.next_page_token)
    second = await suite.policies.PreviewPolicy(request)
    assert ([each.team for each in second.teams], second.next_page_token) == (["teams/seen-b"], "")
    assert second.teams[0].differing_sprints == 0
    before = await suite.decisions("seen-a")
    one = await suite.policies.PreviewPolicy(
        ps.PreviewPolicyRequest(name="allocationPolicies/seen", tried=ps.PolicyRef(revision=1), team="teams/seen-a", sprint_count=2)
    )
    assert [each.sprint for each in one.teams[0].sprints] == ["teams/seen-a/sprints/3", "teams/seen-a/sprints/4"]
    assert await suite.decisions("seen-a") == before


async def test_a_preview_of_a_policy_that_cannot_be_is_refused_by_field(suite: Suite) -> None:
    broken = ps.PolicyRef(body=policy("seen", {"id": "a", "when": "no.such > 1", "raise_by": 0.1}))
    with pytest.raises(InvalidInput) as refused:
        await suite.policies.PreviewPolicy(ps.PreviewPolicyRequest(name=DEFAULT, tried=broken))
    assert refused.value.violations[0].field == "policy.rules[0].when"
    with pytest.raises(NotFound):
        await suite.policies.PreviewPolicy(ps.PreviewPolicyRequest(name=DEFAULT, tried=ps.PolicyRef(revision=0), team="teams/nobody"))
