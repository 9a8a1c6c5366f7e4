"""Laws of plans too large for brute force: against another model of the same problem, and against each other."""

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from services.allocation.domain import program
from services.allocation.domain.partition import parts_of
from services.allocation.domain.plan import Deadline, Plan, PlanItem, Problem, can_keep, due_deadlines, latest_sprints, value_of
from services.allocation.domain.program import best_plan
from services.allocation.domain.staffing import Crew

solving = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 10**6)
_SAY = """
from tests.unit.test_allocation_plan_laws import roadmap
from services.allocation.domain.plan import due_deadlines
from services.allocation.domain.program import best_plan
print([(best_plan(of, due_deadlines(of), quick=quick)) for of in map(roadmap, range(6)) for quick in (False, True)])
"""


def roadmap(seed: int, most: int = 22, *, share: float | None = None) -> Problem:
    """Draws a team's roadmap, large enough for the relaxation and the enumeration: odd hours, curves, due dates, dependencies."""
    draw = random.Random(seed)
    count, horizon = draw.randint(12, most), draw.choice((4, 6, 8))
    items = []
    for index in range(count):
        effort = Decimal(max(1, round(draw.lognormvariate(2.5, 0.8)))) + Decimal(draw.choice((0, 0, 500, 137))) / 1000
        waits = tuple(sorted(draw.sample(range(index), min(index, draw.choice((0, 0, 1, 1, 2, 3))))))
        due = draw.randint(1, horizon) if draw.random() < 0.05 else None
        gains = tuple(draw.randint(0, 300) for _ in range(horizon)) if draw.random() < 0.3 else ()
        items.append(PlanItem(f"i{index}", effort, draw.randint(0, 300), waits, due, gains=gains))
    sprint = sum(float(item.remaining_hours) for item in items) / (share or draw.choice((0.9, 1.3, 2.0))) / horizon
    return Problem(tuple(items), tuple(Decimal(int(sprint * number)) for number in range(1, horizon + 1)))


def moves(of: Problem, one: Plan, other: Plan) -> int:
    beyond = of.horizon + 1
    return sum(abs((first or beyond) - (second or beyond)) for first, second in zip(one.finish, other.finish, strict=True))


def check_rules(of: Problem, plan: Plan) -> None:
    for position, crew in enumerate(of.crews):
        for sprint, limit in enumerate(crew.capacity, start=1):
            done = [item for index, item in enumerate(of.items) if item.crew == position and plan.is_done_by(index, sprint)]
            assert sum(item.remaining_hours for item in done) <= limit
    for item, finish in zip(of.items, plan.finish, strict=True):
        assert finish is None or all(plan.is_done_by(other, finish) for other in item.dependencies)


def optimum(of: Problem, deadlines: Sequence[Deadline], near: Plan) -> tuple[int, int]:
    """Returns the most value, and the fewest sprints moved among such plans, by scipy's solver on variables "done in", not "done by"."""
    count, horizon = len(of.items), of.horizon
    scale = 2 * count * horizon + 1

    def column(item: int, sprint: int) -> int:
        return item * horizon + sprint - 1

    cost, rows, limits = np.zeros(count * horizon), [], []
    for item in range(count):
        before = near.finish[item] or horizon + 1
        for sprint in range(1, horizon + 1):
            cost[column(item, sprint)] = scale * of.worth(item, sprint) - abs(sprint - before) + abs(horizon + 1 - before)
        rows.append([column(item, sprint) for sprint in range(1, horizon + 1)])
    matrix = np.zeros((count, count * horizon))
    for item, columns in enumerate(rows):
        matrix[item, columns] = 1
    more = []
    for sprint, limit in enumerate(of.capacity, start=1):
        row = np.zeros(count * horizon)
        for item, each in enumerate(of.items):
            row[column(item, 1) : column(item, sprint) + 1] = float(each.remaining_hours)
        more.append(row)
        limits.append(float(limit))
    for item, each in enumerate(of.items):
        for other in each.dependencies:
            for sprint in range(1, horizon + 1):
                row = np.zeros(count * horizon)
                row[column(item, 1) : column(item, sprint) + 1] = 1
                row[column(other, 1) : column(other, sprint) + 1] = -1
                more.append(row)
                limits.append(0.0)
    for item, latest in latest_sprints(of, deadlines).items():
        row = np.zeros(count * horizon)
        row[column(item, 1) : column(item, latest) + 1] = -1
        more.append(row)
        limits.append(-1.0)
    constraints = [LinearConstraint(matrix, ub=1), LinearConstraint(np.array(more), ub=limits)]
    found = milp(-cost, integrality=np.ones(count * horizon), bounds=Bounds(0, 1), constraints=constraints, options={"mip_rel_gap": 0})
    chosen = np.round(found.x).reshape(count, horizon)
    plan = Plan(tuple(int(row.argmax()) + 1 if row.any() else None for row in chosen))
    return value_of(of, plan), moves(of, plan, near)


@solving
@given(seeds)
def test_plans_are_as_good_and_as_near_as_another_model_finds(seed: int) -> None:
    of, draw = roadmap(seed), random.Random(seed)
    deadlines = due_deadlines(of) if can_keep(of, due_deadlines(of)) else ()
    near = Plan(tuple(draw.choice((None, *range(1, of.horizon + 1))) for _ in of.items))
    found = best_plan(of, deadlines, near)
    check_rules(of, found)
    assert found.gap == 0
    assert (value_of(of, found), moves(of, found, near)) == optimum(of, deadlines, near)


@solving
@given(seeds)
def test_a_quick_plan_keeps_the_rules_and_its_gap_is_true(seed: int) -> None:
    of = roadmap(seed, 40)
    best, quick = (best_plan(of, due_deadlines(of), quick=each) for each in (False, True))
    check_rules(of, quick)
    assert value_of(of, quick) <= value_of(of, best) * (1 + best.gap)
    assert value_of(of, quick) * (1 + quick.gap) >= value_of(of, best) - 1


@solving
@given(seeds)
def test_more_hours_are_never_worth_less(seed: int) -> None:
    values = []
    for share in (2.0, 1.3, 0.9):
        of = roadmap(seed, share=share)
        plain = Problem(tuple(replace(item, due=None) for item in of.items), of.capacity)
        values.append(value_of(plain, best_plan(plain, ())))
    assert all(less <= more for less, more in pairwise(values))


@solving
@given(seeds)
def test_what_waits_for_an_item_delayed_past_it_is_delayed_too(seed: int) -> None:
    roomy, tight = roadmap(seed, share=1.0), roadmap(seed, share=1.6)
    before = best_plan(roomy, ())
    after = best_plan(tight, (), before)
    beyond = tight.horizon + 1
    for index, item in enumerate(tight.items):
        for other in item.dependencies:
            if (after.finish[other] or beyond) > (before.finish[index] or beyond):
                assert (after.finish[index] or beyond) >= (after.finish[other] or beyond)


def test_the_same_roadmap_gives_the_same_plan_in_every_process() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-c", _SAY], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "4711")
    }
    assert len(said) == 1
    assert "Plan(" in said.pop()


def test_out_of_effort_the_best_plan_found_is_answered_with_its_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    gaps = []
    monkeypatch.setattr(program, "_EFFORT", 1)
    for seed in range(8):
        of = roadmap(seed, 40, share=1.3)
        plan = best_plan(of, due_deadlines(of), quick=True)
        check_rules(of, plan)
        check_rules(of, best_plan(of, due_deadlines(of)))
        assert any(plan.finish)
        gaps.append(plan.gap)
    assert 0 < max(gaps) < 1


def test_teams_that_nothing_ties_are_planned_apart_and_teams_tied_by_way_of_others_are_not() -> None:
    items = [PlanItem(f"i{crew}", Decimal(8), 10 + crew, (), crew=crew) for crew in range(5)]
    items[2] = replace(items[2], dependencies=(0,))
    items[4] = replace(items[4], dependencies=(2,))
    crews = tuple(Crew((Decimal(8), Decimal(16))) for _ in range(5))
    parts = parts_of(Problem(tuple(items), (), crews))
    assert [part.items for part in parts] == [(0, 2, 4), (1,), (3,)]
    assert best_plan(Problem(tuple(items), (), crews), [Deadline(4, 1)]).finish == (1,) * 5


def test_hours_of_several_skills_that_are_due_together_make_one_row() -> None:
    # The people lack the hours for "c" in sprint 2: the cut that says so holds the same variable for each of its skills.
    people = ((frozenset("a"), Decimal("0.25")), (frozenset("ab"), Decimal("0.25")), (frozenset[str](), Decimal("0.5")))
    skilled = PlanItem("c", Decimal(6), 0, (), skills=(("a", Decimal(3)), ("b", Decimal(3))))
    of = Problem((PlanItem("b", Decimal(11), 0, ()), skilled), (), (Crew((Decimal(0), Decimal(12), Decimal(20)), (2, 4, 6), people),))
    assert best_plan(of, ()).finish == (3, 2)
