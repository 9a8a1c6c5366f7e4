"""What moves between two plans: items with their delay and value at risk."""

from datetime import datetime
from decimal import Decimal

from services.allocation.domain.decision import DisplacedItem
from services.allocation.domain.roadmap import RoadmapItem
from services.allocation.domain.roadmap_plan import RoadmapPlan


def moved_items(before: RoadmapPlan, after: RoadmapPlan) -> tuple[DisplacedItem, ...]:
    """Returns the items of both plans that finish at another time, largest value first; beyond the horizon counts as a sprint after it."""
    earlier = dict(zip((item.name for item in before.roadmaps.items), before.plan.finish, strict=True))
    moved = []
    for item, sprint in zip(after.roadmaps.items, after.plan.finish, strict=True):
        if item.name in earlier and earlier[item.name] != sprint:
            moved.append(_moved(item, after, earlier[item.name], sprint))
    return tuple(sorted(moved, key=lambda each: (-abs(each.value_at_risk.amount), each.roadmap_item)))


def _moved(item: RoadmapItem, plan: RoadmapPlan, before: int | None, after: int | None) -> DisplacedItem:
    ends = [_end(item, plan, before), _end(item, plan, after)]
    cost = item.delay_cost(min(ends), max(ends))
    return DisplacedItem(
        roadmap_item=item.name,
        title=item.title,
        delay=ends[1] - ends[0],
        value_at_risk=cost.times(Decimal(1 if ends[1] > ends[0] else -1)),
        planned_before_at=plan.roadmaps.finish_at(item, before),
        planned_after_at=plan.roadmaps.finish_at(item, after),
        protected=item.protected,
    )


def _end(item: RoadmapItem, plan: RoadmapPlan, sprint: int | None) -> datetime:
    roadmaps = plan.roadmaps
    return roadmaps.sprint(item.team, sprint or roadmaps.terms.horizon + 1).end_at
