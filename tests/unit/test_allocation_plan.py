"""The optimal plan against brute force, and its laws."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from services.allocation.domain.plan import Deadline, Plan, PlanItem, Problem, can_keep, due_deadlines, late_items
from services.allocation.domain.program import best_plan

# Solving takes tens of milliseconds, and so many examples that the clock says nothing.
solving = settings(max_examples=60, deadline=None)


def plan_item(hours: int, value: int, *dependencies: int, due: int | None = None) -> PlanItem:
    return PlanItem("", Decimal(hours), value, dependencies, due)


def problem(*items: PlanItem, capacity: tuple[int, ...]) -> Problem:
    """Builds a problem whose items are called a, b, c …; `capacity` is that of each sprint."""
    sums = tuple(Decimal(sum(capacity[: sprint + 1])) for sprint in range(len(capacity)))
    named = (PlanItem("abcdefgh"[index], each.remaining_hours, each.value, each.dependencies, each.due) for index, each in enumerate(items))
    return Problem(tuple(named), sums)


def value_of(of: Problem, plan: Plan) -> int:
    return sum(item.value * (of.horizon + 1 - finish) for item, finish in zip(of.items, plan.finish, strict=True) if finish)


def moves(of: Problem, one: Plan, other: Plan) -> int:
    beyond = of.horizon + 1
    return sum(abs((first or beyond) - (second or beyond)) for first, second in zip(one.finish, other.finish, strict=True))


def kept(plan: Plan, deadlines: tuple[Deadline, ...]) -> tuple[int, int]:
    """Returns how many protections and how many due dates a plan keeps."""
    held = [deadline for deadline in deadlines if plan.is_done_by(deadline.item, deadline.sprint)]
    return sum(each.protects for each in held), sum(not each.protects for each in held)


def is_feasible(of: Problem, plan: Plan) -> bool:
    for sprint, limit in enumerate(of.capacity, start=1):
        done = [item for index, item in enumerate(of.items) if plan.is_done_by(index, sprint)]
        if sum(item.remaining_hours for item in done) > limit:
            return False
    return all(
        finish is None or all(plan.is_done_by(other, finish) for other in item.dependencies)
        for item, finish in zip(of.items, plan.finish, strict=True)
    )


def every_plan(of: Problem) -> Iterator[Plan]:
    for finish in product((*range(1, of.horizon + 1), None), repeat=len(of.items)):
        if is_feasible(of, plan := Plan(finish)):
            yield plan


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    items = []
    for index in range(draw(st.integers(1, 5))):
        before = draw(st.lists(st.integers(0, index - 1), unique=True, max_size=2)) if index else []
        due = draw(st.none() | st.integers(0, 3))
        items.append(plan_item(draw(st.integers(1, 12)), draw(st.integers(0, 9)) * 100, *before, due=due))
    return problem(*items, capacity=tuple(draw(st.lists(st.integers(0, 14), min_size=3, max_size=3))))


@solving
@given(problems(), st.data())
def test_the_plan_is_the_best_of_all_plans(of: Problem, data: st.DataObject) -> None:
    feasible = list(every_plan(of))
    near = data.draw(st.none() | st.sampled_from(feasible))
    protecting = [Deadline(index, finish, True) for index, finish in enumerate(near.finish) if finish and index % 2] if near else []
    deadlines = (*protecting, *due_deadlines(of))
    earliest = Plan((1,) * len(of.items))

    def worth(plan: Plan) -> tuple[int, int, int, int]:
        return (*kept(plan, deadlines), value_of(of, plan), -moves(of, plan, near or earliest))

    found = best_plan(of, deadlines, near)
    assert is_feasible(of, found)
    assert worth(found) == max(map(worth, feasible))
    assert found.gap == 0


@solving
@given(problems())
def test_can_keep_says_whether_some_plan_keeps_every_deadline(of: Problem) -> None:
    deadlines = due_deadlines(of)
    assert can_keep(of, deadlines) == any(kept(plan, deadlines)[1] == len(deadlines) for plan in every_plan(of))


@settings(max_examples=15, deadline=None)
@given(problems())
def test_the_same_problem_gives_the_same_plan(of: Problem) -> None:
    assert best_plan(of, due_deadlines(of)) == best_plan(of, due_deadlines(of))


@settings(max_examples=25, deadline=None)
@given(problems(), st.integers(10**9, 10**10))
def test_values_too_large_for_one_objective_give_as_good_a_plan(of: Problem, unit: int) -> None:
    # The index spoils the greatest common divisor, so that value and nearness are solved one after the other.
    items = tuple(
        PlanItem(item.name, item.remaining_hours, item.value * unit + index, item.dependencies) for index, item in enumerate(of.items)
    )
    large = Problem(items, of.capacity)
    near = best_plan(of, ())
    found = best_plan(large, (), near)
    assert is_feasible(large, found)
    assert value_of(large, found) == max(value_of(large, plan) for plan in every_plan(large))


def test_an_item_waits_for_what_it_depends_on() -> None:
    of = problem(plan_item(10, 1), plan_item(10, 900, 0), capacity=(10, 10, 10))
    assert best_plan(of, ()).finish == (1, 2)


def test_a_small_item_goes_first_when_waiting_for_it_costs_more_by_the_hour() -> None:
    of = problem(plan_item(20, 1000), plan_item(10, 800), capacity=(10, 10, 10))
    assert best_plan(of, ()).finish == (3, 1)


def test_a_due_date_is_kept_against_a_more_valuable_item() -> None:
    of = problem(plan_item(10, 900), plan_item(10, 1, due=1), capacity=(10, 10))
    assert best_plan(of, due_deadlines(of)).finish == (2, 1)


def test_a_due_date_binds_what_the_item_depends_on() -> None:
    of = problem(plan_item(10, 1), plan_item(10, 900), plan_item(10, 1, 0, due=2), capacity=(10, 10, 10))
    assert best_plan(of, due_deadlines(of)).finish == (1, 3, 2)


def test_a_due_date_that_cannot_be_kept_is_relaxed_and_told() -> None:
    of = problem(plan_item(15, 1, due=1), plan_item(10, 900), capacity=(10, 10, 10))
    plan = best_plan(of, due_deadlines(of))
    assert plan.finish == (3, 1)
    assert late_items(of, plan) == ("a",)


def test_as_many_due_dates_as_possible_are_kept() -> None:
    of = problem(plan_item(10, 900, due=1), plan_item(5, 1, due=1), plan_item(5, 1, due=1), capacity=(10, 10))
    assert best_plan(of, due_deadlines(of)).finish == (2, 1, 1)


def test_a_protection_counts_more_than_due_dates() -> None:
    of = problem(plan_item(10, 1), plan_item(5, 900, due=1), plan_item(5, 900, due=1), capacity=(10, 10))
    deadlines = (Deadline(0, 1, protects=True), *due_deadlines(of))
    assert best_plan(of, deadlines).finish == (1, 2, 2)


def test_of_equally_good_plans_the_nearest_to_the_one_before_is_taken() -> None:
    of = problem(plan_item(10, 5), plan_item(10, 5), plan_item(10, 5), capacity=(10, 10, 10))
    for before in ((3, 1, 2), (2, 3, 1)):
        assert best_plan(of, (), Plan(before)).finish == before


def test_a_worthless_item_is_still_done_where_there_is_room() -> None:
    of = problem(plan_item(10, 5), plan_item(10, 0), capacity=(10, 10, 10))
    assert best_plan(of, ()).finish == (1, 2)


def test_without_items_there_is_nothing_to_plan() -> None:
    assert best_plan(problem(capacity=(10,)), ()) == Plan(())
