"""Decisions under policies with rules and a reserve: what they say, remember and would have done otherwise."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.allocation.domain.asked import asked_of
from services.allocation.domain.counterfactual import smallest_changes
from services.allocation.domain.decision import DecisionOutcome
from services.allocation.domain.explanation import steps_to
from services.allocation.domain.policy_rule import Freeze, Protect, ReserveTarget, SetShare
from services.allocation.domain.remaining_effort import RemainingEffort
from services.allocation.domain.signals import Cause
from services.allocation.domain.situation import Situation
from services.allocation.domain.surroundings import BudgetFact, CauseFact, Outlook, Surroundings
from tests.support.allocation import TEAM, assessed, boundary, decided, incident, incidents, item, moment, situation, split
from tests.support.ruling import EvenHours, rule, ruled

THIRD = 333_333
LEVEL = ReserveTarget(Decimal("0.75"))


def spent(remaining: float = -0.1, cause: Cause = Cause.OWN_CHANGE, sprint: int = 7) -> BudgetFact:
    return BudgetFact("slos/web", 0, "components/web", TEAM, moment(sprint, -1), remaining, 4.0, True, cause)


def with_rules(*facts: Any, rules: Any, around: Surroundings | None = None, **changes: Any) -> Situation:
    return situation(*facts, policy=ruled(*rules, **changes.pop("policy", {})), surroundings=around or Surroundings(), **changes)


def test_an_explanation_names_the_rule_and_the_figures_it_read() -> None:
    made = decided(with_rules(*incidents(7, 6), rules=[rule()], split=split(THIRD)), assessed(7))
    assert "Incidents come in a storm. (incidents.count 6) It adds 10.0 %." in made.explanation
    assert [(each.step, each.change) for each in steps_to(made)] == [("baseline", THIRD), ("rule/storm", 100_000)]
    assert {each.input for each in made.inputs} >= {"incidents.count"}
    assert made.formula_version == "2026.2"
    assert len(made.incidents) == 6


def test_an_explanation_says_what_the_reserve_is_for() -> None:
    around = Surroundings(outlook=Outlook(EvenHours(160)))
    made = decided(with_rules(rules=[], around=around, policy={"reserve": LEVEL}, split=split(THIRD)), assessed(7))
    assert "120 h suffice for new incidents in 75 % of sprints like this one" in made.explanation
    assert sum(each.change for each in steps_to(made)) == made.after.remediation_share


def test_the_smallest_change_of_a_signal_that_a_rule_compares_is_its_threshold() -> None:
    made = decided(with_rules(*incidents(7, 6), rules=[rule()], split=split(THIRD)), assessed(7))
    [change] = smallest_changes(made, ruled(rule()))
    assert (change.input, change.needed, change.beyond, change.outcome) == ("incidents.count", Decimal(5), False, DecisionOutcome.HELD)
    calm = decided(with_rules(*incidents(7, 4), rules=[rule()], split=split(THIRD)), assessed(7))
    [change] = smallest_changes(calm, ruled(rule()))
    assert (change.needed, change.beyond, change.outcome, change.share) == (Decimal(5), True, DecisionOutcome.RAISED, THIRD + 100_000)
    assert change.sentence.startswith("Had the incidents.count been more than 5 instead of 4,")


def test_a_freeze_displaces_what_is_not_protected_and_leaves_the_rest_where_it_was() -> None:
    freeze = rule("freeze", "budget.exhausted > 0", Freeze())
    keep = rule("keep", "budget.exhausted > 0", Protect(("roadmapItems/sec-*",)))
    items = (item("sec-login", 40, 10), item("shiny", 40, 9000))
    around = Surroundings(budgets=(spent(),))
    frozen = decided(with_rules(rules=[freeze, keep], around=around, split=split(THIRD), items=items), assessed(7))
    assert frozen.after.remediation_share == 600_000
    assert [each.roadmap_item for each in frozen.impact.displaced] == ["roadmapItems/shiny"]
    unprotected = decided(with_rules(rules=[freeze], around=around, split=split(THIRD), items=items), assessed(7))
    assert {each.roadmap_item for each in unprotected.impact.displaced} == {"roadmapItems/shiny", "roadmapItems/sec-login"}


def test_a_forgiven_cause_is_left_out_of_incidents_and_counts_a_budget_as_unspent() -> None:
    fact = incident(moment(7, 1))
    rules = [rule(when="incidents.count > 0", forgives_causes=True), rule("b", "budget.exhausted > 0", Freeze(), forgives_causes=True)]

    def fired(cause: Cause, ref: str = "", frozen: frozenset[str] = frozenset()) -> list[bool]:
        causes = {fact.incident: CauseFact(cause, ref)}
        around = Surroundings(budgets=(spent(cause=cause),), causes=causes, frozen_elsewhere=frozen)
        return [each.fired for each in decided(with_rules(fact, rules=rules, around=around), assessed(7)).terms[1:]]

    for cause in (Cause.OWN_CHANGE, Cause.DEPENDENCY, Cause.MISCATEGORISED, Cause.UNKNOWN):
        assert fired(cause) == [True, True]
    for cause in (Cause.PLATFORM, Cause.EXTERNAL, Cause.OUT_OF_SCOPE, Cause.FROZEN_TEAM):
        assert fired(cause) == [False, False]
    assert fired(Cause.DEPENDENCY, "components/pay", frozenset({"components/pay"}))[0] is False


def test_a_budget_is_looked_at_as_last_told_by_then() -> None:
    around = Surroundings(budgets=(spent(), replace(spent(0.8), told_at=moment(7, 3)), replace(spent(-0.5), told_at=moment(9, 3))))
    freeze = rule("freeze", "budget.exhausted > 0", Freeze())
    assert [decided(with_rules(rules=[freeze], around=around), boundary(at)).terms[1].fired for at in (7, 8, 10)] == [True, False, True]


def test_what_is_left_of_an_incident_is_the_mean_beyond_what_it_took() -> None:
    even = RemainingEffort(1.0, np.array([0.0, 0.25, 0.25, 0.25, 0.25]))  # 1 to 4 hours
    assert [even.expected(hours) for hours in (0, 1, 2, 3.5, 4, 9)] == [2.5, 2.0, 1.5, 0.5, 0.0, 0.0]
    exponential = RemainingEffort(0.01, np.exp(-np.arange(20_000) * 0.01 / 8) / np.exp(-np.arange(20_000) * 0.01 / 8).sum())
    assert abs(exponential.expected(0) - 8) < 0.05
    assert abs(exponential.expected(16) - 8) < 0.05  # it forgets


def test_only_incidents_carried_over_into_the_sprint_are_backlog() -> None:
    even = RemainingEffort(1.0, np.array([0.0, 0.25, 0.25, 0.25, 0.25]))
    carried, fresh, over = (incident(moment(6), None), incident(moment(7, 1), None), incident(moment(5), 3.0))
    around = Surroundings(outlook=Outlook(EvenHours(64), "", even), spent={carried.incident: 1.0})
    assert around.backlog_hours([carried, fresh, over], moment(7, 0), moment(7, 2)) == 2.0
    assert Surroundings().backlog_hours([carried], moment(7, 0), moment(7, 2)) is None


def test_what_a_decision_remembers_of_its_rules_is_what_the_next_one_goes_on_from() -> None:
    lasting = rule(until="incidents.count < 1")
    first = decided(with_rules(*incidents(7, 6), rules=[lasting]), assessed(7))
    assert [(each.rule, each.since_sprint, each.holds) for each in first.rules] == [("storm", 7, True)]
    later = decided(replace(with_rules(*incidents(7, 1), rules=[lasting]), rules=first.rules), boundary(8))
    assert later.terms[1].fired
    assert "holds since sprint 7" in later.terms[1].reason


@given(
    st.integers(0, 9),
    st.integers(0, 3),
    st.none() | st.floats(0, 300),
    st.integers(150_000, 600_000),
    st.booleans(),
    st.integers(1, 500_000),
)
def test_the_parts_of_a_decision_put_together_are_what_it_asked_for(
    count: int, grave: int, hours: float | None, before: int, frozen: bool, least: int
) -> None:
    rules = [rule(when="incidents.count > 3"), rule("set", "incidents.count > 6", SetShare(least), largest_step=300_000)]
    rules += [rule("freeze", "incidents.grave_open > 2", Freeze())] if frozen else []
    around = Surroundings(outlook=Outlook(EvenHours(hours) if hours is not None else None))
    asked = ruled(*rules, reserve=LEVEL, open_incidents=situation().policy.open_incidents)
    facts = [*incidents(7, count), *(incident(moment(7, 2) + timedelta(hours=each), None, 1) for each in range(grave))]
    made = decided(situation(*facts, policy=asked, surroundings=around, split=split(before)), assessed(7))
    assert asked_of(made, asked).requested == made.requested_share
