"""Plans drawn: items over sprints, hours used, conflicts, what a change moves and what it costs to keep an item."""

from collections.abc import Iterable, Sequence

from ballast.allocation.v1 import plan_pb2, roadmap_item_pb2
from ballast.allocation.v1 import plan_service_pb2 as pb
from rich.console import RenderableType
from rich.text import Text

from clients.cli.formats import count_text, hours_text, money_text, percent_text, time_text
from clients.cli.output import Column, cell, facts, plain, table


def draw_plan(made: plan_pb2.RoadmapPlan) -> Iterable[RenderableType]:
    ordered = sorted(made.items, key=lambda each: (each.finish_sprint or made.horizon_sprints + 1, each.roadmap_item))
    late = set(made.late_items)
    rows = [
        (each.roadmap_item, _bar(each, made.horizon_sprints), time_text(each, "finish_at"), hours_text(each.remaining_hours),
         " ".join(["late"] * (each.roadmap_item in late) + ["protected"] * each.protected))
        for each in ordered
    ]  # fmt: skip
    yield table("Plan", [Column("item", whole=True), "sprints", "done", Column("hours", right=True), ""], rows)
    for team in made.teams:
        yield facts([(team.team, _hours(team))])
    for conflict in made.conflicts:
        yield Text(plain(conflict.explanation), "red")
    yield facts(
        [
            ("late", ", ".join(made.late_items)),
            ("cannot be done", ", ".join(made.blocked_items)),
            ("not planned here", ", ".join(made.unplanned_dependencies)),
            ("saves", f"{money_text(made, 'value')}; by rank {money_text(made, 'ranked_value')}"),
            ("gap", "proven optimal" if not made.optimality_gap else percent_text(made.optimality_gap, 2)),
        ]
    )


def draw_change(changed: pb.SimulatePlanResponse) -> Iterable[RenderableType]:
    yield from draw_plan(changed.plan)
    moved = [*changed.displaced, *changed.advanced]
    if moved:
        yield table("Moved", [Column("item", whole=True), Column("by", right=True), Column("at risk", right=True), "before", "after"],
                    [_move(each) for each in moved])  # fmt: skip
    yield facts([("displaced", f"{count_text(len(changed.displaced), 'item')}, {money_text(changed, 'value_at_risk')} at risk")])
    for each in changed.alternatives:
        yield _alternative(each)


def _alternative(made: plan_pb2.PlanAlternative) -> Text:
    if made.HasField("conflict"):
        return Text(plain(f"{made.roadmap_item} cannot be kept: {made.conflict.explanation}"), "red")
    delays = f", and delays {_names(made.displaced)}" if made.displaced else ""
    return cell(f"keeping {made.roadmap_item} costs {money_text(made, 'cost')}{delays}")


def _names(items: Sequence[roadmap_item_pb2.DisplacedItem]) -> str:
    return ", ".join(each.roadmap_item for each in items)


def _move(item: roadmap_item_pb2.DisplacedItem) -> tuple[str, ...]:
    days = item.delay.ToTimedelta().total_seconds() / 86_400
    before, after = (time_text(item, field) or "beyond the horizon" for field in ("planned_before_at", "planned_after_at"))
    return item.roadmap_item, f"{days:+,.0f} d", money_text(item, "value_at_risk"), before, after


def _hours(team: plan_pb2.PlannedTeam) -> str:
    return "  ".join(f"{used:,.0f}/{hours:,.0f}" for used, hours in zip(team.used_hours, team.roadmap_hours, strict=True)) + " h used"


def _bar(item: plan_pb2.PlannedItem, horizon: int) -> str:
    """Returns the sprints of the horizon: those until it is done, and the rest; nothing is done beyond."""
    until = item.finish_sprint
    return "█" * until + "░" * (horizon - until) if until else "·" * horizon
