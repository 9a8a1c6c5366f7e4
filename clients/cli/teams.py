"""`ballast teams`: who is in them, when they are away, what capacity that leaves, and whether work follows its plan."""

from pathlib import Path
from typing import Annotated

import typer
from ballast.allocation.v1 import adherence_service_pb2, calendar_pb2, capacity_service_pb2
from ballast.allocation.v1 import allocation_messages_pb2 as pb

from clients.cli import teams_drawing as drawing
from clients.cli.connection import every_page
from clients.cli.documents import check_writable, read_document
from clients.cli.names import team_name
from clients.cli.output import cell
from clients.cli.session import Limit, Session, with_session
from clients.cli.teams_file import LARGEST_BYTES, REASON, teams_file_of
from clients.cli.times import finite, read_day
from shared.errors import invalid_field

app = typer.Typer(help="List, show and store teams and leave; capacity, and whether work follows its plan.")
leave = typer.Typer(help="Tell, list and take back leave.")
app.add_typer(leave, name="leave", no_args_is_help=True)

_Team = Annotated[str, typer.Argument(metavar="TEAM", help="teams/{id}, or the id.")]


@app.command("list")
@with_session()
async def list_(session: Session, limit: Limit = 50) -> None:
    """Lists teams by name, with members and the length of their sprints."""
    response = await every_page(session.connection.allocation.ListTeams, pb.ListTeamsRequest(), "teams", limit)
    session.output.answer(response, lambda: drawing.draw_teams(response))


@app.command("show")
@with_session()
async def show(session: Session, team: _Team) -> None:
    """Shows a team: its members, and how each works."""
    response = await session.connection.allocation.GetTeam(pb.GetTeamRequest(name=team_name("TEAM", team)))
    session.output.answer(response, lambda: drawing.draw_team(response.team))


@app.command("apply")
@with_session()
async def apply(session: Session, file: Annotated[str, typer.Argument(metavar="FILE", help="YAML, or - for stdin.")]) -> None:
    """Stores the calendars, teams and leave of a file, in that order; what is the same stays as it is.

    Each part is stored whole or not at all. Lists under calendars:, teams: and leaves: have the fields of the contract.
    """
    told = teams_file_of(read_document(file, session, LARGEST_BYTES, REASON))
    capacity = session.connection.capacity
    calendars = (await capacity.UpsertCalendars(told.calendars)).calendars if told.calendars else []
    teams = (await session.connection.allocation.UpsertTeams(told.teams)).teams if told.teams else []
    leaves = [each for request in told.leaves for each in (await capacity.UpsertLeaves(request)).leaves]
    answer = {"calendars": list(calendars), "teams": list(teams), "leaves": leaves}
    session.output.answer(answer, lambda: drawing.draw_stored(calendars, teams, leaves))


@app.command("capacity")
@with_session()
async def capacity(
    session: Session,
    team: _Team,
    sprints: Annotated[int, typer.Option(metavar="N", min=1, max=26, help="So many sprints.")] = 1,
    first: Annotated[int, typer.Option("--from", metavar="SPRINT", min=0, help="From this sprint on; the present one when 0.")] = 0,
) -> None:
    """Shows the capacity of sprints by member, as columns that add up."""
    request = capacity_service_pb2.GetCapacityRequest(team=team_name("TEAM", team), first_sprint=first, sprint_count=sprints)
    response = await session.connection.capacity.GetCapacity(request)
    session.output.answer(response, lambda: drawing.draw_capacity(response))


@app.command("adherence")
@with_session()
async def adherence(
    session: Session,
    team: _Team,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it into this file.", dir_okay=False)] = None,
    limit: Limit = 13,
) -> None:
    """Shows planned against recorded work sprint by sprint, with control limits, and the drifts that go on."""
    if svg is not None:
        check_writable("--svg", svg)
    name = team_name("TEAM", team)
    request = adherence_service_pb2.ListAdherenceRequest(team=name)
    response = await every_page(session.connection.adherence.ListAdherence, request, "sprints", limit)
    drifts = await session.connection.adherence.ListDrifts(adherence_service_pb2.ListDriftsRequest(team=name))
    answer = {"sprints": list(response.sprints), "drifts": list(drifts.drifts)}
    if svg is None:
        session.output.answer(answer, lambda: drawing.draw_adherence(response, drifts))
        return
    if not response.sprints:
        raise invalid_field("--svg", f"there is nothing to draw: sprint 1 of {name} has not begun", reason="NOTHING_TO_DRAW")
    from clients.cli.adherence_picture import write_picture  # drawing takes half a second to load

    write_picture(name, list(response.sprints)[::-1], svg)
    session.output.answer(answer, lambda: [*drawing.draw_adherence(response, drifts), cell(f"drawn into {svg}")])


@leave.command("list")
@with_session()
async def list_leave(
    session: Session,
    team: _Team,
    member: Annotated[str, typer.Option(metavar="MEMBER", help="Only of this member.")] = "",
    limit: Limit = 50,
) -> None:
    """Lists leave told in a team."""
    request = capacity_service_pb2.ListLeavesRequest(team=team_name("TEAM", team), member=member)
    response = await every_page(session.connection.capacity.ListLeaves, request, "leaves", limit)
    session.output.answer(response, lambda: drawing.draw_leaves(response.leaves, response.next_page_token))


@leave.command("add")
@with_session()
async def add_leave(
    session: Session,
    team: _Team,
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="The member's id.")],
    first: Annotated[str, typer.Argument(metavar="FIRST_DAY", help="As 2026-05-01.")],
    last: Annotated[str, typer.Argument(metavar="LAST_DAY", help="Itself in it; the first day when left out.")] = "",
    name: Annotated[str, typer.Option("--id", metavar="ID", help="Its id; from member and first day when left out.")] = "",
    hours: Annotated[float, typer.Option(metavar="HOURS", help="Hours away on each day; 0 for whole days.")] = 0.0,
    note: Annotated[str, typer.Option(metavar="TEXT", help="A line about it, which everybody who sees the team may read.")] = "",
) -> None:
    """Tells of leave; told again under the same id, it is changed."""
    begins = read_day("FIRST_DAY", first)
    of_team = team_name("TEAM", team)
    told = calendar_pb2.Leave(
        name=f"{of_team}/leaves/{name or drawing.leave_id(member, begins)}",
        member=member,
        first_day=begins,
        last_day=read_day("LAST_DAY", last) if last else begins,
        hours_per_day=finite("--hours", hours),
        note=note,
    )
    response = await session.connection.capacity.UpsertLeaves(capacity_service_pb2.UpsertLeavesRequest(team=of_team, leaves=[told]))
    session.output.answer(response, lambda: drawing.draw_leaves(response.leaves))


@leave.command("remove")
@with_session()
async def remove_leave(
    session: Session, team: _Team, name: Annotated[str, typer.Argument(metavar="ID", help="The leave's id, or its whole name.")]
) -> None:
    """Takes leave back."""
    request = capacity_service_pb2.DeleteLeaveRequest(team=team_name("TEAM", team), leave_id=name.rpartition("/")[2])
    response = await session.connection.capacity.DeleteLeave(request)
    session.output.answer(response, lambda: drawing.draw_removed(response, name))
