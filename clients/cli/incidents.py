"""`ballast incidents`: what is broken, how it went, and who takes it."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer
from ballast.intake.v1 import alert_pb2, incident_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import RenderableType
from rich.text import Text

from clients.cli.connection import every_page
from clients.cli.failures import ExitCode
from clients.cli.formats import enum_text, span_text, time_text
from clients.cli.incident_feed import follow
from clients.cli.names import resource_name
from clients.cli.output import Column, cell, facts, table, total
from clients.cli.session import Limit, Session, with_session
from shared.errors import invalid_field

app = typer.Typer(help="List, show, watch, take and end incidents.")

_Incident = Annotated[str, typer.Argument(metavar="INCIDENT", help="incidents/{uuid}, or the UUID.")]
_Note = Annotated[str, typer.Option(metavar="TEXT", help="A line for the time-line.")]
_Etag = Annotated[str, typer.Option(metavar="ETAG", help="Change only this version.")]
_At = Annotated[str, typer.Option("--at", metavar="TIME", help="When it happened, as 2026-03-02T09:00:00Z; now when left out.")]


class Status(StrEnum):
    """Where an incident stands, as an option."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"

    @property
    def number(self) -> "incident_pb2.IncidentState.ValueType":
        return incident_pb2.IncidentState.Value(f"INCIDENT_STATE_{self.name}")


@app.command("list")
@with_session()
async def list_(
    session: Session,
    status: Annotated[list[Status] | None, typer.Option(help="Only those standing so; repeat for several.")] = None,
    component: Annotated[list[str] | None, typer.Option(metavar="ID", help="Only those naming this component; repeat for several.")] = None,
    since: Annotated[str, typer.Option(metavar="TIME", help="Only those opened at or after this time.")] = "",
    before: Annotated[str, typer.Option(metavar="TIME", help="Only those opened before this time.")] = "",
    order_by: Annotated[str, typer.Option(metavar="FIELD", help="opened_at, update_time or alert_count, with ' desc' for falling.")] = "",
    limit: Limit = 50,
) -> None:
    """Lists incidents, newest first."""
    chosen = pb.IncidentFilter(
        states=[each.number for each in status or ()],
        components=component or (),
        opened_from=_time("--since", since),
        opened_before=_time("--before", before),
    )
    request = pb.ListIncidentsRequest(filter=chosen, order_by=order_by)
    response = await every_page(session.connection.intake.ListIncidents, request, "incidents", limit)
    session.output.answer(response, lambda: draw_list(response))


@app.command("show")
@with_session()
async def show(session: Session, incident: _Incident) -> None:
    """Shows one incident with its time-line and alerts."""
    name = resource_name("INCIDENT", "incidents", incident)
    intake = session.connection.intake
    found = (await intake.GetIncident(pb.GetIncidentRequest(name=name))).incident
    timeline = (await every_page(intake.ListTimeline, pb.ListTimelineRequest(incident=name), "entries", 0)).entries
    alerts = (await every_page(intake.ListAlerts, pb.ListAlertsRequest(incident=name), "alerts", 0)).alerts
    answer = {"incident": found, "timeline": list(timeline), "alerts": list(alerts)}
    session.output.answer(answer, lambda: [*draw_incident(found), draw_timeline(timeline), draw_alerts(alerts)])


@app.command("watch")
@with_session(interrupted=ExitCode.OK)
async def watch(
    session: Session,
    resume_token: Annotated[str, typer.Option(metavar="TOKEN", help="Go on right after this token; from the present when left out.")] = "",
    count: Annotated[int, typer.Option(metavar="N", min=0, help="End after this many; 0 goes on until Ctrl-C.")] = 0,
) -> None:
    """Prints incidents as they open and change, until Ctrl-C (exit code 0). JSON lines with --json, each with its resume token.

    When the connection is lost it comes back and goes on where it was: nothing is left out, nothing comes twice.
    """
    seen = 0
    async for response in follow(session.connection.intake, resume_token, session.output.note):
        session.output.each(response, draw_line(response.incident))
        seen += 1
        if seen == count:
            return


@app.command("ack")
@with_session()
async def ack(session: Session, incident: _Incident, note: _Note = "", etag: _Etag = "", at: _At = "") -> None:
    """Says that somebody works on the incident."""
    request = pb.AcknowledgeIncidentRequest(
        name=resource_name("INCIDENT", "incidents", incident), etag=etag, note=note, occurred_at=_time("--at", at)
    )
    response = await session.connection.intake.AcknowledgeIncident(request)
    session.output.answer(response, lambda: draw_incident(response.incident))


@app.command("resolve")
@with_session()
async def resolve(
    session: Session,
    incident: _Incident,
    note: _Note = "",
    etag: _Etag = "",
    at: _At = "",
    force: Annotated[bool, typer.Option("--force", help="Even while alerts fire.")] = False,
) -> None:
    """Ends the incident."""
    request = pb.ResolveIncidentRequest(
        name=resource_name("INCIDENT", "incidents", incident), etag=etag, note=note, occurred_at=_time("--at", at), force=force
    )
    response = await session.connection.intake.ResolveIncident(request)
    session.output.answer(response, lambda: draw_incident(response.incident))


def draw_list(response: pb.ListIncidentsResponse) -> Iterable[RenderableType]:
    columns = (
        Column("incident", whole=True),
        "state",
        Column("opened", whole=True),
        Column("took", right=True),
        Column("alerts", right=True),
        "components",
        "title",
    )
    yield table("", columns, [_row(each) for each in response.incidents])
    yield total(len(response.incidents), "incident", response.next_page_token)


def draw_incident(incident: incident_pb2.Incident) -> Iterable[RenderableType]:
    evidence = incident.evidence
    known = [f"{field.name} {enum_text(evidence, field.name) if field.enum_type else value}" for field, value in evidence.ListFields()]
    yield cell(incident.title, "bold")
    yield facts(
        [
            ("name", incident.name),
            ("state", enum_text(incident, "state")),
            ("opened", time_text(incident, "opened_at")),
            ("acknowledged", time_text(incident, "acknowledged_at")),
            ("resolved", time_text(incident, "resolved_at")),
            ("took", _took(incident)),
            ("components", ", ".join(incident.components)),
            ("grouped by", ", ".join(f"{key}={value}" for key, value in sorted(incident.group_labels.items()))),
            ("alerts", f"{incident.alert_count}, {incident.firing_count} firing"),
            ("evidence", ", ".join(known)),
            ("summary", incident.summary if incident.summary != incident.title else ""),
            ("etag", incident.etag),
        ]
    )


def draw_timeline(entries: Iterable[incident_pb2.TimelineEntry]) -> RenderableType:
    rows = [
        (time_text(each, "occurred_at"), enum_text(each, "kind"), each.actor, " ".join(filter(None, (each.text, each.evidence_url))))
        for each in entries
    ]
    return table("time-line", (Column("when", whole=True), "kind", "who", "what"), rows)


def draw_alerts(alerts: Iterable[alert_pb2.Alert]) -> RenderableType:
    rows = [
        (
            each.name,
            enum_text(each, "state"),
            time_text(each, "starts_at"),
            time_text(each, "ends_at"),
            each.report_count,
            each.source,
            ", ".join(f"{key}={value}" for key, value in sorted(each.labels.items())),
        )
        for each in alerts
    ]
    columns = (Column("alert", whole=True), "state", "began", "ended", Column("reports", right=True), "source", "labels")
    return table("alerts", columns, rows)


def draw_line(incident: incident_pb2.Incident) -> Text:
    parts = (
        time_text(incident, "update_time"),
        enum_text(incident, "state").ljust(len(Status.ACKNOWLEDGED)),
        incident.name,
        incident.title,
    )
    return cell("  ".join(parts))


def _row(incident: incident_pb2.Incident) -> tuple[object, ...]:
    return (
        incident.name,
        enum_text(incident, "state"),
        time_text(incident, "opened_at"),
        _took(incident),
        f"{incident.firing_count}/{incident.alert_count}",
        ", ".join(incident.components),
        incident.title,
    )


def _took(incident: incident_pb2.Incident) -> str:
    if not incident.HasField("resolved_at"):
        return ""
    return span_text(incident.resolved_at.ToDatetime() - incident.opened_at.ToDatetime())


def _time(option: str, text: str) -> Timestamp | None:
    if not text:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise invalid_field(option, f"{text!r} is not a time; write it as 2026-03-02T09:00:00Z", reason="TIME_INVALID") from None
    if value.tzinfo is None:
        raise invalid_field(option, f"{text!r} has no zone; end it with Z for UTC, or with an offset such as +02:00", reason="TIME_INVALID")
    stamp = Timestamp()
    stamp.FromDatetime(value)
    return stamp
