"""`ballast calibrate`: how assessments did against what people said in the end, weights fitted to that, and versions of the model."""

import uuid
from typing import Annotated

import typer
from ballast.triage.v1 import calibration_service_pb2 as pb

from clients.cli import calibration_drawing as draw
from clients.cli.connection import every_page
from clients.cli.names import team_name
from clients.cli.session import Limit, Session, with_session
from clients.cli.times import read_time

app = typer.Typer(help="Show how assessments did, fit weights, and list the versions of the model.")

_Since = Annotated[str, typer.Option(metavar="TIME", help="Only incidents that ended then or later.")]
_Before = Annotated[str, typer.Option(metavar="TIME", help="Only incidents that ended before.")]
_Team = Annotated[str, typer.Option(metavar="TEAM", help="Only incidents that concern this team: teams/{id}, or the id.")]
_Component = Annotated[str, typer.Option(metavar="ID", help="Only incidents of this component.")]


@app.command("show")
@with_session()
async def show(session: Session, since: _Since = "", before: _Before = "", team: _Team = "", component: _Component = "") -> None:
    """Measures assessed severities against those that people gave in the end."""
    request = pb.GetCalibrationRequest(filter=_filter(since, before, team, component))
    response = await session.connection.calibration.GetCalibration(request)
    session.output.answer(response, lambda: draw.draw_calibration(response.calibration))


@app.command("fit")
@with_session()
async def fit(
    session: Session,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the candidate.")],
    since: _Since = "",
    before: _Before = "",
    team: _Team = "",
    component: _Component = "",
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Fit and measure, and keep nothing.")] = False,
) -> None:
    """Proposes weights from final severities and keeps them as a candidate. Nothing is assessed by it."""
    request = pb.FitWeightsRequest(
        request_id=str(uuid.uuid4()), filter=_filter(since, before, team, component), reason=reason, validate_only=validate_only
    )
    calibration = session.connection.calibration
    response = await calibration.FitWeights(request)
    in_force = (await calibration.GetScoringModel(pb.GetScoringModelRequest())).model
    session.output.answer(response, lambda: draw.draw_model(response.candidate, in_force))


@app.command("models")
@with_session()
async def models(session: Session, limit: Limit = 50) -> None:
    """Lists the versions of the scoring model, newest first."""
    calibration = session.connection.calibration
    response = await every_page(calibration.ListScoringModels, pb.ListScoringModelsRequest(), "models", limit)
    session.output.answer(response, lambda: draw.draw_models(response))


@app.command("model")
@with_session()
async def model(
    session: Session,
    version: Annotated[str, typer.Argument(metavar="[VERSION]", help="scoringModels/{version}, or the version; the one in force.")] = "",
) -> None:
    """Shows one version with every weight, beside those in force where they differ."""
    name = version if not version or version.startswith("scoringModels/") else f"scoringModels/{version}"
    calibration = session.connection.calibration
    response = await calibration.GetScoringModel(pb.GetScoringModelRequest(name=name))
    in_force = (await calibration.GetScoringModel(pb.GetScoringModelRequest())).model
    session.output.answer(response, lambda: draw.draw_model(response.model, in_force))


def _filter(since: str, before: str, team: str, component: str) -> pb.CalibrationFilter:
    return pb.CalibrationFilter(
        start_time=read_time("--since", since),
        end_time=read_time("--before", before),
        team=team_name("--team", team) if team else "",
        component=component if not component or component.startswith("components/") else f"components/{component}",
    )
