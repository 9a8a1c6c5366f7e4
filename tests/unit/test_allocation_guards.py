"""Guards: thresholds of approval, the circuit breaker, the dwell, what overtakes a proposal, and what would have changed a decision."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.allocation.domain.breaker import Direction, directions
from services.allocation.domain.counterfactual import smallest_changes
from services.allocation.domain.decision import Decision, DecisionInput, DecisionOutcome, DecisionTrigger, Unit
from services.allocation.domain.errors import DecisionNotInForce, FieldRefused, RollbackEmpty, RollbackTooSoon
from services.allocation.domain.explanation import steps_to
from services.allocation.domain.guard import ApprovalThresholds, CircuitBreaker
from services.allocation.domain.policy import check_policy
from services.allocation.domain.proposal import in_force, reason_to_lapse
from services.allocation.domain.rollback import check_dwell, check_target, roll_back
from services.allocation.domain.rule import Occasion
from services.allocation.domain.situation import Change, Situation
from services.allocation.domain.standing import DecisionState
from shared.money import Money
from tests.support.allocation import assessed, boundary, decided, incident, item, marks, moment, policy, situation, split

DAY = timedelta(days=1)
BASE = 333_333


def grave(count: int = 1, **changes: Any) -> Situation:
    """A team at the baseline with so many grave incidents open, each worth 5 % more."""
    facts = [incident(moment(2, 1 + number / 24), None, 1) for number in range(count)]
    return situation(*facts, **({"split": split(BASE, 2)} | changes))


def guarded(**changes: Any) -> Any:
    return policy(incident_frequency=None, time_to_restore=None, **changes)


def grounds(made: Decision) -> list[str]:
    return [each.ground for each in made.standing.grounds]


def changed(at_day: float, trigger: DecisionTrigger = DecisionTrigger.ASSESSMENT, name: str = "decisions/x") -> Change:
    return Change(name, moment(2, at_day), trigger, BASE - 50_000, BASE)


@pytest.mark.parametrize(
    ("thresholds", "expected"),
    [
        (ApprovalThresholds(), []),
        (ApprovalThresholds(share_change=50_000), ["share_change"]),
        (ApprovalThresholds(share_change=50_001), []),
        (ApprovalThresholds(displaced_items=1), ["displaced_items"]),
        (ApprovalThresholds(displaced_items=2), []),
        (ApprovalThresholds(value_at_risk=Money(Decimal(4000))), ["value_at_risk"]),
        (ApprovalThresholds(value_at_risk=Money(Decimal(4001))), []),
        (ApprovalThresholds(value_at_risk=Money(Decimal(10**6), "EUR")), ["value_at_risk"]),
    ],
)
def test_others_must_agree_from_the_threshold_on(thresholds: ApprovalThresholds, expected: list[str]) -> None:
    made = decided(grave(policy=guarded(approval_thresholds=thresholds), items=(item("big", 150, 2000),)), assessed(2))
    assert (made.outcome, grounds(made)) == (DecisionOutcome.RAISED, expected)
    assert made.standing.state is (DecisionState.PROPOSED if expected else DecisionState.IN_FORCE)


def test_a_first_split_begins_at_the_baseline_when_more_needs_approval() -> None:
    made = decided(grave(split=None, policy=guarded(approval_thresholds=ApprovalThresholds(share_change=1))), assessed(2))
    assert (made.after.remediation_share, made.bounds[-1].bound, made.standing.state) == (BASE, "first_split", DecisionState.IN_FORCE)


def test_the_breaker_trips_at_one_change_more_than_it_lets_be() -> None:
    breaking = guarded(circuit_breaker=CircuitBreaker(changes_per_sprint=2))
    for days, expected in (((1,), []), ((1, 2), ["too_many_changes"]), ((-1, 2), [])):  # the day before the sprint does not count
        made = decided(grave(policy=breaking, changes=tuple(changed(each) for each in days)), assessed(2))
        assert grounds(made) == expected


@pytest.mark.parametrize(("age", "expected"), [(23, []), (25, ["stale_inputs"]), (None, ["stale_inputs"])])
def test_after_too_long_a_silence_a_change_is_proposed(age: int | None, expected: list[str]) -> None:
    heard_at = moment(2, 7) - timedelta(hours=age) if age else None
    made = decided(grave(policy=guarded(), stale_after=DAY, heard_at=heard_at), assessed(2))
    assert grounds(made) == expected
    assert [each.value for each in made.inputs if each.input == "hours_since_triage_was_heard"] == ([age] if age else [])


def told(count: float, mean: float, median: float, earlier: float, grave_open: int) -> tuple[DecisionInput, ...]:
    values = {
        "incident_count": count,
        "incident_mean": mean,
        "time_to_restore_median": median,
        "time_to_restore_history_median": earlier,
        "open_grave_incidents": grave_open,
    }
    return tuple(DecisionInput(name, Decimal(str(value)), Unit.RATIO, 3) for name, value in values.items())


@pytest.mark.parametrize(
    ("inputs", "contradict"),
    [
        (told(10, 2, 1, 4, 0), True),
        (told(10, 2, 1, 4, 1), False),
        (told(10, 2, 3, 4, 0), False),  # shorter, but not by the ratio
        (told(3, 2, 1, 4, 0), False),  # 1.5 times is not above it
        (told(10, 2, 1, 4, 0)[:2], False),  # what cannot tell contradicts nothing
    ],
)
def test_signals_contradict_when_incidents_come_more_often_and_all_else_says_calm(
    inputs: tuple[DecisionInput, ...], contradict: bool
) -> None:
    assert directions(inputs, policy()).contradict is contradict


def test_where_a_signal_points_is_told() -> None:
    found = directions(told(10, 2, 9, 4, 1), policy())
    assert (found.frequency, found.restore, found.open) == (Direction.UP, Direction.UP, Direction.UP)


def test_within_the_dwell_the_share_does_not_move_and_after_it_does() -> None:
    dwelling = guarded(shortest_dwell=3 * DAY)
    for at_day, expected in ((5, ["shortest_dwell"]), (4, [])):  # decided on day 7
        made = decided(grave(policy=dwelling, changes=(changed(at_day),)), assessed(2))
        assert [bound.bound for bound in made.bounds] == expected


def test_a_sprint_that_begins_within_the_dwell_may_raise_but_not_lower() -> None:
    dwelling = guarded(shortest_dwell=7 * DAY, quiet_sprints=0)
    late = (changed(13),)
    raised = decided(grave(policy=dwelling, changes=late), boundary(3))
    assert raised.outcome is DecisionOutcome.RAISED
    lowered = decided(situation(split=split(450_000, 2), policy=dwelling, changes=late, marks=marks(of=[1, 2])), boundary(3))
    assert (lowered.outcome, lowered.bounds[-1].bound) == (DecisionOutcome.HELD, "shortest_dwell")


def waiting() -> tuple[Decision, Situation]:
    asking = guarded(approval_thresholds=ApprovalThresholds(share_change=1))
    proposal = decided(grave(policy=asking), assessed(2)).named("decisions/p", "")
    return proposal, grave(policy=asking, proposal=proposal)


def test_the_same_share_is_held_for_the_proposal_and_another_ends_it() -> None:
    proposal, of = waiting()
    same = decided(of, assessed(2))
    assert (same.outcome, same.bounds[-1].bound, reason_to_lapse(proposal, same)) == (DecisionOutcome.HELD, "proposal", "")
    more = decided(replace(of, incidents=grave(2).incidents), assessed(2))
    assert more.standing.waits
    assert reason_to_lapse(proposal, more)
    calm = decided(replace(of, incidents=()), assessed(2))
    assert (calm.outcome, bool(reason_to_lapse(proposal, calm))) == (DecisionOutcome.HELD, True)


def test_a_lowering_that_waits_goes_on_waiting_while_the_sprint_asks_for_the_same() -> None:
    asking = guarded(approval_thresholds=ApprovalThresholds(share_change=1), quiet_sprints=0)
    of = situation(split=split(400_000, 2), policy=asking, marks=marks(of=[1, 2]))
    proposal = decided(of, boundary(3)).named("decisions/p", "")
    assert (proposal.outcome, proposal.standing.waits) == (DecisionOutcome.LOWERED, True)
    assert reason_to_lapse(proposal, decided(replace(of, proposal=proposal), assessed(3))) == ""


def test_it_comes_in_force_on_the_sprint_of_then_unless_what_it_was_to_move_has_moved() -> None:
    proposal, of = waiting()
    forced = in_force(proposal, of, "Agreed.", moment(3))
    assert (forced.standing.state, forced.after.sprint_number, forced.after.effective_at) == (DecisionState.IN_FORCE, 3, moment(3))
    assert (forced.after.remediation_share, forced.after.decision) == (BASE + 50_000, "decisions/p")
    for obstacle in (replace(of, split=split(340_000, 2)), replace(of, policy=guarded(cap_share=340_000))):
        assert in_force(proposal, obstacle, "Agreed.", moment(3)).standing.state is DecisionState.LAPSED


def rollback(of: Situation, target: Decision, *, is_approver: bool = True) -> Decision:
    return roll_back(of, target, Occasion(DecisionTrigger.ROLLBACK, moment(2, 8), author="ada"), "Wrong.", is_approver=is_approver)


def test_a_rollback_puts_the_share_back_within_the_bounds_and_its_terms_sum() -> None:
    raised = decided(grave(policy=guarded()), assessed(2)).named("decisions/r", "")
    of = grave(policy=guarded(), split=raised.after)
    made = rollback(of, raised)
    assert (made.after.remediation_share, made.standing.rolls_back, made.fired) == (BASE, "decisions/r", False)
    assert sum(term.share for term in made.terms) == made.requested_share == BASE
    assert rollback(replace(of, policy=guarded(floor_share=360_000, baseline_share=360_000)), raised).after.remediation_share == 360_000
    with pytest.raises(RollbackEmpty):
        rollback(replace(of, policy=guarded(floor_share=383_333, baseline_share=383_333)), raised)


@pytest.mark.parametrize(
    ("thresholds", "expected"),
    [
        (ApprovalThresholds(), ["rollback"]),
        (ApprovalThresholds(share_change=50_000), ["share_change"]),
        (ApprovalThresholds(share_change=60_000), []),
    ],
)
def test_a_planner_rolls_back_alone_only_below_a_threshold_that_is_stated(thresholds: ApprovalThresholds, expected: list[str]) -> None:
    asking = guarded(approval_thresholds=thresholds)
    raised = decided(grave(policy=guarded()), assessed(2)).named("decisions/r", "")
    assert grounds(rollback(grave(policy=asking, split=raised.after), raised, is_approver=False)) == expected
    assert grounds(rollback(grave(policy=asking, split=raised.after), raised)) == []


def test_only_the_last_change_can_be_taken_back_and_another_rollback_waits_out_the_dwell() -> None:
    of = grave(policy=guarded(), changes=(changed(3, name="decisions/a"), changed(4, DecisionTrigger.ROLLBACK, "decisions/b")))
    check_target(of, "decisions/b")
    with pytest.raises(DecisionNotInForce):
        check_target(of, "decisions/a")
    with pytest.raises(RollbackTooSoon):
        check_dwell(of, Occasion(DecisionTrigger.ROLLBACK, moment(2, 13)))
    check_dwell(of, Occasion(DecisionTrigger.ROLLBACK, moment(3, 0)))


def test_a_policy_that_compares_what_it_does_not_watch_is_refused() -> None:
    with pytest.raises(FieldRefused):
        check_policy(guarded(circuit_breaker=CircuitBreaker(contradicting_signals=True)))
    with pytest.raises(FieldRefused):
        check_policy(policy(approval_thresholds=ApprovalThresholds(value_at_risk=Money(Decimal(0)))))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4), st.integers(150_000, 600_000), st.booleans(), st.booleans())
def test_bounds_are_kept_steps_sum_and_a_proposal_moves_nothing(count: int, before: int, begins: bool, asks: bool) -> None:
    thresholds = ApprovalThresholds(share_change=1) if asks else ApprovalThresholds()
    of = grave(count, split=split(before, 2), policy=guarded(approval_thresholds=thresholds), marks=marks(of=[1]))
    made = decided(of, boundary(2) if begins else assessed(2))
    assert 150_000 <= made.after.remediation_share <= 600_000
    assert sum(step.change for step in steps_to(made)) == made.after.remediation_share
    assert made.standing.waits == (asks and made.share_change != 0)
    assert made == decided(of, boundary(2) if begins else assessed(2))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 4), st.integers(150_000, 600_000))
def test_the_smallest_change_flips_the_outcome_and_one_smaller_does_not(count: int, before: int) -> None:
    watching = guarded()
    made = decided(grave(count, split=split(before, 2), policy=watching), assessed(2))
    found = smallest_changes(made, watching)
    for each in found:
        needed = int(each.needed)
        again = decided(grave(needed, split=split(before, 2), policy=watching), assessed(2))
        assert (again.outcome, again.after.remediation_share) == (each.outcome, each.share)
        for nearer in range(min(needed, count) + 1, max(needed, count)):
            assert decided(grave(nearer, split=split(before, 2), policy=watching), assessed(2)).outcome is made.outcome
    outcomes = {decided(grave(each, split=split(before, 2), policy=watching), assessed(2)).outcome for each in range(8)}
    assert bool(found) == (len(outcomes) > 1)
