"""The order of the replayed year, and the rules by which hours are spent in it."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.cli.demo.effort import remediation_work, roadmap_hours, spend
from clients.cli.demo.example import read_example
from clients.cli.demo.schedule import StepKind, schedule
from tests.support.demo import CADENCE, CLOUD_YEAR, RULE, after, item, outage


def kinds(*outages: object, count: int = 1) -> list[str]:
    steps = schedule(outages, type(CADENCE)(CADENCE.first_at, CADENCE.length, count))  # type: ignore[arg-type]
    return [step.kind.name for step in steps]


def test_an_outage_fires_is_taken_and_resolves_between_the_sprint_s_begin_and_end() -> None:
    assert kinds(outage(1, 3, told=2)) == ["SPRINT_BEGINS", "FIRES", "ACKNOWLEDGED", "RESOLVES", "SPRINT_ENDS"]


def test_an_outage_told_only_after_its_end_is_remarked_and_never_taken() -> None:
    assert kinds(outage(1, 3, told=4)) == ["SPRINT_BEGINS", "FIRES", "RESOLVES", "REMARKED", "SPRINT_ENDS"]


def test_an_outage_told_before_it_began_is_taken_when_it_begins() -> None:
    steps = [step for step in schedule([outage(5, 9, told=1)], CADENCE) if step.kind is StepKind.ACKNOWLEDGED]
    assert [step.happened_at for step in steps] == [after(5)]


def test_what_happens_after_the_last_sprint_is_left_out() -> None:
    assert kinds(outage(1, 24 * 14 + 5, told=2)) == ["SPRINT_BEGINS", "FIRES", "ACKNOWLEDGED", "SPRINT_ENDS"]


def test_outages_of_the_same_second_are_told_one_after_another() -> None:
    both = [step for step in schedule([outage(1, number="1"), outage(1, number="2")], CADENCE) if step.kind is StepKind.FIRES]
    assert [step.of.number for step in both] == ["1", "2"]
    assert both[0].happened_at == both[1].happened_at
    assert both[0].clock_at < both[1].clock_at


def test_a_sprint_turns_before_what_happens_at_its_boundary() -> None:
    steps = schedule([outage(24 * 14, 24 * 14 + 1)], CADENCE)
    at_boundary = [step.kind.name for step in steps if step.happened_at == after(24 * 14)]
    assert at_boundary == ["SPRINT_BEGINS", "FIRES", "ACKNOWLEDGED"]


def test_the_clock_of_the_whole_year_only_goes_forward() -> None:
    example = read_example(CLOUD_YEAR)
    steps = schedule(example.outages, example.cadence)
    assert all(earlier.clock_at < later.clock_at for earlier, later in pairwise(steps))
    assert max(step.clock_at - step.happened_at for step in steps) < timedelta(minutes=1)
    boundaries = [step.clock_at for step in steps if step.kind is StepKind.SPRINT_BEGINS]
    assert boundaries == [example.cadence.begin(number) for number in example.cadence.numbers]


def test_an_outage_takes_responders_times_duration_and_the_follow_up_at_its_end() -> None:
    work = remediation_work(outage(1, 3), RULE, CADENCE)
    assert [(part.worked_at, part.hours) for part in work] == [(after(3), 4.0), (after(3), 3.0)]


def test_a_long_outage_takes_no_more_than_the_rule_s_hours() -> None:
    assert remediation_work(outage(1, 100), RULE, CADENCE)[0].hours == 20.0


def test_an_outage_over_several_sprints_is_worked_on_in_each() -> None:
    sprint = 24 * 14
    work = remediation_work(outage(sprint - 30, sprint + 10), RULE, CADENCE)
    assert [(CADENCE.number_at(part.worked_at), part.hours) for part in work] == [(1, 15.0), (2, 5.0), (2, 3.0)]


def test_an_outage_that_ends_with_its_sprint_is_restored_in_that_sprint() -> None:
    work = remediation_work(outage(24 * 14 - 4, 24 * 14), RULE, CADENCE)
    assert [(CADENCE.number_at(part.worked_at), part.hours) for part in work] == [(1, 8.0), (2, 3.0)]


@given(st.floats(0, 2000), st.floats(0, 2000))
def test_the_parts_of_remediation_work_sum_to_the_rule_s_hours(begin: float, length: float) -> None:
    whole = outage(begin, begin + length)
    parts = remediation_work(whole, RULE, CADENCE)
    lasted = whole.duration / timedelta(hours=1)
    assert sum(part.hours for part in parts) == pytest.approx(round(2 * min(lasted, 10), 2) + 3)
    assert all(part.worked_at <= whole.end for part in parts)


def test_remediation_beyond_its_reserve_is_taken_from_the_roadmap() -> None:
    assert roadmap_hours(300, 200, 80) == 200
    assert roadmap_hours(300, 200, 130) == 170
    assert roadmap_hours(300, 200, 500) == 0


def test_hours_go_first_to_what_costs_most_for_each_hour_it_still_needs() -> None:
    items = [item("big", effort=100, cost=1000), item("small", effort=10, cost=500)]
    assert spend(items, {"big": 100, "small": 10}, 30) == {"small": 10, "big": 20}


def test_an_item_waits_for_what_it_depends_on_and_follows_at_once() -> None:
    items = [item("first", effort=10, cost=1), item("second", effort=10, cost=1000, needs=["first"])]
    assert list(spend(items, {"first": 10, "second": 10}, 15).items()) == [("first", 10), ("second", 5)]


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(0, 50_000)), max_size=12), st.floats(0, 2000).map(lambda hours: round(hours, 2)))
def test_never_more_hours_are_spent_than_there_are_or_than_items_need(sizes: list[tuple[int, int]], hours: float) -> None:
    items = [item(f"i{index}", effort, cost, [f"i{index - 1}"] if index % 3 == 2 else []) for index, (effort, cost) in enumerate(sizes)]
    remaining = {each.id: each.effort_hours for each in items}
    spent = spend(items, remaining, hours)
    assert sum(spent.values()) == pytest.approx(min(hours, sum(remaining.values())))
    assert all(spent[each] <= remaining[each] for each in spent)
