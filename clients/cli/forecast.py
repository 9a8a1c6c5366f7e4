"""`ballast forecast`: the hours that remediation will ask for, and how much to set aside."""

from pathlib import Path
from typing import Annotated

import typer
from ballast.allocation.v1 import demand_pb2
from ballast.allocation.v1 import demand_service_pb2 as pb

from clients.cli.documents import check_writable, read_document
from clients.cli.failures import ExitCode
from clients.cli.forecast_drawing import draw_forecasts
from clients.cli.forecast_file import LARGEST_BYTES, REASON, histories_of
from clients.cli.names import team_name
from clients.cli.output import cell
from clients.cli.session import Session, with_session
from shared.errors import invalid_field

_MOST_DRAWN = 20


@with_session()
async def forecast(
    session: Session,
    teams: Annotated[list[str] | None, typer.Argument(metavar="TEAM…", help="teams/{id}, or ids; those of the file when none.")] = None,
    history: Annotated[
        str, typer.Option(metavar="FILE", help="JSON with counts and efforts by team, instead of what is recorded; - for stdin.")
    ] = "",
    quantile: Annotated[list[float] | None, typer.Option(metavar="P", help="A quantile wanted; repeat for several.")] = None,
    sprints: Annotated[int, typer.Option(metavar="N", help="Sprints to forecast, up to 26.")] = 1,
    service_level: Annotated[float, typer.Option(metavar="P", help="The chance with which the reserve is to suffice.")] = 0.75,
    costs: Annotated[str, typer.Option(metavar="CU:CO", help="Costs of an hour not covered and of an idle one, instead of a level.")] = "",
    backlog: Annotated[float, typer.Option(metavar="HOURS", help="Remediation left over from before, of each team.")] = 0.0,
    clear_in: Annotated[int, typer.Option("--clear-in", metavar="N", help="Sprints in which to clear it.")] = 1,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the next sprint into this file.", dir_okay=False)] = None,
) -> int:
    """Forecasts the hours of remediation of teams, sprint by sprint, and says how much to set aside."""
    if svg is not None:
        check_writable("--svg", svg)
    questions = _questions(session, teams or [], history, backlog)
    request = pb.ForecastDemandRequest(
        questions=questions,
        quantiles=quantile or [],
        sprint_count=sprints,
        clearing_sprints=clear_in,
        with_curves=svg is not None,
        with_long_run=len(questions) <= _MOST_DRAWN,
    )
    if costs:
        request.costs.CopyFrom(_costs(costs))
    else:
        request.service_level = service_level
    response = await session.connection.demand.ForecastDemand(request)
    if svg is None:
        session.output.answer(response, lambda: draw_forecasts(response))
        return _code(response)
    drawn = [each for each in response.forecasts if each.sprints[0].HasField("curve")]
    if not drawn:
        raise invalid_field("--svg", "there is nothing to draw: no team's hours could be told", reason="NOTHING_TO_DRAW")
    from clients.cli.forecast_picture import write_picture  # drawing takes half a second to load

    write_picture(drawn, svg)
    session.output.answer(response, lambda: [*draw_forecasts(response), cell(f"drawn into {svg}")])
    return _code(response)


def _code(response: pb.ForecastDemandResponse) -> int:
    """Returns how the command ends: a team that got no forecast is no success, whatever the others got."""
    if not response.errors:
        return ExitCode.OK
    return ExitCode.NOT_FOUND if any(each.reason.endswith("_NOT_FOUND") for each in response.errors) else ExitCode.REFUSED


def _questions(session: Session, teams: list[str], file: str, backlog: float) -> list[demand_pb2.DemandQuestion]:
    names = [team_name("TEAM", each) for each in teams]
    if not file:
        if not names:
            raise invalid_field("TEAM", "is missing; name a team, or give a file with --history", reason="TEAM_MISSING")
        return [demand_pb2.DemandQuestion(team=each, backlog_hours=backlog) for each in names]
    histories = histories_of(read_document(file, session, LARGEST_BYTES, REASON))
    for each in names:
        if each not in histories:
            raise invalid_field("TEAM", f"{each} is not in {file}; name one of {', '.join(sorted(histories)[:10])}", reason="TEAM_MISSING")
    return [demand_pb2.DemandQuestion(team=each, history=histories[each], backlog_hours=backlog) for each in names or histories]


def _costs(text: str) -> demand_pb2.ReserveCosts:
    try:
        uncovered, idle = (float(each) for each in text.split(":"))
    except ValueError:
        raise invalid_field("--costs", f"{text!r} is no pair of costs; write them as 4:1", reason="COSTS_INVALID") from None
    return demand_pb2.ReserveCosts(uncovered_hour=uncovered, idle_hour=idle)
