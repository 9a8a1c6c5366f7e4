"""`ballast incidents`: what is broken, how it went, and who takes it."""

from collections.abc import AsyncIterable
from enum import StrEnum
from typing import Annotated

import typer
from ballast.intake.v1 import incident_pb2
from ballast.intake.v1 import intake_service_pb2 as pb

from clients.cli import incident_changes
from clients.cli.alert_drawing import draw_alerts
from clients.cli.connection import every_page
from clients.cli.failures import ExitCode
from clients.cli.feed import follow
from clients.cli.incident_arguments import At, Etag, Incident, Note, incident_name
from clients.cli.incident_drawing import draw_incident, draw_line, draw_list, draw_timeline
from clients.cli.session import Limit, Session, with_session
from clients.cli.times import read_time

app = typer.Typer(help="List, show, watch, declare, take, mend, merge and end incidents.")


class Status(StrEnum):
    """Where an incident stands, as an option."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
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
        opened_from=read_time("--since", since),
        opened_before=read_time("--before", before),
    )
    request = pb.ListIncidentsRequest(filter=chosen, order_by=order_by)
    response = await every_page(session.connection.intake.ListIncidents, request, "incidents", limit)
    session.output.answer(response, lambda: draw_list(response))


@app.command("show")
@with_session()
async def show(session: Session, incident: Incident) -> None:
    """Shows one incident with its time-line and alerts."""
    name = incident_name(incident)
    intake = session.connection.intake
    found = (await intake.GetIncident(pb.GetIncidentRequest(name=name))).incident
    timeline = (await every_page(intake.ListTimeline, pb.ListTimelineRequest(incident=name), "entries", 0)).entries
    alerts = (await every_page(intake.ListAlerts, pb.ListAlertsRequest(incident=name), "alerts", 0)).alerts
    answer = {"incident": found, "timeline": list(timeline), "alerts": list(alerts)}
    session.output.answer(answer, lambda: [*draw_incident(found), draw_timeline(timeline), draw_alerts(alerts, "alerts")])


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

    def watch_from(token: str) -> AsyncIterable[pb.WatchIncidentsResponse]:
        return session.connection.intake.WatchIncidents(pb.WatchIncidentsRequest(resume_token=token))

    async for response in follow(watch_from, "incident", resume_token, session.output.note):
        session.output.each(response, draw_line(response.incident))
        seen += 1
        if seen == count:
            return


@app.command("ack")
@with_session()
async def ack(session: Session, incident: Incident, note: Note = "", etag: Etag = "", at: At = "") -> None:
    """Says that somebody works on the incident."""
    request = pb.AcknowledgeIncidentRequest(name=incident_name(incident), etag=etag, note=note, occurred_at=read_time("--at", at))
    response = await session.connection.intake.AcknowledgeIncident(request)
    session.output.answer(response, lambda: draw_incident(response.incident))


@app.command("resolve")
@with_session()
async def resolve(
    session: Session,
    incident: Incident,
    note: Note = "",
    etag: Etag = "",
    at: At = "",
    force: Annotated[bool, typer.Option("--force", help="Even while alerts fire.")] = False,
) -> None:
    """Ends the incident."""
    request = pb.ResolveIncidentRequest(name=incident_name(incident), etag=etag, note=note, occurred_at=read_time("--at", at), force=force)
    response = await session.connection.intake.ResolveIncident(request)
    session.output.answer(response, lambda: draw_incident(response.incident))


app.add_typer(incident_changes.app)
