"""Gates: what they read, when they fire, and what they are refused for."""

from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.component import Tier
from services.triage.domain.defaults import default_gates, default_model
from services.triage.domain.errors import GatesRefused
from services.triage.domain.finding import Finding, Standards, find, situation_of
from services.triage.domain.gate import Gates, GatingRule, UndecidedGate, gates_of
from services.triage.domain.gate_facts import FACTS, LANGUAGE, facts_of
from services.triage.domain.gate_trial import GateCount, try_gates
from services.triage.domain.incident import Incident, ServiceImpact
from services.triage.domain.inputs import Surroundings
from services.triage.domain.severity import Severity
from services.triage.storage.gate_store import answer_from_json, answer_to_json, rules_from_json, rules_to_json
from shared.condition import Condition
from tests.support.triage import FIRST_MATRIX, component, incident, situations


def rule(condition: str, name: str = "one", **effects: Any) -> GatingRule:
    return GatingRule(name, condition, "Because.", **(effects or {"page": True}))


def gates(*rules: GatingRule) -> Gates:
    return gates_of(1, rules)


def found(of: Incident, *known: Any, asked: Gates) -> Finding:
    return find(of, Surroundings(known), Standards(default_model(), FIRST_MATRIX, asked))


@pytest.mark.parametrize(
    "condition",
    [
        "incident.users_affected >= 500",
        'incident.service_impact == "disruption" && component.tier == "critical"',
        "assessment.severity <= 5 && assessment.score > 0.0",
        '"web" in incident.components && component.dependents == 0 && component.unknown == []',
        'incident.title.matches("[Cc]heckout") && history.last_28_days == 0',
        'component.revenue_per_minute > 11.0 && component.teams == ["shop"]',
        'incident.opened_at < timestamp("2026-03-02T00:00:00Z") && !incident.business_hours',
        '"incident.workaround" in missing',
    ],
)
def test_a_gate_reads_what_is_known_of_the_incident(condition: str) -> None:
    happened = incident("web", users_affected=500, service_impact=ServiceImpact.DISRUPTION)
    web = component(tier=Tier.CRITICAL, revenue="12 USD", owner_team="teams/shop")
    assert found(happened, web, asked=gates(rule(condition))).gates.fired


def test_a_gate_that_reads_what_is_unknown_is_undecided_and_says_what_it_misses() -> None:
    asked = gates(rule("incident.users_affected > 10 && component.users > 5"))
    answer = found(incident("web"), component(), asked=asked).gates
    assert answer.fired == ()
    assert answer.undecided == (UndecidedGate("one", ("component.users", "incident.users_affected")),)


def test_a_gate_that_does_not_need_the_unknown_is_decided() -> None:
    answer = found(incident("web", security=True), asked=gates(rule("incident.users_affected > 10 || incident.security"))).gates
    assert [each.rule for each in answer.fired] == ["one"]


def test_a_gate_elevates_and_the_target_and_the_counterfactuals_follow() -> None:
    happened = incident("web")
    plain = found(happened, component(), asked=gates())
    raised = found(happened, component(), asked=gates(rule("true", elevate_to=Severity.SEV1)))
    assert (plain.severity, raised.severity, raised.verdict) == (Severity.SEV3, Severity.SEV1, plain.verdict)
    assert raised.restore_target < plain.restore_target or raised.restore_target == timedelta(hours=1)
    assert raised.counterfactuals == ()


@given(situations(), st.sampled_from(Severity))
def test_a_gate_never_makes_a_severity_milder(situation: tuple[Incident, Surroundings], at_least: Severity) -> None:
    standards = Standards(default_model(), FIRST_MATRIX, gates(rule("true", elevate_to=at_least)))
    finding = find(*situation, standards)
    assert finding.severity == min(at_least, finding.verdict.severity)


@given(situations())
def test_every_fact_has_the_type_it_says_or_is_missing(situation: tuple[Incident, Surroundings]) -> None:
    facts, unknown = facts_of(situation_of(*situation, Standards(default_model(), FIRST_MATRIX)))
    for fact in FACTS:
        if fact.name not in unknown:
            name = fact.type.name().lower().partition("<")[0]
            denoted = "google.protobuf.Timestamp" if name == "timestamp" else name
            # Through dyn, or the declared type would be taken for granted.
            assert ask(f"type(dyn({fact.name})) == {denoted}").holds(facts), fact.name
        assert ask(f"'{fact.name}' in missing").holds(facts) == (fact.name in unknown)


@cache
def ask(condition: str) -> Condition:
    return LANGUAGE.condition(condition)


@pytest.mark.parametrize(
    ("rules", "field", "why"),
    [
        ([rule("incident.users_affected > 1.5")], "gates.rules[0].condition", "line 1, column 25: found no matching overload"),
        ([rule("true &&\n incident.user_affected > 1")], "gates.rules[0].condition", "line 2.*did you mean incident.users_affected"),
        ([rule("incident.users_affected")], "gates.rules[0].condition", "gives a int"),
        ([rule("true"), rule("false")], "gates.rules[1].name", "stands twice"),
        ([GatingRule("one", "true", "Because.")], r"gates.rules[0]", "has no effect"),
    ],
)
def test_rules_that_cannot_be_asked_are_refused_saying_where(rules: list[GatingRule], field: str, why: str) -> None:
    with pytest.raises(GatesRefused, match=why) as refused:
        gates_of(1, rules)
    assert [each.field for each in refused.value.violations] == [field]


def test_all_that_is_wrong_is_told_at_once_in_the_order_of_the_rules() -> None:
    with pytest.raises(GatesRefused) as refused:
        gates_of(1, [rule("nope"), GatingRule("two", "true", "Because."), rule("1")])
    assert [each.field for each in refused.value.violations] == [
        "gates.rules[0].condition",
        "gates.rules[1]",
        "gates.rules[2].name",
        "gates.rules[2].condition",
    ]


def test_an_unknown_name_points_to_the_list_of_facts_and_does_not_repeat_it() -> None:
    with pytest.raises(GatesRefused, match="`ballast gates facts`") as refused:
        gates_of(1, [rule("zzz.qqq > 1")])
    assert len(str(refused.value)) < 250


def test_the_defaults_can_be_asked() -> None:
    assert [each.rule for each in found(incident("web"), asked=gates_of(1, default_gates())).gates.fired] == ["pages-the-owner"]


def test_rules_and_answers_come_back_from_storage_as_they_were() -> None:
    rules = (rule("true", elevate_to=Severity.SEV2, playbook="incident"), rule("incident.users_affected > 1", "two"))
    assert rules_from_json(rules_to_json(rules)) == rules
    answer = found(incident("web"), asked=gates_of(1, rules)).gates
    assert answer.fired
    assert answer.undecided
    assert answer_from_json(answer_to_json(answer)) == answer


def test_a_trial_names_whose_severity_differs_and_rules_that_matched_nothing() -> None:
    tried = gates(rule("incident.users_affected > 100", "many", elevate_to=Severity.SEV1), rule("false", "never"))
    standards = Standards(default_model(), FIRST_MATRIX)
    asked = [situation_of(incident("web", users_affected=count), Surroundings(), standards) for count in (10, 1000)]
    trial = try_gates(tried, gates(), [*asked, situation_of(incident("web"), Surroundings(), standards)])
    assert [(each.before, each.after) for each in trial.changes] == [(Severity.SEV3, Severity.SEV1)]
    assert trial.counts == (GateCount("many", 1, 1), GateCount("never", 0, 0))


def test_a_comment_within_the_name_of_a_fact_does_not_hide_it() -> None:
    happened = incident("web", users_affected=500)
    asked = gates(rule("incident // of intake\n.users_affected > 10"))
    assert asked.conditions[0].names == {"incident.users_affected"}
    assert found(happened, component(), asked=asked).gates.fired


@given(situations())
def test_gates_that_find_out_only_what_they_read_answer_as_with_all_facts(situation: tuple[Incident, Surroundings]) -> None:
    asked = gates(
        rule("incident.users_affected > 100", "one"),
        rule('component.tier == "critical" || component.unknown != []', "two"),
        rule("component.revenue_per_minute > 5.0 && assessment.severity <= 3", "three"),
    )
    told = situation_of(*situation, Standards(default_model(), FIRST_MATRIX))
    whole = gates_of(1, asked.rules)
    object.__setattr__(whole, "facts", FACTS)
    assert len(asked.facts) == 5
    assert asked.ask(told) == whole.ask(told)
