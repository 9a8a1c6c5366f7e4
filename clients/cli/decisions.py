"""`ballast decisions`: what was decided for a team, on which facts, by which rule, and what it displaced."""

from enum import StrEnum
from typing import Annotated

import typer
from ballast.allocation.v1 import allocation_messages_pb2 as pb
from ballast.allocation.v1 import decision_pb2
from ballast.allocation.v1 import decision_service_pb2 as ds

from clients.cli.connection import every_page
from clients.cli.decision_drawing import draw_decision, draw_explanation, draw_list
from clients.cli.names import resource_name, team_name
from clients.cli.session import Limit, Session, with_session

app = typer.Typer(help="List, show, explain and roll back decisions.")


class Outcome(StrEnum):
    """What a decision did, as an option."""

    RAISED = "raised"
    LOWERED = "lowered"
    HELD = "held"

    @property
    def number(self) -> "decision_pb2.DecisionOutcome.ValueType":
        return decision_pb2.DecisionOutcome.Value(f"DECISION_OUTCOME_{self.name}")


class State(StrEnum):
    """Where a decision stands, as an option."""

    PROPOSED = "proposed"
    IN_FORCE = "in-force"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    LAPSED = "lapsed"
    ROLLED_BACK = "rolled-back"

    @property
    def number(self) -> "decision_pb2.DecisionState.ValueType":
        return decision_pb2.DecisionState.Value(f"DECISION_STATE_{self.name}")


@app.command("list")
@with_session()
async def list_(
    session: Session,
    team: Annotated[str, typer.Option(metavar="TEAM", help="Only of this team.")] = "",
    sprint: Annotated[int, typer.Option(metavar="N", min=0, help="Only of this sprint of the team.")] = 0,
    assessment: Annotated[str, typer.Option(metavar="ASSESSMENT", help="Only those this assessment triggered.")] = "",
    outcome: Annotated[list[Outcome] | None, typer.Option(help="Only those that did this; repeat for several.")] = None,
    status: Annotated[list[State] | None, typer.Option(help="Only those that stand there; repeat for several.")] = None,
    limit: Limit = 50,
) -> None:
    """Lists decisions, newest first."""
    chosen = pb.DecisionFilter(
        team=team_name("--team", team) if team else "",
        sprint=_sprint(team, sprint),
        assessment=resource_name("--assessment", "assessments", assessment) if assessment else "",
        outcomes=[each.number for each in outcome or ()],
        states=[each.number for each in status or ()],
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


@app.command("explain")
@with_session()
async def explain(
    session: Session, decision: Annotated[str, typer.Argument(metavar="DECISION", help="decisions/{uuid}, or the UUID.")]
) -> None:
    """Explains one decision: in words, as steps that sum to the share, where it stands, and what would have changed it."""
    name = resource_name("DECISION", "decisions", decision)
    response = await session.connection.decisions.ExplainDecision(ds.ExplainDecisionRequest(name=name))
    session.output.answer(response, lambda: draw_explanation(response))


@app.command("rollback")
@with_session()
async def rollback(
    session: Session,
    decision: Annotated[str, typer.Argument(metavar="DECISION", help="The one that last changed the share.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept for those who ask later.")],
    force: Annotated[bool, typer.Option("--force", help="Although another rollback was made within the dwell.")] = False,
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Only say what would be done.")] = False,
) -> None:
    """Puts back the share before a decision: at once, or proposed to approvers."""
    name = resource_name("DECISION", "decisions", decision)
    request = ds.RollbackDecisionRequest(name=name, reason=reason, force=force, validate_only=validate_only)
    response = await session.connection.decisions.RollbackDecision(request)
    session.output.answer(response, lambda: draw_decision(response.decision))


def _sprint(team: str, number: int) -> str:
    if not number:
        return ""
    if not team:
        raise typer.BadParameter("a sprint's number is its team's: give --team as well", param_hint="--sprint")
    return f"{team_name('--team', team)}/sprints/{number}"
