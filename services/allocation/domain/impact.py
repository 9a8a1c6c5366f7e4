"""Impact: what a change of split does to the roadmap, as the best plan before against the best plan after."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import reduce
from itertools import accumulate

from services.allocation.domain.decision import DisplacedItem, RoadmapImpact
from services.allocation.domain.plan import (
    Deadline,
    Plan,
    PlanItem,
    Problem,
    can_keep,
    due_deadlines,
    late_items,
    latest_sprints,
    protecting_deadlines,
)
from services.allocation.domain.program import SOLVER, best_plan
from services.allocation.domain.quantity import share_of
from services.allocation.domain.roadmap import LEFT_OUT, RoadmapItem
from services.allocation.domain.situation import Situation
from services.allocation.domain.sprint import Cadence
from shared.money import Money


def impact_of(situation: Situation, share_before: int, share_after: int, now: datetime, *, frozen: bool = False) -> RoadmapImpact:
    """Returns what moving the remediation share does over the policy's horizon, the present sprint first.

    When `frozen`, the hours of the present sprint that protected items, and what they wait for, do not need are lost to the roadmap.

    Nothing moves when the shares are equal; a plan is then computed only if some due date may not be kept.
    """
    blocked = blocked_items(situation.items)
    items = sorted((item for item in situation.items if not item.is_done and item.name not in blocked), key=lambda item: item.name)
    never = _late_for_good(situation, blocked, now)
    after = _problem(situation, items, share_after, now)
    if frozen:
        after = _frozen(after)
    if share_before == share_after:
        return _impact(situation, (), (), (*never, *_late_when_held(after)), 0.0)
    before = _problem(situation, items, share_before, now)
    plan_before = best_plan(before, due_deadlines(before))
    # Giving hours back must not delay anything: with more of them the plan before still fits, and a plan that moves an item back for
    # the sake of a dearer one would book the gift as a loss.
    gives_back = share_after < share_before
    deadlines = (*protecting_deadlines(after, plan_before, every=gives_back), *due_deadlines(after))
    plan_after = best_plan(after, deadlines, near=plan_before)
    moved = _moved(situation, items, (plan_before, plan_after), now)
    displaced = tuple(sorted((item for item in moved if item.delay.days > 0), key=_by_value))
    advanced = tuple(sorted((item for item in moved if item.delay.days < 0), key=_by_value))
    late = (*never, *late_items(after, plan_after))
    return _impact(situation, displaced, advanced, late, max(plan_before.gap, plan_after.gap))


def blocked_items(items: Sequence[RoadmapItem]) -> frozenset[str]:
    """Returns the names of the items that cannot be done: those given up or not decided on, and all that wait for one of them."""
    waiting: dict[str, list[RoadmapItem]] = {}
    for item in items:
        for dependency in item.awaited:
            waiting.setdefault(dependency, []).append(item)
    stack = [item.name for item in items if item.stage in LEFT_OUT]
    blocked = set(stack)
    while stack:
        for item in waiting.get(stack.pop(), ()):
            if item.name not in blocked and not item.is_done:
                blocked.add(item.name)
                stack.append(item.name)
    return frozenset(blocked)


def _problem(situation: Situation, items: Sequence[RoadmapItem], remediation_share: int, now: datetime) -> Problem:
    """Returns the planning problem under that share; what was recorded on the roadmap in the present sprint is no longer there to spend."""
    present, cadence = situation.team.cadence.number_at(now), situation.team.cadence
    capacities = (situation.team.capacity_in(cadence.sprint(present + ahead)) for ahead in range(situation.policy.horizon_sprints))
    roadmap = [capacity - share_of(capacity, remediation_share) for capacity in capacities]
    roadmap[0] = max(roadmap[0] - situation.roadmap_recorded_hours, Decimal(0))
    positions = {item.name: index for index, item in enumerate(items)}
    planned = tuple(_plan_item(situation, item, positions, now) for item in items)
    return Problem(planned, tuple(accumulate(roadmap)))


def _frozen(problem: Problem) -> Problem:
    protected = [Deadline(index, problem.horizon) for index, item in enumerate(problem.items) if item.protected]
    needed = sum((problem.items[item].remaining_hours for item in latest_sprints(problem, protected)), Decimal(0))
    lost = max(problem.capacity[0] - needed, Decimal(0))
    return Problem(problem.items, tuple(each - lost for each in problem.capacity))


def _plan_item(situation: Situation, item: RoadmapItem, positions: Mapping[str, int], now: datetime) -> PlanItem:
    return PlanItem(
        name=item.name,
        remaining_hours=item.remaining_hours,
        value=int(item.cost_of_delay_per_week.amount * 10**9),
        dependencies=tuple(positions[name] for name in item.dependencies if name in positions),
        due=_due_sprint(situation, item.due_at, now),
        protected=item.protected,
        gains=_gains(situation, item, now) if item.details.cost_changes else (),
    )


def _gains(situation: Situation, item: RoadmapItem, now: datetime) -> tuple[int, ...]:
    """Returns, for each sprint, what a week of the sprint after it costs in the mean, as the value of an item without changes is given."""
    cadence, present = situation.team.cadence, situation.team.cadence.number_at(now)
    following = (cadence.sprint(present + sprint) for sprint in range(1, situation.policy.horizon_sprints + 1))
    return tuple(int(item.delay_cost(sprint.begin_at, sprint.end_at).amount / cadence.weeks * 10**9) for sprint in following)


def _due_sprint(situation: Situation, due_at: datetime | None, now: datetime) -> int | None:
    """Returns the last sprint of the horizon that has ended by then: a plan that counts in sprints can promise no less."""
    if due_at is None:
        return None
    cadence = situation.team.cadence
    whole = cadence.number_at(due_at) - cadence.number_at(now)
    return max(whole, 0) if whole <= situation.policy.horizon_sprints else None


def _late_for_good(situation: Situation, blocked: frozenset[str], now: datetime) -> tuple[str, ...]:
    """Returns the items due within the horizon that wait for one left out."""
    return tuple(
        item.name
        for item in situation.items
        if item.name in blocked and item.stage not in LEFT_OUT and _due_sprint(situation, item.due_at, now) is not None
    )


def _late_when_held(problem: Problem) -> tuple[str, ...]:
    deadlines = due_deadlines(problem)
    if can_keep(problem, deadlines):
        return tuple(item.name for item in problem.items if item.due == 0)
    return late_items(problem, best_plan(problem, deadlines))


def _moved(situation: Situation, items: Sequence[RoadmapItem], plans: tuple[Plan, Plan], now: datetime) -> list[DisplacedItem]:
    cadence, present = situation.team.cadence, situation.team.cadence.number_at(now)
    beyond = situation.policy.horizon_sprints + 1
    moved = []
    for item, before, after in zip(items, plans[0].finish, plans[1].finish, strict=True):
        sprints = (after or beyond) - (before or beyond)
        if sprints:
            moved.append(
                DisplacedItem(
                    roadmap_item=item.name,
                    title=item.title,
                    delay=sprints * cadence.length,
                    value_at_risk=_at_risk(item, cadence, present, (before or beyond, after or beyond)),
                    planned_before_at=cadence.sprint(present + before - 1).end_at if before else None,
                    planned_after_at=cadence.sprint(present + after - 1).end_at if after else None,
                    protected=item.protected,
                )
            )
    return moved


def _at_risk(item: RoadmapItem, cadence: Cadence, present: int, moved: tuple[int, int]) -> Money:
    before, after = moved
    if not item.details.cost_changes:
        return item.cost_of_delay_per_week.times((after - before) * cadence.weeks)
    first, last = (cadence.sprint(present + sprint - 1).end_at for sprint in sorted(moved))
    return item.delay_cost(first, last).times(1 if after > before else -1)


def _by_value(item: DisplacedItem) -> tuple[Decimal, str]:
    return -abs(item.value_at_risk.amount), item.roadmap_item


def _impact(
    situation: Situation, displaced: tuple[DisplacedItem, ...], advanced: tuple[DisplacedItem, ...], late: tuple[str, ...], gap: float
) -> RoadmapImpact:
    currencies = {item.cost_of_delay_per_week.currency for item in situation.items}
    nothing = [Money(Decimal(0), currency) for currency in currencies]
    value = reduce(Money.__add__, (item.value_at_risk for item in displaced), nothing[0]) if nothing else None
    return RoadmapImpact(
        displaced=displaced,
        advanced=advanced,
        value_at_risk=value,
        late_items=tuple(sorted(late)),
        horizon_sprints=situation.policy.horizon_sprints,
        optimality_gap=gap,
        solver=SOLVER,
    )
