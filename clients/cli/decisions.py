"""`ballast decisions`: what was decided for a team, on which facts, by which rule, and what it displaced."""

from enum import StrEnum
from typing import Annotated

import typer
from ballast.allocation.v1 import allocation_messages_pb2 as pb
from ballast.allocation.v1 import decision_pb2

from clients.cli.connection import every_page
from clients.cli.decision_drawing import draw_decision, draw_list
from clients.cli.names import resource_name, team_name
from clients.cli.session import Limit, Session, with_session

app = typer.Typer(help="List and show decisions: facts, terms, limits, displaced items.")


class Outcome(StrEnum):
    """What a decision did, as an option."""

    RAISED = "raised"
    LOWERED = "lowered"
    HELD = "held"

    @property
    def number(self) -> "decision_pb2.DecisionOutcome.ValueType":
        return decision_pb2.DecisionOutcome.Value(f"DECISION_OUTCOME_{self.name}")


@app.command("list")
@with_session()
async def list_(
    session: Session,
    team: Annotated[str, typer.Option(metavar="TEAM", help="Only of this team.")] = "",
    sprint: Annotated[int, typer.Option(metavar="N", min=0, help="Only of this sprint of the team.")] = 0,
    assessment: Annotated[str, typer.Option(metavar="ASSESSMENT", help="Only those this assessment triggered.")] = "",
    outcome: Annotated[list[Outcome] | None, typer.Option(help="Only those that did this; repeat for several.")] = None,
    limit: Limit = 50,
) -> None:
    """Lists decisions, newest first."""
    chosen = pb.DecisionFilter(
        team=team_name("--team", team) if team else "",
        sprint=_sprint(team, sprint),
        assessment=resource_name("--assessment", "assessments", assessment) if assessment else "",
        outcomes=[each.number for each in outcome or ()],
    )
    response = await every_page(session.connection.allocation.ListDecisions, pb.ListDecisionsRequest(filter=chosen), "decisions", limit)
    session.output.answer(response, lambda: draw_list(response))


@app.command("show")
@with_session()
async def show(
    session: Session, decision: Annotated[str, typer.Argument(metavar="DECISION", help="decisions/{uuid}, or the UUID.")]
) -> None:
    """Shows one decision, whole: inputs, terms that sum to the share asked for, limits in order, incidents weighed, items displaced."""
    name = resource_name("DECISION", "decisions", decision)
    response = await session.connection.allocation.GetDecision(pb.GetDecisionRequest(name=name))
    session.output.answer(response, lambda: draw_decision(response.decision))


def _sprint(team: str, number: int) -> str:
    if not number:
        return ""
    if not team:
        raise typer.BadParameter("a sprint's number is its team's: give --team as well", param_hint="--sprint")
    return f"{team_name('--team', team)}/sprints/{number}"
