"""`ballast explain`: why an alert is where it is, and what would have happened otherwise."""

from typing import Annotated

import typer
from ballast.intake.v1 import explanation_pb2 as pb

from clients.cli.alert_drawing import draw_explanation
from clients.cli.names import resource_name
from clients.cli.session import Session, with_session


@with_session()
async def explain(session: Session, alert: Annotated[str, typer.Argument(metavar="ALERT", help="alerts/{uuid}, or the UUID.")]) -> None:
    """Says why an alert opened, joined, was muted, held or summarised, and what would have happened otherwise."""
    request = pb.ExplainAlertRequest(name=resource_name("ALERT", "alerts", alert))
    response = await session.connection.intake.ExplainAlert(request)
    session.output.answer(response, lambda: draw_explanation(response))
