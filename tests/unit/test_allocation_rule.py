"""The rule: terms, bounds, hysteresis, and what a decision says of itself."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.allocation.domain.bounds import apply_bounds
from services.allocation.domain.decision import DecisionOutcome, DecisionTrigger
from services.allocation.domain.errors import SprintNotBegun
from services.allocation.domain.quantity import WHOLE
from services.allocation.domain.rule import Occasion
from services.allocation.domain.situation import DecisionMark
from tests.support.allocation import (
    FIRST,
    assessed,
    boundary,
    decided,
    incident,
    incidents,
    item,
    marks,
    moment,
    policy,
    situation,
    split,
    team,
)

BASELINE = 333_333
GRAVE = incident(moment(3), hours=None, severity=1)


def test_a_calm_teams_first_decision_is_the_baseline() -> None:
    decision = decided(situation(), boundary(1))
    assert decision.before is None
    assert (decision.after.remediation_share, decision.outcome) == (BASELINE, DecisionOutcome.HELD)
    assert (decision.after.remediation_hours, decision.after.roadmap_hours) == (Decimal("79.999920"), Decimal("160.000080"))


def test_the_share_rises_at_once() -> None:
    decision = decided(situation(GRAVE, split=split(BASELINE)), assessed(3, GRAVE))
    assert (decision.outcome, decision.after.remediation_share) == (DecisionOutcome.RAISED, BASELINE + 50_000)
    assert decision.bounds == ()


def test_the_share_rises_by_at_most_the_largest_step() -> None:
    facts = [*incidents(3, 5, hours=None, severity=1), *incidents(1, 1), *incidents(2, 1)]
    decision = decided(situation(*facts, split=split(300_000)), assessed(3))
    assert decision.requested_share == BASELINE + 100_000 + 150_000
    assert decision.after.remediation_share == 450_000
    assert [bound.bound for bound in decision.bounds] == ["largest_step"]


def test_the_share_is_never_lowered_within_a_sprint() -> None:
    calm = situation(split=split(500_000), marks=marks())
    for occasion in (assessed(9), Occasion(DecisionTrigger.REQUEST, moment(9, 3))):
        decision = decided(calm, occasion)
        assert (decision.outcome, decision.after.remediation_share) == (DecisionOutcome.HELD, 500_000)
        assert decision.bounds[-1].bound == "quiet_sprints"
        assert decision.bounds[-1].reason == "The share is lowered only when a sprint begins."


def test_the_share_is_lowered_after_enough_quiet_sprints() -> None:
    for fired_in, lowered in ((5, True), (6, False), (7, False)):
        decision = decided(situation(split=split(450_000), marks=marks(fired_in, of=range(1, 8))), boundary(8))
        assert (decision.outcome is DecisionOutcome.LOWERED) is lowered
        assert decision.after.remediation_share == (BASELINE if lowered else 450_000)


def test_the_share_is_lowered_by_at_most_the_largest_step() -> None:
    decision = decided(situation(split=split(590_000), marks=marks(of=range(1, 8))), boundary(8))
    assert decision.after.remediation_share == 440_000


def test_the_share_is_never_lowered_below_what_the_terms_ask() -> None:
    decision = decided(situation(GRAVE, split=split(450_000), marks=marks(of=range(1, 8))), boundary(8))
    assert decision.outcome is DecisionOutcome.LOWERED
    assert decision.after.remediation_share == decision.requested_share == BASELINE + 50_000


def test_a_sprint_without_any_decision_is_not_quiet() -> None:
    decision = decided(situation(split=split(450_000), marks=marks(of=(5, 7))), boundary(8))
    assert decision.outcome is DecisionOutcome.HELD
    assert "1 quiet sprint in a row so far, and it takes 2" in decision.bounds[-1].reason


def test_a_trigger_that_fired_in_the_present_sprint_keeps_the_share() -> None:
    earlier = (*marks(of=range(1, 8)), DecisionMark(moment(8, 0.1), DecisionTrigger.ASSESSMENT, fired=True))
    late = Occasion(DecisionTrigger.SPRINT_BEGAN, moment(8, 0.2))
    assert decided(situation(split=split(450_000), marks=earlier), late).outcome is DecisionOutcome.HELD


def test_a_policy_may_lower_without_waiting() -> None:
    decision = decided(situation(split=split(450_000), policy=policy(quiet_sprints=0)), boundary(2))
    assert decision.outcome is DecisionOutcome.LOWERED


def test_bounds_come_in_order_and_chain_to_the_share() -> None:
    facts = incidents(3, 3, hours=None, severity=1)
    tight = policy(cap_share=400_000, largest_step=10_000)
    decision = decided(situation(*facts, split=split(200_000), policy=tight), assessed(3))
    assert [(bound.bound, bound.before_share, bound.after_share) for bound in decision.bounds] == [
        ("cap", decision.requested_share, 400_000),
        ("largest_step", 400_000, 210_000),
    ]


shares = st.integers(0, WHOLE)


@given(
    st.integers(0, 3 * WHOLE), shares, st.tuples(shares, shares, shares).map(sorted), st.integers(1, WHOLE), st.sampled_from(["", "held"])
)
def test_bounds_hold_whatever_is_asked(requested: int, before: int, limits: list[int], step: int, hold: str) -> None:
    floor, baseline, cap = limits
    bounded = policy(floor_share=floor, baseline_share=baseline, cap_share=cap, largest_step=step)
    bounds = apply_bounds(requested, before, hold, bounded)
    after = bounds[-1].after_share if bounds else requested
    chain = [requested, *(bound.after_share for bound in bounds)]
    assert [bound.before_share for bound in bounds] == chain[:-1]
    assert all(bound.before_share != bound.after_share for bound in bounds)
    assert abs(after - before) <= step
    assert after <= max(cap, before)
    assert after >= min(floor, before)
    assert not (hold and after < before)
    assert after >= min(requested, before, cap)
    if hold == "" and abs(min(max(requested, floor), cap) - before) <= step:
        assert after == min(max(requested, floor), cap)


@given(
    st.lists(st.tuples(st.integers(0, 8 * 14 * 24), st.none() | st.integers(0, 500), st.integers(1, 5)), max_size=25),
    st.integers(150_000, 600_000),
    st.sampled_from([assessed(8), boundary(8), Occasion(DecisionTrigger.REQUEST, moment(8, 3))]),
)
def test_terms_add_up_exactly_and_the_same_facts_give_the_same_decision(
    drawn: list[tuple[int, int | None, int]], before: int, occasion: Occasion
) -> None:
    facts = [
        incident(FIRST + timedelta(hours=begin), hours, severity, incident=f"incidents/{number}")
        for number, (begin, hours, severity) in enumerate(drawn)
    ]
    decision = decided(situation(*facts, split=split(before)), occasion)
    assert sum(term.share for term in decision.terms) == decision.requested_share
    assert (decision.bounds[-1].after_share if decision.bounds else decision.requested_share) == decision.after.remediation_share
    assert decision.after.remediation_hours + decision.after.roadmap_hours == decision.after.capacity_hours
    assert decided(situation(*reversed(facts), split=split(before)), occasion) == decision


def test_a_split_that_stays_keeps_the_decision_that_set_it() -> None:
    held = split(BASELINE, sprint=4)
    decision = decided(situation(split=held), assessed(4)).named("decisions/new", "")
    assert decision.after == held


def test_a_new_sprints_split_is_set_by_its_own_decision_even_at_the_same_share() -> None:
    decision = decided(situation(split=split(BASELINE, sprint=3)), boundary(4)).named("decisions/new", "t")
    assert (decision.outcome, decision.after.sprint_number, decision.after.decision) == (DecisionOutcome.HELD, 4, "decisions/new")
    assert decision.after.effective_at == moment(4, 0)


def test_a_change_of_capacity_makes_a_new_split_at_the_same_share() -> None:
    smaller = replace(team(), members=team().members[:2])
    decision = decided(situation(team=smaller, split=split(BASELINE, sprint=4)), assessed(4))
    assert (decision.after.capacity_hours, decision.after.decision) == (Decimal(120), "")


def test_before_sprint_1_there_is_nothing_to_decide() -> None:
    with pytest.raises(SprintNotBegun, match="2026-01-05"):
        decided(situation(), Occasion(DecisionTrigger.REQUEST, FIRST - timedelta(seconds=1)))


def test_every_figure_of_the_policy_stands_among_the_inputs() -> None:
    decision = decided(situation(GRAVE, split=split(BASELINE)), assessed(3, GRAVE))
    settings = {each.input: (float(each.value), each.unit.value) for each in decision.inputs if each.sample_count == 0}
    assert (
        settings.items()
        >= {
            "baseline_share": (0.333333, "share"),
            "largest_step": (0.15, "share"),
            "quiet_sprints_needed": (2, "sprints"),
            "incident_frequency_ratio": (1.5, "ratio"),
            "open_incidents_raise_at_most": (0.15, "share"),
        }.items()
    )


def test_the_explanation_says_what_why_and_what_it_costs() -> None:
    items = tuple(item(f"i{number}", 160, 1000 * (number + 1)) for number in range(6))
    decision = decided(situation(GRAVE, split=split(BASELINE), items=items), assessed(3, GRAVE))
    assert decision.explanation.startswith(
        "On an assessment in sprint 3, the reserve for remediation rises from 33.3 % to 38.3 % of 240 h: "
        "92 h for remediation, 148 h for the roadmap. 1 incident of severity 2 or graver open: 5.0 % for each, 15.0 % at most."
    )
    assert (
        f"This delays {len(decision.impact.displaced)} roadmap items, with {decision.impact.value_at_risk} at risk." in decision.explanation
    )


def test_a_held_split_says_that_no_trigger_fired() -> None:
    assert "stays at 33.3 %" in decided(situation(), boundary(1)).explanation
    assert "No trigger fired." in decided(situation(), boundary(1)).explanation
