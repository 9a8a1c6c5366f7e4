"""The ruling: rules, their effects and memory, the reserve, and what holds whatever is seen."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.allocation.domain.decision import DecisionTerm
from services.allocation.domain.policy_rule import Freeze, HourCosts, PolicyRule, Protect, RaiseBy, ReserveTarget, SetShare
from services.allocation.domain.ruling import Memory, Rest, Ruling, rule_on
from services.allocation.domain.signals import BudgetSignal, Cause, Signals, Tally, Tier
from shared.money import Money
from tests.support.allocation import moment, policy
from tests.support.ruling import EvenHours, rule, ruled, signals

THIRD = 333_333
LEVEL = ReserveTarget(Decimal("0.75"))
FREEZE = rule("freeze", "budget.critical.exhausted > 0", Freeze(), reason="The error budget of a critical component is spent.")
SPENT = (BudgetSignal(-0.1, 12.0, True, Cause.OWN_CHANGE, Tier.CRITICAL),)


def term(of: Ruling, name: str) -> DecisionTerm:
    return next(each for each in of.terms if each.term == name)


def begun(policy: Any, seen: Signals, memory: Memory | None = None) -> Ruling:
    return rule_on(policy, seen, memory or Memory(THIRD), begins=True)


def seen_over_sprints(policy: Any, *told: dict[str, Any], memory: Memory | None = None) -> list[Ruling]:
    """Rules as each of the sprints from 7 on begins."""
    found: list[Ruling] = []
    for sprint, each in enumerate(told, start=7):
        remembered = found[-1].memory.next_sprint() if found else memory or Memory(THIRD)
        found.append(begun(policy, signals(sprint, **each), remembered))
    return found


def test_a_rule_that_holds_adds_its_part_and_says_on_what() -> None:
    ruling = begun(ruled(rule()), signals(incidents=Tally(6)))
    assert (ruling.requested, ruling.share) == (THIRD + 100_000, THIRD + 100_000)
    found = term(ruling, "rule/storm")
    assert found.fired
    assert found.reason == "Incidents come in a storm. (incidents.count 6) It adds 10.0 %."


def test_a_rule_that_does_not_hold_adds_nothing_and_says_on_what() -> None:
    found = term(begun(ruled(rule()), signals(incidents=Tally(5))), "rule/storm")
    assert (found.share, found.fired, found.reason) == (0, False, "It does not hold: incidents.count 5.")


def test_a_condition_on_what_cannot_be_told_does_not_fire_and_names_it() -> None:
    found = term(begun(ruled(rule(when="actions.overdue > 0")), signals()), "rule/storm")
    assert (found.share, found.fired, found.reason) == (0, False, "It cannot fire: actions.overdue cannot be told.")


def test_a_condition_may_ask_what_cannot_be_told() -> None:
    blind = rule(when='"budget.left" in missing || budget.left < 0.1')
    assert term(begun(ruled(blind), signals()), "rule/storm").fired
    assert not term(begun(ruled(blind), signals(budgets=(BudgetSignal(0.5, None, False),))), "rule/storm").fired


def test_a_least_share_counts_only_beyond_what_else_is_asked_for() -> None:
    two = ruled(rule("set", effect=SetShare(400_000)), rule("raise"))
    ruling = begun(two, signals(incidents=Tally(6)))
    assert [(each.term, each.share) for each in ruling.terms] == [("baseline", THIRD), ("rule/raise", 100_000), ("rule/set", 0)]
    alone = begun(ruled(rule("set", effect=SetShare(400_000))), signals(incidents=Tally(6)))
    assert (term(alone, "rule/set").share, alone.requested) == (400_000 - THIRD, 400_000)


def test_a_freeze_goes_to_the_cap_at_once_whatever_the_step_and_the_dwell() -> None:
    rested = Memory(200_000, rests=(Rest(moment(7, 0), moment(7, 5)),))
    ruling = rule_on(ruled(FREEZE), signals(days=2, budgets=SPENT), rested, begins=False)
    assert (ruling.share, ruling.frozen, ruling.bounds) == (600_000, True, ())
    assert "goes to the cap of 60.0 % at once" in term(ruling, "rule/freeze").reason


def test_a_freeze_does_not_undo_a_rollback() -> None:
    taken_back = Memory(200_000, rests=(Rest(moment(7, 0), moment(7, 5), rollback=True),))
    ruling = rule_on(ruled(FREEZE), signals(days=2, budgets=SPENT), taken_back, begins=False)
    assert (ruling.share, ruling.bounds[-1].bound) == (200_000, "rollback")


def test_what_came_down_from_a_freeze_comes_down_by_steps() -> None:
    told = [{"budgets": SPENT}, *[{"budgets": (BudgetSignal(0.4, 0.2, False, tier=Tier.CRITICAL),)}] * 5]
    assert [each.share for each in seen_over_sprints(ruled(FREEZE), *told)] == [600_000, 600_000, 600_000, 450_000, THIRD, THIRD]


def test_a_rules_own_step_lets_the_share_rise_farther_at_once() -> None:
    steep = rule(effect=SetShare(600_000), largest_step=200_000)
    assert begun(ruled(steep), signals(incidents=Tally(6))).share == THIRD + 200_000
    assert begun(ruled(replace(steep, largest_step=10_000)), signals(incidents=Tally(6))).share == THIRD + 150_000


def test_a_rule_that_protects_moves_no_share_and_names_its_items() -> None:
    ruling = begun(ruled(rule(effect=Protect(("roadmapItems/search", "roadmapItems/pay-*")))), signals(incidents=Tally(6)))
    assert (ruling.share, ruling.protects) == (THIRD, ("roadmapItems/search", "roadmapItems/pay-*"))


def test_a_rule_goes_on_until_its_own_end() -> None:
    told = [{"incidents": Tally(count)} for count in (6, 4, 3, 2, 4)]
    fired = [term(each, "rule/storm").fired for each in seen_over_sprints(ruled(rule(until="incidents.count < 3")), *told)]
    assert fired == [True, True, True, False, False]


def test_a_rule_lets_go_only_when_a_sprint_begins() -> None:
    held = begun(ruled(rule()), signals(incidents=Tally(6))).memory
    within = rule_on(ruled(rule()), signals(days=3, incidents=Tally(0)), held, begins=False)
    assert term(within, "rule/storm").fired
    assert "holds since sprint 7" in term(within, "rule/storm").reason
    after = begun(ruled(rule()), signals(8, incidents=Tally(0)), within.memory.next_sprint())
    assert not term(after, "rule/storm").fired


def test_a_rule_that_can_no_longer_tell_goes_on() -> None:
    rulings = seen_over_sprints(ruled(rule()), {"incidents": Tally(6)}, {})
    assert "cannot let go: incidents.count cannot be told" in term(rulings[1], "rule/storm").reason
    assert term(rulings[1], "rule/storm").fired


def test_after_it_let_go_a_rule_rests_for_its_cool_down() -> None:
    told = [{"incidents": Tally(count)} for count in (6, 0, 6, 6, 6)]
    rulings = seen_over_sprints(ruled(rule(cool_down_sprints=2)), *told)
    assert [term(each, "rule/storm").fired for each in rulings] == [True, False, False, True, True]
    assert term(rulings[2], "rule/storm").reason == "It let go in sprint 8 and rests for 1 sprint more."


def test_a_rule_may_leave_out_what_is_not_in_the_teams_hands() -> None:
    own = signals(incidents=Tally(2))
    network = replace(signals(incidents=Tally(9)), own=own)
    assert term(begun(ruled(rule()), network), "rule/storm").fired
    assert not term(begun(ruled(rule(forgives_causes=True)), network), "rule/storm").fired


def test_the_reserve_adds_what_it_needs_beyond_the_baseline_or_takes_from_it() -> None:
    sized = ruled(reserve=LEVEL)
    more = begun(sized, signals(demand=EvenHours(160), backlog_hours=0.0))  # 120 h of 240
    assert (more.requested, term(more, "reserve").share) == (500_000, 500_000 - THIRD)
    less = begun(sized, signals(demand=EvenHours(64), backlog_hours=0.0), Memory(THIRD, quiet_sprints=2))  # 48 h of 240
    assert (less.requested, less.share) == (200_000, 200_000)
    assert term(less, "reserve").reason == "48 h suffice for new incidents in 75 % of sprints like this one: 20.0 % of 240 h."


def test_the_larger_of_the_reserve_and_of_what_the_rules_ask_counts() -> None:
    sized = ruled(rule(), reserve=LEVEL)
    less = begun(sized, signals(demand=EvenHours(64), backlog_hours=0.0, incidents=Tally(6)))
    assert (less.requested, term(less, "reserve").share) == (THIRD + 100_000, 0)
    assert "the rules ask for more, 43.3 %" in term(less, "reserve").reason
    more = begun(sized, signals(demand=EvenHours(160), backlog_hours=0.0, incidents=Tally(6)))
    assert (more.requested, term(more, "reserve").share) == (500_000, 500_000 - THIRD - 100_000)


def test_the_backlog_is_cleared_within_the_sprints_stated() -> None:
    sized = ruled(reserve=replace(LEVEL, clearing_sprints=2))
    ruling = begun(sized, signals(demand=EvenHours(64), backlog_hours=48.0))
    assert ruling.requested == 300_000
    assert "24 h more clear the backlog within 2 sprints" in term(ruling, "reserve").reason
    at_once = begun(ruled(reserve=LEVEL), signals(demand=EvenHours(64), backlog_hours=48.0))
    assert at_once.requested == 400_000
    assert "48 h more clear the backlog within this sprint" in term(at_once, "reserve").reason


def test_costs_give_the_level_that_the_newsvendor_would_choose() -> None:
    costs = HourCosts(Money(Decimal(300), "USD"), Money(Decimal(100), "USD"))
    by_costs = begun(ruled(reserve=ReserveTarget(costs=costs)), signals(demand=EvenHours(160), backlog_hours=0.0))
    assert by_costs.requested == begun(ruled(reserve=LEVEL), signals(demand=EvenHours(160), backlog_hours=0.0)).requested
    assert "an hour not covered costs 300 and an idle one 100" in term(by_costs, "reserve").reason


def test_with_too_little_history_the_baseline_stands_and_it_is_said() -> None:
    ruling = begun(ruled(reserve=LEVEL), signals())
    assert (ruling.requested, term(ruling, "reserve").share) == (THIRD, 0)
    assert "so the baseline stands" in term(ruling, "reserve").reason


def test_a_backlog_that_cannot_be_told_is_said_to_be_left_out() -> None:
    assert (
        "what is left of open incidents cannot be told"
        in term(begun(ruled(reserve=LEVEL), signals(demand=EvenHours(64))), "reserve").reason
    )


EFFECTS = st.one_of(
    st.builds(RaiseBy, st.integers(1, 400_000)), st.builds(SetShare, st.integers(0, 1_000_000)), st.just(Freeze()), st.just(Protect(("x",)))
)
RULES = st.lists(
    st.builds(
        rule,
        when=st.sampled_from(["incidents.count > 2", "incidents.ratio > 1.5", "demand.q90_share > 0.4", "backlog.hours > 20.0"]),
        effect=EFFECTS,
        until=st.sampled_from(["", "incidents.count < 2"]),
        cool_down_sprints=st.integers(0, 3),
        largest_step=st.none() | st.integers(1, 400_000),
    ),
    max_size=4,
).map(lambda found: tuple(replace(each, id=f"r{place}") for place, each in enumerate(found)))
DEMAND = st.tuples(st.integers(0, 12), st.floats(0, 400), st.floats(0, 200), st.integers(0, 4))
POLICIES = st.builds(
    lambda rules, limits, step, quiet, dwell, reserve: policy(
        rules=rules,
        floor_share=limits[0],
        baseline_share=limits[1],
        cap_share=limits[2],
        largest_step=step,
        quiet_sprints=quiet,
        shortest_dwell=timedelta(days=dwell) if dwell else None,
        reserve=LEVEL if reserve else None,
    ),
    RULES,
    st.tuples(*[st.integers(0, 1_000_000)] * 3).map(sorted),
    st.integers(1, 1_000_000),
    st.integers(0, 3),
    st.integers(0, 60),
    st.booleans(),
)


def of_demand(drawn: tuple[int, float, float, int], sprint: int = 7, days: float = 0.0) -> Signals:
    count, hours, backlog, grave = drawn
    tally = Tally(count, 12, 6)
    return signals(
        sprint, days, frequency=tally, incidents=tally, demand=EvenHours(hours), backlog_hours=backlog, grave_open=grave, open_grave=grave
    )


@given(POLICIES, st.lists(st.tuples(DEMAND, DEMAND), min_size=1, max_size=8))
def test_bounds_and_sums_hold_and_nothing_flips_back_within_its_dwell(asked: Any, sprints: list[tuple[Any, Any]]) -> None:
    memory = Memory(asked.baseline_share)
    changed: list[datetime] = []
    for sprint, (first, then) in enumerate(sprints, start=7):
        for days, drawn in ((0.0, first), (6.0, then)):
            seen = of_demand(drawn, sprint, days)
            ruling = rule_on(asked, seen, memory, begins=not days)
            assert rule_on(asked, seen, memory, begins=not days) == ruling
            assert sum(each.share for each in ruling.terms) == ruling.requested
            chain = [ruling.requested, *(each.after_share for each in ruling.bounds)]
            assert [each.before_share for each in ruling.bounds] == chain[:-1]
            assert chain[-1] == ruling.share
            assert asked.floor_share <= ruling.share <= asked.cap_share
            rise = max([asked.largest_step, *(each.largest_step or 0 for each in asked.rules)])
            assert ruling.frozen or ruling.share - memory.share <= rise
            assert memory.share - ruling.share <= asked.largest_step
            if ruling.share < memory.share:
                assert not days
                assert all(seen.at - at >= (asked.shortest_dwell or timedelta()) for at in changed)
            if ruling.share != memory.share:
                changed.append(seen.at)
            memory = ruling.memory
        memory = memory.next_sprint()


@given(POLICIES, DEMAND, DEMAND, st.booleans(), st.integers(0, 1_000_000))
def test_more_demand_never_gives_a_smaller_share(asked: Any, one: Any, other: Any, begins: bool, before: int) -> None:
    asked = replace(asked, rules=tuple(replace(each, until="") for each in asked.rules))
    least = tuple(map(min, zip(one, other, strict=True)))
    most = tuple(map(max, zip(one, other, strict=True)))
    memory = Memory(min(max(before, asked.floor_share), asked.cap_share), quiet_sprints=3)
    days = 0.0 if begins else 3.0
    less, more = (rule_on(asked, of_demand(each, days=days), memory, begins=begins) for each in (least, most))
    assert more.requested >= less.requested
    assert more.share >= less.share


@pytest.mark.parametrize("kept", ["baseline", "storm"])
def test_a_rule_that_is_no_longer_in_the_policy_is_forgotten(kept: str) -> None:
    held = begun(ruled(rule()), signals(incidents=Tally(6))).memory
    other: PolicyRule = rule(kept, when="incidents.count > 100")
    assert bool(begun(ruled(other), signals(8), held.next_sprint()).memory.rules) is (kept == "storm")
