"""`ballast incidents`, what people do with one: declare, mitigate, reopen, merge, split, and say who, how bad and why."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import typer
from ballast.intake.v1 import incident_pb2, incident_shaping_pb2, intake_service_pb2
from ballast.intake.v1 import incident_service_pb2 as pb
from rich.console import RenderableType

from clients.cli.incident_arguments import At, DryRun, Etag, Evidence, Incident, Note, Reason, incident_name
from clients.cli.incident_drawing import draw_incident, draw_timeline
from clients.cli.names import resource_name
from clients.cli.session import Session, with_session
from clients.cli.times import read_time

app = typer.Typer()


class Severity(StrEnum):
    """How bad people say it is; `none` takes that back."""

    SEV1 = "SEV1"
    SEV2 = "SEV2"
    SEV3 = "SEV3"
    SEV4 = "SEV4"
    SEV5 = "SEV5"
    NONE = "none"

    @property
    def number(self) -> "incident_pb2.IncidentSeverity.ValueType":
        return incident_pb2.IncidentSeverity.Value(f"INCIDENT_SEVERITY_{'UNSPECIFIED' if self is Severity.NONE else self.name}")


class Cause(StrEnum):
    """What people hold to be the cause; `none` takes that back."""

    OWN_CHANGE = "own-change"
    DEPENDENCY = "dependency"
    PLATFORM = "platform"
    EXTERNAL = "external"
    OUT_OF_SCOPE = "out-of-scope"
    MISCATEGORISED = "miscategorised"
    NONE = "none"

    @property
    def number(self) -> "incident_pb2.IncidentCause.ValueType":
        return incident_pb2.IncidentCause.Value(f"INCIDENT_CAUSE_{'UNSPECIFIED' if self is Cause.NONE else self.name}")


class Role(StrEnum):
    """A role in an incident."""

    COMMANDER = "commander"
    DEPUTY = "deputy"
    SCRIBE = "scribe"
    LIAISON = "liaison"

    @property
    def number(self) -> "incident_pb2.IncidentRole.ValueType":
        return incident_pb2.IncidentRole.Value(f"INCIDENT_ROLE_{self.name}")


@app.command("declare")
@with_session()
async def declare(
    session: Session,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="One line on what is broken.")],
    component: Annotated[list[str] | None, typer.Option(metavar="ID", help="A component that is broken; repeat for several.")] = None,
    severity: Annotated[Severity, typer.Option(case_sensitive=False, help="How bad it is; may be left to triage.")] = Severity.NONE,
    summary: Annotated[str, typer.Option(metavar="TEXT", help="What is known so far.")] = "",
    note: Note = "",
    evidence: Evidence = "",
    at: At = "",
) -> None:
    """Declares an incident that no alert told of."""
    request = pb.DeclareIncidentRequest(
        title=title,
        summary=summary,
        components=component or (),
        severity=severity.number,
        opened_at=read_time("--at", at),
        note=note,
        evidence_url=evidence,
    )
    response = await session.connection.incidents.DeclareIncident(request)
    session.output.answer(response, lambda: draw_incident(response.incident))


@app.command("mitigate")
@with_session()
async def mitigate(session: Session, incident: Incident, note: Note = "", evidence: Evidence = "", etag: Etag = "", at: At = "") -> None:
    """Says that users are no longer hindered, though it is not over."""
    request = pb.MitigateIncidentRequest(
        name=incident_name(incident), etag=etag, note=note, evidence_url=evidence, occurred_at=read_time("--at", at)
    )
    response = await session.connection.incidents.MitigateIncident(request)
    session.output.answer(response, lambda: draw_incident(response.incident))


@app.command("reopen")
@with_session()
async def reopen(session: Session, incident: Incident, reason: Reason, evidence: Evidence = "", etag: Etag = "", at: At = "") -> None:
    """Says that it is not over, or not mitigated, after all."""
    request = incident_shaping_pb2.ReopenIncidentRequest(
        name=incident_name(incident), etag=etag, reason=reason, evidence_url=evidence, occurred_at=read_time("--at", at)
    )
    response = await session.connection.incidents.ReopenIncident(request)
    session.output.answer(response, lambda: draw_incident(response.incident))


@app.command("merge")
@with_session()
async def merge(
    session: Session,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The incident that stays.")],
    incidents: Annotated[list[str], typer.Argument(metavar="INCIDENT…", help="Those that go into it.")],
    reason: Reason,
    evidence: Evidence = "",
    etag: Etag = "",
    at: At = "",
    dry_run: DryRun = False,
) -> None:
    """Moves all alerts of incidents into another; their names lead on to it."""
    request = incident_shaping_pb2.MergeIncidentsRequest(
        into=resource_name("INTO", "incidents", into),
        incidents=[incident_name(each) for each in incidents],
        etag=etag,
        reason=reason,
        evidence_url=evidence,
        occurred_at=read_time("--at", at),
        validate_only=dry_run,
    )
    response = await session.connection.incidents.MergeIncidents(request)
    session.output.answer(response, lambda: _several(response.incident, *response.merged))


@app.command("split")
@with_session()
async def split(
    session: Session,
    incident: Incident,
    alerts: Annotated[list[str], typer.Argument(metavar="ALERT…", help="The alerts that go: alerts/{uuid}, or the UUIDs.")],
    reason: Reason,
    title: Annotated[str, typer.Option(metavar="TEXT", help="One line on the new incident; that of the old one when left out.")] = "",
    evidence: Evidence = "",
    etag: Etag = "",
    at: At = "",
    dry_run: DryRun = False,
) -> None:
    """Moves alerts of an incident into a new one."""
    request = incident_shaping_pb2.SplitIncidentRequest(
        name=incident_name(incident),
        alerts=[resource_name("ALERT", "alerts", each) for each in alerts],
        title=title,
        etag=etag,
        reason=reason,
        evidence_url=evidence,
        occurred_at=read_time("--at", at),
        validate_only=dry_run,
    )
    response = await session.connection.incidents.SplitIncident(request)
    session.output.answer(response, lambda: _several(response.incident, response.split))


@app.command("assign")
@with_session()
async def assign(
    session: Session,
    incident: Incident,
    role: Annotated[Role, typer.Argument(help="The role.")],
    person: Annotated[str, typer.Argument(metavar="[PERSON]", help="Who has it; nobody when left out.")] = "",
    note: Note = "",
    evidence: Evidence = "",
    etag: Etag = "",
    at: At = "",
) -> None:
    """Gives a role in the incident to somebody, or takes it back."""
    request = pb.AssignRoleRequest(
        name=incident_name(incident),
        role=role.number,
        person=person,
        etag=etag,
        note=note,
        evidence_url=evidence,
        occurred_at=read_time("--at", at),
    )
    response = await session.connection.incidents.AssignRole(request)
    session.output.answer(response, lambda: draw_incident(response.incident))


@app.command("severity")
@with_session()
async def severity_(
    session: Session,
    incident: Incident,
    severity: Annotated[Severity, typer.Argument(case_sensitive=False, help="How bad; none takes it back.")],
    reason: Reason,
    evidence: Evidence = "",
    etag: Etag = "",
    at: At = "",
) -> None:
    """Says how bad it is, beside what triage assesses."""
    request = pb.SetIncidentSeverityRequest(
        name=incident_name(incident),
        severity=severity.number,
        etag=etag,
        reason=reason,
        evidence_url=evidence,
        occurred_at=read_time("--at", at),
    )
    response = await session.connection.incidents.SetIncidentSeverity(request)
    session.output.answer(response, lambda: draw_incident(response.incident))


@app.command("cause")
@with_session()
async def cause_(
    session: Session,
    incident: Incident,
    cause: Annotated[Cause, typer.Argument(help="What caused it; none takes it back.")],
    confidence: Annotated[float, typer.Option(metavar="SHARE", min=0, max=1, help="How sure: 0 (a guess) to 1 (shown).")] = 0.5,
    ref: Annotated[str, typer.Option(metavar="NAME", help="What it was, as changes/… or components/….")] = "",
    note: Note = "",
    evidence: Evidence = "",
    etag: Etag = "",
    at: At = "",
) -> None:
    """Says what caused it, and how sure that is."""
    request = pb.AttributeCauseRequest(
        name=incident_name(incident),
        cause=cause.number,
        confidence=confidence,
        ref=ref,
        etag=etag,
        note=note,
        evidence_url=evidence,
        occurred_at=read_time("--at", at),
    )
    response = await session.connection.incidents.AttributeCause(request)
    session.output.answer(response, lambda: draw_incident(response.incident))


@app.command("note")
@with_session()
async def note_(
    session: Session,
    incident: Incident,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="An action taken or an observation made.")],
    evidence: Evidence = "",
    at: At = "",
) -> None:
    """Adds a line to the time-line."""
    request = intake_service_pb2.AddTimelineEntryRequest(
        incident=incident_name(incident), text=text, evidence_url=evidence, occurred_at=read_time("--at", at)
    )
    response = await session.connection.intake.AddTimelineEntry(request)
    session.output.answer(response, lambda: [draw_timeline([response.entry])])


def _several(*incidents: incident_pb2.Incident) -> Iterable[RenderableType]:
    for position, each in enumerate(incidents):
        if position:
            yield ""
        yield from draw_incident(each)
