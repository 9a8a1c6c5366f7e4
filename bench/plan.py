"""Plans: one team's to the proven optimum, many teams' on all cores, twenty teams together; each beside a plan by rank."""

import asyncio
import os
import random
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from decimal import Decimal

from bench.figures import milliseconds, percentile, spread
from bench.ground import Ground
from bench.report import Section
from services.allocation.domain.plan import PlanItem, Problem, due_deadlines, value_of
from services.allocation.domain.program import best_plan
from services.allocation.domain.schedule import greedy_plan
from services.allocation.domain.staffing import Crew

_ITEMS, _SPRINTS, _COUPLED_TEAMS, _TIES = 40, 6, 20, 60
Measured = tuple[float, float, float]  # seconds, proven gap, value against that of the plan by rank


async def plan(ground: Ground) -> Section:
    """Measures the solver itself: no store, no wire."""
    sizes = ground.sizes
    singles = await asyncio.to_thread(lambda: [_single(seed) for seed in range(sizes.plan_singles)])
    begin = time.perf_counter()
    with ProcessPoolExecutor() as pool:
        many = await asyncio.to_thread(lambda: list(pool.map(_single, range(sizes.plan_teams), chunksize=5)))
    took = time.perf_counter() - begin
    coupled = await asyncio.to_thread(_measured, together(1))
    times = [seconds for seconds, _, _ in singles]
    kept = [ratio for _, _, ratio in many]
    rows = [
        (f"one team, {_ITEMS} items: median, p90, p99", " · ".join(milliseconds(percentile(times, share)) for share in (0.5, 0.9, 0.99))),
        (f"{sizes.plan_teams:,} teams on {os.cpu_count()} cores", f"{took:.1f} s"),
        ("of them proven optimal", f"{sum(not gap for _, gap, _ in many):,}"),
        ("value against a plan by rank: median, least", f"{spread(kept).median:.3f} · {min(kept):.3f}"),
        (
            f"{_COUPLED_TEAMS} teams together, {_TIES} ties: time, gap, against rank",
            f"{coupled[0]:.1f} s · {coupled[1]:.2%} · {coupled[2]:.3f}",
        ),
    ]
    data = {"singles_seconds": times, "teams_seconds": took, "kept": kept, "coupled": coupled}
    return Section("Roadmap plans", ("what", "found"), rows, data)


def team(seed: int) -> Problem:
    """Returns a roadmap three quarters of which fit the horizon: half of the items wait for others, one in fifty has a due date."""
    draw = random.Random(seed)
    hours = [max(4, round(draw.lognormvariate(3.4, 0.75))) for _ in range(_ITEMS)]
    items = []
    for index, effort in enumerate(hours):
        waits = tuple(sorted(draw.sample(range(index), min(index, draw.choice((1, 1, 2)))))) if draw.random() < 0.5 else ()
        due = draw.randint(2, _SPRINTS) if draw.random() < 0.02 else None
        items.append(PlanItem(f"i{index}", Decimal(effort), int(round(draw.lognormvariate(7.5, 0.8), -1)), waits, due))
    sprint = sum(hours) / 1.3 / _SPRINTS
    return Problem(tuple(items), tuple(Decimal(int(sprint * number)) for number in range(1, _SPRINTS + 1)))


def together(seed: int) -> Problem:
    """Returns the roadmaps of many teams as one, with dependencies between them."""
    draw, items, crews = random.Random(seed), list[PlanItem](), []
    for crew in range(_COUPLED_TEAMS):
        own = team(1_000 * seed + crew)
        begin = len(items)
        items += [replace(item, crew=crew, dependencies=tuple(begin + other for other in item.dependencies)) for item in own.items]
        crews.append(Crew(own.capacity))
    for _ in range(_TIES):
        first, then = draw.sample(range(_COUPLED_TEAMS), 2)
        sooner, later = sorted(draw.sample(range(_ITEMS), 2))  # always from a lower place to a higher one: no cycles
        place = then * _ITEMS + later
        items[place] = replace(items[place], dependencies=tuple(sorted({*items[place].dependencies, first * _ITEMS + sooner})))
    return Problem(tuple(items), (), tuple(crews))


def _single(seed: int) -> Measured:
    return _measured(team(seed))


def _measured(problem: Problem) -> Measured:
    deadlines = due_deadlines(problem)
    begin = time.perf_counter()
    best = best_plan(problem, deadlines)
    took = time.perf_counter() - begin
    return took, best.gap, value_of(problem, best) / max(value_of(problem, greedy_plan(problem, deadlines)), 1)
