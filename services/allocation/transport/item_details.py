"""What plans know of roadmap items beyond the plain, from the wire and back."""

from datetime import UTC
from decimal import Decimal

from ballast.allocation.v1 import roadmap_item_pb2 as pb

from services.allocation.domain.delay_cost import CostChange
from services.allocation.domain.effort import Effort, LognormalEffort, ThreePointEffort
from services.allocation.domain.errors import FieldRefused
from services.allocation.domain.quantity import hours
from services.allocation.domain.roadmap import ItemDetails, RoadmapItem
from shared.money import Money
from shared.rpc.wellknown import money_from_pb, money_to_pb


def details_from_pb(item: pb.RoadmapItem) -> ItemDetails:
    """Raises FieldRefused when a change of cost is in another currency."""
    return ItemDetails(
        effort=_effort_from_pb(item.effort_estimate) if item.HasField("effort_estimate") else None,
        cost_changes=tuple(_change_from_pb(item, index) for index in range(len(item.cost_of_delay_changes))),
        skills=tuple((each.skill, hours(each.hours)) for each in item.skills),
        cross_team_dependencies=tuple(item.cross_team_dependencies),
    )


def details_to_pb(item: RoadmapItem, message: pb.RoadmapItem) -> None:
    details = item.details
    if isinstance(details.effort, ThreePointEffort):
        points = message.effort_estimate.three_point
        points.low_hours, points.likely_hours = float(details.effort.low), float(details.effort.likely)
        points.high_hours = float(details.effort.high)
    elif details.effort:
        message.effort_estimate.lognormal.median_hours = float(details.effort.median)
        message.effort_estimate.lognormal.sigma = float(details.effort.sigma)
    for change in details.cost_changes:
        sent = message.cost_of_delay_changes.add(cost_per_week=money_to_pb(Money(change.per_week, item.cost_of_delay_per_week.currency)))
        sent.from_at.FromDatetime(change.from_at)
        if change.half_life is not None:
            sent.half_life.FromTimedelta(change.half_life)
    for skill, needed in details.skills:
        message.skills.add(skill=skill, hours=float(needed))
    message.cross_team_dependencies.extend(details.cross_team_dependencies)


def _effort_from_pb(estimate: pb.EffortEstimate) -> Effort:
    if estimate.HasField("lognormal"):
        return LognormalEffort(hours(estimate.lognormal.median_hours), Decimal(str(estimate.lognormal.sigma)))
    points = estimate.three_point
    return ThreePointEffort(hours(points.low_hours), hours(points.likely_hours), hours(points.high_hours))


def _change_from_pb(item: pb.RoadmapItem, index: int) -> CostChange:
    change, wanted = item.cost_of_delay_changes[index], item.cost_of_delay_per_week.currency_code
    if change.cost_per_week.currency_code != wanted:
        raise FieldRefused.at(
            f"cost_of_delay_changes[{index}].cost_per_week.currency_code", f"is not {wanted}, the currency of {item.name}; use one currency"
        )
    half_life = change.half_life.ToTimedelta() if change.HasField("half_life") else None
    return CostChange(change.from_at.ToDatetime(tzinfo=UTC), money_from_pb(change.cost_per_week).amount, half_life)
