"""Planning roadmaps: as things are, and as they would be."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

from services.allocation.domain.decision import DisplacedItem
from services.allocation.domain.errors import FieldRefused, RoadmapItemNotFound
from services.allocation.domain.plan_change import moved_items
from services.allocation.domain.roadmap import RoadmapItem, check_items
from services.allocation.domain.roadmap_plan import Alternative, RoadmapPlan, Roadmaps, TeamRoadmap, Terms, alternative, plan_roadmaps
from services.allocation.storage.plan_store import PlanStore
from shared.clock import Clock


@dataclass(frozen=True, slots=True)
class PlanChange:
    """What is to be otherwise: shares of remediation by team, items new or instead of stored ones, and items left out."""

    shares: Mapping[str, int] = field(default_factory=dict)
    items: tuple[RoadmapItem, ...] = ()
    without: tuple[str, ...] = ()
    horizon: int = 0
    quantile: float = 0.0
    churn: int = 0  # billionths
    keep: tuple[str, ...] = ()
    quick: bool = False


@dataclass(frozen=True, slots=True)
class SimulatedPlan:
    """The plan with the change beside the present one, and the best plans that keep single items."""

    plan: RoadmapPlan
    present: RoadmapPlan
    moved: tuple[DisplacedItem, ...]
    alternatives: tuple[tuple[Alternative, tuple[DisplacedItem, ...]], ...]


class Plans:
    """Plans of teams; nothing is stored. With `processes` plans of single teams are made in so many, on as many cores, else in threads."""

    def __init__(self, store: PlanStore, clock: Clock, processes: int = 0) -> None:
        self._store = store
        self._clock = clock
        # Started at the first plan. Spawned, not forked: a copy of a process with threads may wait for ever for one that was not copied.
        self._pool = ProcessPoolExecutor(processes, get_context("spawn")) if processes else None

    async def get(self, team: str, quantile: float, *, quick: bool) -> RoadmapPlan:
        """Raises TeamNotFound or SprintNotBegun."""
        now = self._clock.now()
        teams, policy = await self._store.roadmaps([team], now)
        roadmaps = Roadmaps(teams, Terms(now, policy.horizon_sprints, quantile, quick))
        if self._pool is not None:
            try:
                return await asyncio.get_running_loop().run_in_executor(self._pool, plan_roadmaps, roadmaps)
            except BrokenProcessPool:
                self._pool = None  # somebody ended a worker: slower from here on, but none the worse
        # In a thread: the optimum takes tens of milliseconds, and the solver leaves the interpreter free meanwhile.
        return await asyncio.to_thread(plan_roadmaps, roadmaps)

    async def close(self) -> None:
        if self._pool is not None:
            await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    async def simulate(self, teams: Sequence[str], change: PlanChange) -> SimulatedPlan:
        """Raises what `get` raises, FieldRefused, RoadmapItemNotFound, PlanTooLarge, PlanCurrencyMismatch and what `check_items` raises."""
        now = self._clock.now()
        held, policy = await self._store.roadmaps(teams, now)
        terms = Terms(now, change.horizon or policy.horizon_sprints, change.quantile, change.quick)
        return await asyncio.to_thread(_simulated, held, _changed(held, change), terms, change)


def _planned(teams: Sequence[TeamRoadmap], terms: Terms) -> RoadmapPlan:
    return plan_roadmaps(Roadmaps(teams, terms))


def _simulated(held: Sequence[TeamRoadmap], changed: Sequence[TeamRoadmap], terms: Terms, change: PlanChange) -> SimulatedPlan:
    present = _planned(held, terms)
    # Without a change the plan is the present one, and there is nothing to look for twice.
    plan = present if list(changed) == list(held) and not change.churn else plan_roadmaps(Roadmaps(changed, terms), present, change.churn)
    known = {item.name for item in plan.roadmaps.items}
    for name in change.keep:
        if name not in known:
            raise RoadmapItemNotFound(name)
    kept = [alternative(plan, name, present) for name in change.keep]
    return SimulatedPlan(
        plan,
        present,
        moved_items(present, plan),
        tuple((each, moved_items(plan, replace(plan, plan=each.plan)) if each.plan else ()) for each in kept),
    )


def _changed(held: Sequence[TeamRoadmap], change: PlanChange) -> list[TeamRoadmap]:
    names = {each.team.name for each in held}
    for index, item in enumerate(change.items):
        if item.team not in names:
            raise FieldRefused.at(f"items[{index}].team", f"{item.team} is none of the teams planned; add it to teams")
    for index, team in enumerate(change.shares):
        if team not in names:
            raise FieldRefused.at(f"splits[{index}].team", f"{team} is none of the teams planned; add it to teams")
    stored = {item.name: item for each in held for item in each.items}
    for name in change.without:
        if name not in stored:
            raise RoadmapItemNotFound(name)
    rest = {name: item for name, item in stored.items() if name not in change.without}
    if change.items:
        check_items(change.items, rest.values())
    # Work recorded on a stored item counts for the one that stands in for it.
    after = rest | {
        item.name: replace(item, recorded_hours=stored[item.name].recorded_hours if item.name in stored else item.recorded_hours)
        for item in change.items
    }
    return [
        replace(
            each,
            remediation_share=change.shares.get(each.team.name, each.remediation_share),
            items=tuple(item for _, item in sorted(after.items()) if item.team == each.team.name),
        )
        for each in held
    ]
