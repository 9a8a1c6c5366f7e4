"""`ballast plan`: when each item of a roadmap will be done, what stands in the way, and what another split would move."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from ballast.allocation.v1 import plan_pb2
from ballast.allocation.v1 import plan_service_pb2 as pb

from clients.cli.documents import check_writable
from clients.cli.names import item_name, team_name
from clients.cli.plan_drawing import draw_change, draw_plan
from clients.cli.plan_picture import Moves, write_plan
from clients.cli.session import Session, with_session
from shared.errors import invalid_field


@with_session()
async def plan(
    session: Session,
    teams: Annotated[list[str], typer.Argument(metavar="TEAM…", help="teams/{id}, or the id; several are planned together.")],
    quantile: Annotated[float, typer.Option(min=0, max=0.99, help="Count on this quantile of effort estimates; 0: on the effort.")] = 0.0,
    share: Annotated[
        list[str] | None, typer.Option(metavar="[TEAM=]SHARE", help="What if remediation had this share, as 0.5; repeat for teams.")
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option(metavar="ITEM", help="What it costs not to delay this item; repeat for several.")
    ] = None,
    sprints: Annotated[int, typer.Option(metavar="N", min=0, max=26, help="Sprints to look ahead; 0: as the policy says.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="Look for a fixed short effort, and say how far the best may be.")] = False,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw it into this file as well.", dir_okay=False)] = None,
) -> None:
    """Shows the best plan under the present split, sprint by sprint; with other shares, or items to keep, what that changes."""
    if svg is not None:
        check_writable("--svg", svg)
    names = [team_name("TEAM", each) for each in teams]
    effort = pb.PLAN_EFFORT_QUICK if quick else pb.PLAN_EFFORT_PROVEN
    if len(names) == 1 and not (share or keep or sprints):
        response = await session.connection.plans.GetPlan(pb.GetPlanRequest(team=names[0], effort_quantile=quantile, effort=effort))
        await _drawn(session, response.plan, svg, None)
        session.output.answer(response, lambda: draw_plan(response.plan))
        return
    request = pb.SimulatePlanRequest(
        teams=names,
        splits=[_split(each, names) for each in share or ()],
        keep_items=[item_name("--keep", each) for each in keep or ()],
        horizon_sprints=sprints,
        effort_quantile=quantile,
        effort=effort,
    )
    changed = await session.connection.plans.SimulatePlan(request)
    await _drawn(session, changed.plan, svg, _moves(changed) if share else None)
    session.output.answer(changed, lambda: draw_change(changed))


async def _drawn(session: Session, made: plan_pb2.RoadmapPlan, svg: Path | None, moves: Moves | None) -> None:
    if svg is not None:
        await asyncio.to_thread(write_plan, made, svg, moves)
        session.output.note(f"drawn into {svg}")


def _moves(changed: pb.SimulatePlanResponse) -> Moves:
    moved = {each.roadmap_item: each for each in (*changed.displaced, *changed.advanced)}
    return Moves(moved, {each.roadmap_item: each.finish_sprint for each in changed.present.items})


def _split(text: str, teams: list[str]) -> plan_pb2.PlannedTeam:
    team, equals, share = text.rpartition("=")
    if not equals and len(teams) > 1:
        raise invalid_field("--share", f"{text!r} names no team, and there are several; write {teams[0]}={share}", reason="SHARE_INVALID")
    try:
        return plan_pb2.PlannedTeam(team=team_name("--share", team) if equals else teams[0], remediation_share=float(share))
    except ValueError:
        raise invalid_field("--share", f"{text!r} is no share; write it as 0.5, or {teams[0]}=0.5", reason="SHARE_INVALID") from None
