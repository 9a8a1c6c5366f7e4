"""`ballast assessments`: how bad an incident is, as a column of figures that adds up to its score."""

from collections.abc import Iterable
from typing import Annotated

import typer
from ballast.triage.v1 import assessment_pb2, gate_pb2, severity_matrix_pb2, what_if_pb2
from ballast.triage.v1 import triage_service_pb2 as pb
from google.protobuf.message import Message
from rich.console import RenderableType

from clients.cli.formats import (
    digits_that_add_up,
    duration_text,
    enum_text,
    member_text,
    money_text,
    percent_text,
    rounding_gap,
    severity_text,
    time_text,
)
from clients.cli.names import either_name
from clients.cli.output import Column, cell, facts, table
from clients.cli.session import LARGEST_REVISION, Session, with_session
from shared.errors import NotFound, invalid_field

app = typer.Typer(help="Show how bad an incident is, term by term.")


@app.callback()
def _group() -> None:
    """Show how bad an incident is, term by term."""


@app.command("show")
@with_session()
async def show(
    session: Session,
    name: Annotated[
        str, typer.Argument(metavar="INCIDENT_OR_ASSESSMENT", help="incidents/{uuid}, assessments/{uuid}, or the UUID of either.")
    ],
    revision: Annotated[int, typer.Option(metavar="N", min=0, max=LARGEST_REVISION, help="This revision; the newest when 0.")] = 0,
) -> None:
    """Shows an assessment: the terms of its score, overrides, and what would alter the severity."""
    names = either_name("INCIDENT_OR_ASSESSMENT", ("assessments", "incidents"), name)
    response = await _first_found(session, names, revision)
    session.output.answer(response, lambda: draw_assessment(response.assessment))


@app.command("what-if")
@with_session()
async def what_if(
    session: Session,
    change: Annotated[
        list[str],
        typer.Argument(metavar="FEATURE=VALUE…", help="An input and its value: a number, yes, no, a name such as outage, or unknown."),
    ],
    incident: Annotated[str, typer.Option(metavar="INCIDENT", help="Start from this incident as it was last assessed.")] = "",
    component: Annotated[list[str] | None, typer.Option(metavar="ID", help="Of this component; repeat for several.")] = None,
) -> None:
    """Assesses an incident with any input changed, or one that need not exist, and stores nothing."""
    (name,) = either_name("INCIDENT", ("incidents",), incident) if incident else ("",)
    request = pb.SimulateAssessmentRequest(incident=name, components=component or (), changes=[_change(each) for each in change])
    response = await session.connection.triage.SimulateAssessment(request)
    session.output.answer(response, lambda: draw_assessment(response.assessment))


def _change(text: str) -> what_if_pb2.InputChange:
    """Raises InvalidInput for what is no change."""
    feature, equals, value = text.partition("=")
    if not equals or not feature:
        raise invalid_field("FEATURE=VALUE", f"{text!r} is no change; write such as users_affected=5000", reason="CHANGE_INVALID")
    change = what_if_pb2.InputChange(feature=feature)
    if value in {"yes", "no"}:
        change.yes = value == "yes"
    elif value != "unknown":
        try:
            change.number = float(value)
        except ValueError:
            change.choice = value
    return change


async def _first_found(session: Session, names: list[str], revision: int) -> pb.GetAssessmentResponse:
    for name in names[:-1]:
        try:
            return await session.connection.triage.GetAssessment(pb.GetAssessmentRequest(name=name, revision=revision))
        except NotFound:
            continue
    return await session.connection.triage.GetAssessment(pb.GetAssessmentRequest(name=names[-1], revision=revision))


def draw_assessment(assessment: assessment_pb2.Assessment) -> Iterable[RenderableType]:
    yield cell(f"{_severity(assessment, 'severity')}  {assessment.title}", "bold")
    yield facts(
        [
            ("name", f"{assessment.name} revision {assessment.revision} ({assessment.trigger})" if assessment.name else "supposed"),
            ("incident", f"{assessment.incident} ({enum_text(assessment, 'incident_state')})" if assessment.incident else ""),
            ("a person said", _said(assessment)),
            ("assessed", _severity(assessment, "assessed_severity")),
            ("confidence", f"{percent_text(assessment.confidence)} ({_chances(assessment)})" if assessment.severity_chances else ""),
            ("by score alone", _severity(assessment, "scored_severity")),
            (
                "impact × urgency",
                f"{enum_text(assessment, 'impact')} × {enum_text(assessment, 'urgency')}, matrix revision {assessment.matrix_revision}",
            ),
            ("opened", time_text(assessment, "opened_at")),
            ("restore within", duration_text(assessment.restore_target) if assessment.HasField("restore_target") else ""),
            ("expected loss", _loss(assessment)),
            ("components", ", ".join(assessment.components)),
            ("unknown components", ", ".join(assessment.unknown_components)),
            ("teams", ", ".join(assessment.teams)),
            ("model", f"{assessment.model_version}, weights {assessment.weights_hash[:12]}"),
            ("trace", assessment.trace_id),
        ]
    )
    yield draw_terms(assessment)
    if assessment.overrides:
        rows = [(each.reason, _severity(each, "at_least"), "yes" if each.applied else "no", each.detail) for each in assessment.overrides]
        yield table("overrides", ("rule", "at least", "changed the result", ""), rows)
    if assessment.gates or assessment.undecided_gates:
        yield _gates(assessment)
    for each in assessment.counterfactuals:
        yield cell(f"• {each.text}")
    yield from _like_it(assessment.recurrence)
    if assessment.differences:
        changed = [(each.subject, each.before, each.after, f"{each.points:+.1f}" if each.points else "") for each in assessment.differences]
        columns = ("what", "before", "after", Column("points", right=True))
        before = f"revision {assessment.revision - 1}" if assessment.revision else "how it is assessed now"
        yield table(f"what differs from {before}", columns, changed)


def draw_terms(assessment: assessment_pb2.Assessment) -> RenderableType:
    """The figures shown sum to the score shown: as many decimals as that takes, and a line for rounding where six are too few."""
    points = [assessment.offset, *(term.points for term in assessment.terms)]
    odds = [assessment.intercept, *(term.contribution for term in assessment.terms)]
    digits = digits_that_add_up(points, assessment.score)
    finer = digits_that_add_up(odds, assessment.log_odds, fewest=2)
    rows = [("offset", "", "", f"{assessment.intercept:+.{finer}f}", f"{assessment.offset:+.{digits}f}", "where every score starts")]
    rows += [
        (term.feature, enum_text(term, "axis"), term.value, f"{term.contribution:+.{finer}f}", f"{term.points:+.{digits}f}", term.reason)
        for term in assessment.terms
    ]
    gap = rounding_gap(points, assessment.score, digits)
    if gap:
        rows.append(("rounding", "", "", "", f"{gap:+.{digits}f}", "what the decimals left out add up to"))
    footer = ("score", "", "", f"{assessment.log_odds:.{finer}f}", f"{assessment.score:.{digits}f}", "the sum of the column")
    columns = (Column("term", whole=True), "axis", "value", Column("log-odds", right=True), Column("points", right=True), "why")
    return table("score", columns, rows, footer)


def _chances(assessment: assessment_pb2.Assessment) -> str:
    return ", ".join(f"SEV{number} {percent_text(chance, 0)}" for number, chance in enumerate(assessment.severity_chances, 1))


def _said(assessment: assessment_pb2.Assessment) -> str:
    said = assessment.human_override
    return f"{_severity(said, 'severity')}, {said.author}: {said.reason}" if assessment.HasField("human_override") else ""


def _gates(assessment: assessment_pb2.Assessment) -> RenderableType:
    fired = [(each.rule, gate_effects(each), each.reason) for each in assessment.gates]
    undecided = [(each.rule, "undecided", _unknown(each)) for each in assessment.undecided_gates]
    return table(f"gates, revision {assessment.gates_revision}", ("rule", "asks for", "because"), [*fired, *undecided])


def _unknown(gate: gate_pb2.UndecidedGate) -> str:
    return f"unknown: {', '.join(gate.unknown)}" if gate.unknown else gate.fault


def _like_it(recurrence: assessment_pb2.Recurrence) -> Iterable[RenderableType]:
    if not recurrence.similar:
        return
    title = f"like it: {recurrence.last_28_days} in the 28 days before, {recurrence.last_90_days} in 90"
    rows = [
        (time_text(each, "opened_at"), time_text(each, "resolved_at") or "not over", _severity(each, "severity"), each.title, each.incident)
        for each in recurrence.similar
    ]
    yield table(title, ("opened", "over", "severity", "title", Column("incident", whole=True)), rows)


def gate_effects(gate: gate_pb2.GatingRule | gate_pb2.FiredGate) -> str:
    told = [f"at least {severity_text(gate.elevate_to)}"] if gate.elevate_to else []
    told += ["page"] if gate.page else []
    told += ["approval"] if gate.require_approval else []
    told += [f"playbook {gate.playbook}"] if gate.playbook else []
    return ", ".join(told)


def _loss(assessment: assessment_pb2.Assessment) -> str:
    loss = money_text(assessment, "expected_loss_per_hour")
    return f"{loss} an hour" if loss else ""


def _severity(message: Message, field: str) -> str:
    return member_text(severity_matrix_pb2.Severity.DESCRIPTOR, getattr(message, field)).upper()
