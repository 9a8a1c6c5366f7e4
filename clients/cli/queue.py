"""`ballast queue`: what waits, the costliest first; following it, and saying better how bad something is."""

import uuid
from collections.abc import AsyncIterable, Iterable
from enum import StrEnum
from typing import Annotated

import typer
from ballast.intake.v1 import incident_pb2
from ballast.triage.v1 import assessment_pb2, escalation_pb2
from ballast.triage.v1 import queue_service_pb2 as pb
from ballast.triage.v1 import severity_matrix_pb2 as matrix_pb
from ballast.triage.v1 import triage_service_pb2 as triage_pb
from rich.console import RenderableType
from rich.text import Text

from clients.cli.assessments import draw_assessment
from clients.cli.connection import every_page
from clients.cli.failures import ExitCode
from clients.cli.feed import follow
from clients.cli.formats import count_text, duration_text, enum_text, money_text, percent_text, severity_text, time_text
from clients.cli.names import either_name
from clients.cli.output import Column, cell, facts, table, total
from clients.cli.session import Limit, Session, with_session

app = typer.Typer(help="List and watch what waits, the costliest first; say better how bad it is.")

_WAITING = (incident_pb2.INCIDENT_STATE_OPEN, incident_pb2.INCIDENT_STATE_ACKNOWLEDGED, incident_pb2.INCIDENT_STATE_MITIGATED)
_Incident = Annotated[str, typer.Argument(metavar="INCIDENT", help="incidents/{uuid}, or the UUID.")]
_Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for good.")]
_Etag = Annotated[str, typer.Option(metavar="ETAG", help="Only if the assessment is still at this etag.")]


class SeverityName(StrEnum):
    """A severity, as an argument."""

    SEV1 = "sev1"
    SEV2 = "sev2"
    SEV3 = "sev3"
    SEV4 = "sev4"
    SEV5 = "sev5"

    @property
    def number(self) -> "matrix_pb.Severity.ValueType":
        return matrix_pb.Severity.Value(f"SEVERITY_{self.name}")


@app.command("list")
@with_session()
async def list_(
    session: Session,
    team: Annotated[str, typer.Option(metavar="TEAM", help="Only what concerns this team: teams/{id}, or the id.")] = "",
    severity: Annotated[
        list[SeverityName] | None, typer.Option(case_sensitive=False, help="Only of this severity; repeat for several.")
    ] = None,
    over: Annotated[bool, typer.Option("--all", help="Also what is resolved.")] = False,
    limit: Limit = 50,
) -> None:
    """Lists what is not resolved: the largest expected loss an hour first, then the worst severity, then what was opened first."""
    chosen = triage_pb.AssessmentFilter(
        team=team if not team or team.startswith("teams/") else f"teams/{team}",
        severities=[each.number for each in severity or ()],
        incident_states=() if over else _WAITING,
    )
    response = await every_page(
        session.connection.triage.ListAssessments, triage_pb.ListAssessmentsRequest(filter=chosen), "assessments", limit
    )
    session.output.answer(response, lambda: draw_queue(response))


@app.command("watch")
@with_session(interrupted=ExitCode.OK)
async def watch(
    session: Session,
    resume_token: Annotated[str, typer.Option(metavar="TOKEN", help="Go on right after this token; from the present when left out.")] = "",
    count: Annotated[int, typer.Option(metavar="N", min=0, help="End after this many; 0 goes on until Ctrl-C.")] = 0,
) -> None:
    """Prints each new revision of an assessment, until Ctrl-C (exit code 0). JSON lines with --json, each with its resume token."""
    seen = 0

    def watch_from(token: str) -> AsyncIterable[pb.WatchAssessmentsResponse]:
        return session.connection.queue.WatchAssessments(pb.WatchAssessmentsRequest(resume_token=token))

    async for response in follow(watch_from, "assessment", resume_token, session.output.note):
        session.output.each(response, _line(response.assessment))
        seen += 1
        if seen == count:
            return


@app.command("override")
@with_session()
async def override(
    session: Session,
    incident: _Incident,
    severity: Annotated[SeverityName, typer.Argument(metavar="SEVERITY", case_sensitive=False, help="sev1 (worst) to sev5.")],
    reason: _Why,
    etag: _Etag = "",
) -> None:
    """Gives an incident a severity in place of the assessed one, until it is withdrawn."""
    request = pb.OverrideSeverityRequest(
        request_id=str(uuid.uuid4()), name=_name(incident), severity=severity.number, reason=reason, etag=etag
    )
    response = await session.connection.queue.OverrideSeverity(request)
    session.output.answer(response, lambda: draw_assessment(response.assessment))


@app.command("withdraw")
@with_session()
async def withdraw(session: Session, incident: _Incident, reason: _Why, etag: _Etag = "") -> None:
    """Lets the assessed severity count again."""
    request = pb.WithdrawOverrideRequest(request_id=str(uuid.uuid4()), name=_name(incident), reason=reason, etag=etag)
    response = await session.connection.queue.WithdrawOverride(request)
    session.output.answer(response, lambda: draw_assessment(response.assessment))


@app.command("overrides")
@with_session()
async def overrides(
    session: Session,
    incident: Annotated[str, typer.Option(metavar="INCIDENT", help="Only those of this incident.")] = "",
    limit: Limit = 50,
) -> None:
    """Lists the severities people gave, newest first, beside what was assessed."""
    request = pb.ListOverridesRequest(incident=_name(incident) if incident else "")
    response = await every_page(session.connection.queue.ListOverrides, request, "overrides", limit)
    session.output.answer(response, lambda: draw_overrides(response))


@app.command("forecast")
@with_session()
async def forecast(session: Session, incident: _Incident) -> None:
    """Says how likely an open incident misses its time to restore, by how long those of its class lasted."""
    response = await session.connection.queue.GetRestoreForecast(pb.GetRestoreForecastRequest(name=_name(incident)))
    session.output.answer(response, lambda: draw_forecast(response.forecast))


@app.command("escalations")
@with_session()
async def escalations(
    session: Session,
    incident: Annotated[str, typer.Option(metavar="INCIDENT", help="Only those of this incident.")] = "",
    limit: Limit = 50,
) -> None:
    """Lists which incidents were about to miss their time to restore, newest first."""
    request = pb.ListEscalationsRequest(incident=_name(incident) if incident else "")
    response = await every_page(session.connection.queue.ListEscalations, request, "escalations", limit)
    session.output.answer(response, lambda: draw_escalations(response))


def draw_forecast(ahead: escalation_pb2.RestoreForecast) -> Iterable[RenderableType]:
    chance = ahead.miss_chance
    yield facts(
        [
            ("incident", ahead.incident),
            ("opened", time_text(ahead, "opened_at")),
            ("to be restored by", time_text(ahead, "target_at")),
            ("has lasted", duration_text(ahead.elapsed)),
            ("chance of missing it", chance_text(chance)),
            ("half of its class last", f"at most {duration_text(ahead.usual_length)}" if ahead.HasField("usual_length") else "cannot tell"),
        ]
    )


def draw_escalations(response: pb.ListEscalationsResponse) -> Iterable[RenderableType]:
    columns = (Column("when", whole=True), "severity", "chance", Column("due", whole=True), "why", Column("incident", whole=True))
    rows = [
        (
            time_text(each, "create_time"),
            severity_text(each.severity),
            chance_text(each.miss_chance),
            time_text(each, "target_at"),
            each.reason,
            each.incident,
        )
        for each in response.escalations
    ]
    yield table("", columns, rows)
    yield total(len(rows), "escalation", response.next_page_token)


def chance_text(chance: escalation_pb2.ChanceEstimate) -> str:
    if not chance.HasField("chance"):
        return f"cannot tell: {chance.cannot_tell}"
    told = [f"{count_text(chance.history_count, 'incident')} like it"] if chance.history_count else []
    told += [f"{chance.censored_count} of them open"] if chance.censored_count else []
    told += [f"{percent_text(chance.low, 0)} to {percent_text(chance.high, 0)}"] if chance.low < chance.high else []
    return percent_text(chance.chance, 0) + (f" ({', '.join(told)})" if told else "")


def draw_queue(response: triage_pb.ListAssessmentsResponse) -> Iterable[RenderableType]:
    columns = ("severity", Column("loss an hour", right=True), "state", "opened", "restore within", "title", Column("incident", whole=True))
    rows = [
        (
            severity_text(each.severity),
            money_text(each, "expected_loss_per_hour") or "unknown",
            enum_text(each, "incident_state"),
            time_text(each, "opened_at"),
            duration_text(each.restore_target),
            each.title,
            each.incident,
        )
        for each in response.assessments
    ]
    yield table("", columns, rows)
    yield total(len(rows), "incident", response.next_page_token)


def draw_overrides(response: pb.ListOverridesResponse) -> Iterable[RenderableType]:
    columns = (Column("when", whole=True), "assessed", "said", "by", "why", Column("incident", whole=True))
    rows = [
        (
            time_text(each, "create_time"),
            severity_text(each.assessed_severity),
            severity_text(each.severity) if each.severity else "withdrawn",
            each.author,
            each.reason,
            each.incident,
        )
        for each in response.overrides
    ]
    yield table("", columns, rows)
    yield total(len(rows), "override", response.next_page_token)


def _line(assessment: assessment_pb2.Assessment) -> Text:
    told = ", ".join(f"{each.subject}: {each.before} → {each.after}" for each in assessment.differences[:3])
    state = enum_text(assessment, "incident_state")
    head = f"{time_text(assessment, 'create_time')}  {severity_text(assessment.severity)}  {state}  {assessment.title}"
    return cell(f"{head}  {assessment.incident}  {told}")


def _name(incident: str) -> str:
    (name,) = either_name("INCIDENT", ("incidents",), incident)
    return name
