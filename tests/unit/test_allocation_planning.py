"""Plans of several teams, with skills and curves, against brute force; greedy plans, conflicts and larger problems."""

import random
from collections.abc import Iterator
from decimal import Decimal
from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from services.allocation.domain.conflict import conflicts_of
from services.allocation.domain.plan import Deadline, Plan, PlanItem, Problem, can_keep, due_deadlines, value_of
from services.allocation.domain.program import best_plan
from services.allocation.domain.schedule import greedy_plan
from services.allocation.domain.staffing import Crew

HORIZON = 3
SKILLS = ("a", "b")
solving = settings(max_examples=60, deadline=None)


def can_work(of: Problem, plan: Plan) -> bool:
    """Whether the people of each team have the hours, by a linear programme of who works on what in which sprint."""
    for position, crew in enumerate(of.crews):
        due = {(skill, sprint): 0.0 for skill in ("", *SKILLS) for sprint in range(1, HORIZON + 1)}
        for item, finish in zip(of.items, plan.finish, strict=True):
            if item.crew == position and finish:
                skilled = dict(item.skills)
                due["", finish] += float(item.remaining_hours) - float(sum(skilled.values()))
                for skill, hours in skilled.items():
                    due[skill, finish] += float(hours)
        before = [Decimal(0), *crew.capacity]
        people = crew.people or ((frozenset[str](), Decimal(1)),)
        supply = {(p, t): float((before[t] - before[t - 1]) * people[p][1]) for p in range(len(people)) for t in range(1, HORIZON + 1)}
        ways = [(p, t, k, s) for p, t in supply for k, s in due if t <= s and (not k or k in people[p][0])]
        rows = [[float((p, t) == key) for p, t, _, _ in ways] for key in supply]
        needs = [[float((k, s) == key) for _, _, k, s in ways] for key in due]
        found = linprog(np.zeros(len(ways)), rows, list(supply.values()), needs, list(due.values()), method="highs")
        if found.status != 0:
            return False
    return True


def every_plan(of: Problem) -> Iterator[Plan]:
    for finish in product((*range(1, HORIZON + 1), None), repeat=len(of.items)):
        plan = Plan(finish)
        waits = all(
            done is None or all((plan.finish[other] or 9) <= of.needed_by(index, done, other) for other in of.items[index].dependencies)
            for index, done in enumerate(finish)
        )
        if waits and can_work(of, plan):
            yield plan


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Draws two teams, the second with other sprints and people of different skills, and items that wait across."""
    items = []
    for index in range(draw(st.integers(1, 4))):
        hours = draw(st.integers(2, 12))
        crew = draw(st.integers(0, 1))
        skills = draw(st.lists(st.sampled_from(SKILLS), unique=True, max_size=2)) if crew else []
        before = draw(st.lists(st.integers(0, index - 1), unique=True, max_size=2)) if index else []
        gains = tuple(draw(st.lists(st.integers(0, 9), min_size=HORIZON, max_size=HORIZON)))
        needs = tuple((skill, Decimal(hours // 2)) for skill in sorted(skills))
        due = draw(st.none() | st.integers(1, HORIZON))
        items.append(PlanItem("abcd"[index], Decimal(hours), 0, tuple(before), due, crew=crew, gains=gains, skills=needs))
    people = ((frozenset("a"), Decimal("0.25")), (frozenset("ab"), Decimal("0.25")), (frozenset[str](), Decimal("0.5")))
    crews = []
    for ends, known in (((2, 4, 6), ()), (draw(st.sampled_from([(2, 4, 6), (1, 4, 7), (3, 5, 8)])), people)):
        each = draw(st.lists(st.integers(0, 4), min_size=HORIZON, max_size=HORIZON))
        crews.append(Crew(tuple(Decimal(4 * sum(each[: sprint + 1])) for sprint in range(HORIZON)), ends, known))
    return Problem(tuple(items), (), tuple(crews))


def kept(plan: Plan, deadlines: tuple[Deadline, ...]) -> int:
    return sum(plan.is_done_by(deadline.item, deadline.sprint) for deadline in deadlines)


@solving
@given(problems())
def test_a_plan_of_teams_with_skills_and_curves_is_the_best_of_all(of: Problem) -> None:
    feasible, deadlines = list(every_plan(of)), due_deadlines(of)
    found = best_plan(of, deadlines)
    assert can_work(of, found)
    assert (kept(found, deadlines), value_of(of, found)) == max((kept(plan, deadlines), value_of(of, plan)) for plan in feasible)


@solving
@given(problems())
def test_a_conflict_cannot_be_kept_and_without_any_of_its_deadlines_can(of: Problem) -> None:
    feasible, deadlines = list(every_plan(of)), due_deadlines(of)

    def possible(some: list[Deadline]) -> bool:
        return any(kept(plan, tuple(some)) == len(some) for plan in feasible)

    conflicts = conflicts_of(of, deadlines)
    assert bool(conflicts) != possible(list(deadlines))
    for conflict in conflicts:
        assert not possible(list(conflict.deadlines))
        assert all(possible([each for each in conflict.deadlines if each != left]) for left in conflict.deadlines)
        for way in conflict.ways:
            if way.sprint is not None:
                moved = Deadline(way.deadline.item, way.sprint)
                assert possible([moved, *(each for each in conflict.deadlines if each != way.deadline)])
    assert possible([each for each in deadlines if all(each not in conflict.deadlines for conflict in conflicts)])


def large(seed: int, count: int = 30) -> Problem:
    """Builds a team's roadmap that takes the relaxation, not only the search."""
    draw = random.Random(seed)
    hours = [max(4, round(draw.lognormvariate(3.4, 0.75))) for _ in range(count)]
    items = []
    for index, effort in enumerate(hours):
        before = tuple(sorted(draw.sample(range(index), min(index, draw.choice((0, 0, 1, 2))))))
        due = draw.randint(3, 6) if draw.random() < 0.05 else None
        items.append(PlanItem(f"i{index}", Decimal(effort), round(draw.lognormvariate(7.5, 0.8)), before, due))
    sprint = sum(hours) / 1.3 / 6
    return Problem(tuple(items), tuple(Decimal(int(sprint * number)) for number in range(1, 7)))


def test_a_large_plan_is_proven_keeps_the_rules_and_is_never_worse_than_by_rank() -> None:
    for seed in range(12):
        of = large(seed)
        deadlines = due_deadlines(of)
        plan, ranked = best_plan(of, deadlines), greedy_plan(of, deadlines)
        assert plan.gap == 0
        for made in (plan, ranked):
            for sprint, limit in enumerate(of.capacity, start=1):
                assert sum(item.remaining_hours for index, item in enumerate(of.items) if made.is_done_by(index, sprint)) <= limit
            for index, finish in enumerate(made.finish):
                assert finish is None or all(made.is_done_by(other, finish) for other in of.items[index].dependencies)
        assert value_of(of, plan) >= value_of(of, ranked)
        assert not can_keep(of, deadlines) or kept(plan, deadlines) == len(deadlines)
        assert best_plan(of, deadlines) == plan


def test_forcing_an_item_earlier_never_makes_a_plan_better() -> None:
    of = large(3, 20)
    best = best_plan(of, ())
    for index, finish in enumerate(best.finish):
        forced = Deadline(index, (finish or of.horizon + 1) - 1)
        if forced.sprint and can_keep(of, [forced]):
            assert value_of(of, best_plan(of, [forced])) <= value_of(of, best)


def test_teams_without_ties_are_planned_together_as_well_as_apart() -> None:
    apart = [large(seed, 15) for seed in range(3)]
    items: list[PlanItem] = []
    for crew, each in enumerate(apart):
        begin = len(items)
        items += [
            PlanItem(f"{crew}{item.name}", item.remaining_hours, item.value, tuple(begin + other for other in item.dependencies), crew=crew)
            for item in each.items
        ]
    together = Problem(tuple(items), (), tuple(Crew(each.capacity) for each in apart))
    assert value_of(together, best_plan(together, ())) == sum(value_of(each, best_plan(each, ())) for each in apart)
