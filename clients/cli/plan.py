"""`ballast plan`: when each item of a team's roadmap will be done, and what stands in the way."""

from collections.abc import Iterable
from typing import Annotated

import typer
from ballast.allocation.v1 import plan_pb2
from ballast.allocation.v1 import plan_service_pb2 as pb
from rich.console import RenderableType
from rich.text import Text

from clients.cli.formats import hours_text, money_text, percent_text, time_text
from clients.cli.names import team_name
from clients.cli.output import facts, table
from clients.cli.session import Session, with_session


@with_session()
async def plan(
    session: Session,
    team: Annotated[str, typer.Argument(metavar="TEAM", help="teams/{id}, or the id.")],
    quantile: Annotated[float, typer.Option(min=0, max=0.99, help="Count on this quantile of effort estimates; 0: on the effort.")] = 0.0,
) -> None:
    """Shows the best plan of a team's roadmap under its present split, sprint by sprint."""
    response = await session.connection.plans.GetPlan(pb.GetPlanRequest(team=team_name("TEAM", team), effort_quantile=quantile))
    session.output.answer(response, lambda: draw_plan(response.plan))


def draw_plan(made: plan_pb2.RoadmapPlan) -> Iterable[RenderableType]:
    ordered = sorted(made.items, key=lambda each: (each.finish_sprint or made.horizon_sprints + 1, each.roadmap_item))
    late = set(made.late_items)
    rows = [
        (each.roadmap_item, _bar(each, made.horizon_sprints), time_text(each, "finish_at"), hours_text(each.remaining_hours),
         "late" if each.roadmap_item in late else "protected" if each.protected else "")
        for each in ordered
    ]  # fmt: skip
    yield table("Plan", ["item", "sprints", "done", "hours", ""], rows)
    for conflict in made.conflicts:
        yield Text(conflict.explanation, "red")
    yield facts(
        [
            ("saves", f"{money_text(made, 'value')}; by rank {money_text(made, 'ranked_value')}"),
            ("gap", "proven optimal" if not made.optimality_gap else percent_text(made.optimality_gap, 2)),
        ]
    )


def _bar(item: plan_pb2.PlannedItem, horizon: int) -> str:
    """Returns the sprints of the horizon: those until it is done, and the rest; nothing is done beyond."""
    until = item.finish_sprint
    return "█" * until + "░" * (horizon - until) if until else "·" * horizon
