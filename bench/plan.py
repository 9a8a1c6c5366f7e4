"""Plans: one team's to the proof and quick, many teams' on all cores, twenty teams together, beside plans by rank; and as served."""

import asyncio
import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from decimal import Decimal

from bench.figures import milliseconds, percentile, spread
from bench.ground import Ground
from bench.plan_served import served_plans
from bench.report import Section
from services.allocation.domain.plan import PlanItem, Problem, due_deadlines, value_of
from services.allocation.domain.program import best_plan
from services.allocation.domain.schedule import greedy_plan
from services.allocation.domain.staffing import Crew

_ITEMS, _SPRINTS, _COUPLED_TEAMS, _TIES = 40, 6, 20, 60
_SOON_SECONDS = 0.05
Measured = tuple[
    float, float, float
]  # seconds of CPU (of one core, and what an idle machine would take), proven gap, value against that of the plan by rank


async def plan(ground: Ground) -> Section:
    """Measures the solver itself, one roadmap after the other and many on all cores, and then the plans that the service answers."""
    sizes = ground.sizes
    ground.progress("plan: one team's roadmaps")
    seeds = range(sizes.plan_singles)
    singles, quick = [await asyncio.to_thread(list[Measured], map(way, seeds)) for way in (_single, _quick)]
    ground.progress("plan: many teams")
    many = [await asyncio.to_thread(_on_all_cores, way, sizes.plan_teams) for way in (_single, _quick)]
    ground.progress("plan: teams together")
    coupled = await asyncio.to_thread(_measured, together(1))
    served = await served_plans(ground, [team(seed) for seed in range(sizes.plan_teams)])
    kept = [ratio for _, _, ratio in many[0][1]]
    rows = [
        *_rows(f"one team, {_ITEMS} items", singles),
        *_rows(f"one team, {_ITEMS} items, quick", quick),
        (f"{sizes.plan_teams:,} teams on {os.cpu_count()} cores: to the proof, quick", " · ".join(f"{took:.1f} s" for took, _ in many)),
        ("of them proven optimal", " · ".join(f"{_proven(found):.1%}" for _, found in many)),
        ("value against a plan by rank: median, least", f"{spread(kept).median:.3f} · {min(kept):.3f}"),
        ("value of quick plans against the others: mean, least", _against(many[1][1], many[0][1])),
        (
            f"{_COUPLED_TEAMS} teams together, {_TIES} ties: CPU, gap, against rank",
            f"{coupled[0]:.1f} s · {coupled[1]:.2%} · {coupled[2]:.3f}",
        ),
        *((f"{sizes.plan_teams:,} teams served: {told}", f"{took:.1f} s") for told, took in served.items()),
    ]
    data = {"singles": singles, "quick": quick, "many": many, "coupled": coupled, "served_seconds": served}
    return Section("Roadmap plans", ("what", "found"), rows, data)


def _rows(told: str, found: list[Measured]) -> list[tuple[str, str]]:
    times = [seconds for seconds, _, _ in found]
    soon = sum(seconds <= _SOON_SECONDS and not gap for seconds, gap, _ in found) / len(found)
    return [
        (f"{told}: CPU median, p90, p99", " · ".join(milliseconds(percentile(times, share)) for share in (0.5, 0.9, 0.99))),
        (f"{told}: proven optimal, and that within 50 ms", f"{_proven(found):.1%} · {soon:.1%}"),
        (f"{told}: gap of the others at p90, at most", " · ".join(f"{gap:.2%}" for gap in _gaps(found))),
    ]


def _proven(found: list[Measured]) -> float:
    return sum(not gap for _, gap, _ in found) / len(found)


def _gaps(found: list[Measured]) -> tuple[float, float]:
    gaps = [gap for _, gap, _ in found if gap] or [0.0]
    return percentile(gaps, 0.9), max(gaps)


def _against(quick: list[Measured], proven: list[Measured]) -> str:
    ratios = [one[2] / other[2] for one, other in zip(quick, proven, strict=True)]
    return f"{sum(ratios) / len(ratios):.4f} · {min(ratios):.4f}"


def _on_all_cores(way: Callable[[int], Measured], count: int) -> tuple[float, list[Measured]]:
    with ProcessPoolExecutor() as pool:
        list(pool.map(way, range(os.cpu_count() or 1)))  # does not count: processes start
        begin = time.perf_counter()
        found = list(pool.map(way, range(count), chunksize=5))
        return time.perf_counter() - begin, found


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


def _quick(seed: int) -> Measured:
    return _measured(team(seed), quick=True)


def _measured(problem: Problem, *, quick: bool = False) -> Measured:
    deadlines = due_deadlines(problem)
    begin = time.process_time()
    best = best_plan(problem, deadlines, quick=quick)
    took = time.process_time() - begin
    return took, best.gap, value_of(problem, best) / max(value_of(problem, greedy_plan(problem, deadlines)), 1)
