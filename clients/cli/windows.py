"""`ballast windows`: planned work whose alerts are muted, once or again and again."""

from collections.abc import Iterable
from typing import Annotated

import typer
from ballast.intake.v1 import maintenance_window_messages_pb2 as pb
from ballast.intake.v1 import maintenance_window_pb2
from rich.console import RenderableType

from clients.cli.connection import every_page
from clients.cli.formats import duration_text, enum_text, time_text
from clients.cli.names import resource_name
from clients.cli.output import Column, cell, facts, table, total
from clients.cli.session import Limit, Session, with_session
from clients.cli.silences import matchers_of, matchers_text
from clients.cli.times import read_duration, read_time

app = typer.Typer(help="List, show, plan, edit and cancel maintenance windows.")

_Window = Annotated[str, typer.Argument(metavar="WINDOW", help="maintenanceWindows/{uuid}, or the UUID.")]
_Etag = Annotated[str, typer.Option(metavar="ETAG", help="Change only this version.")]
_Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why it is changed, for its history.")]


@app.command("list")
@with_session()
async def list_(
    session: Session,
    all_: Annotated[bool, typer.Option("--all", help="Those that are over as well.")] = False,
    limit: Limit = 50,
) -> None:
    """Lists maintenance windows, newest first."""
    request = pb.ListMaintenanceWindowsRequest(include_over=all_)
    response = await every_page(session.connection.muting.ListMaintenanceWindows, request, "maintenance_windows", limit)
    session.output.answer(response, lambda: draw_list(response))


@app.command("show")
@with_session()
async def show(session: Session, window: _Window) -> None:
    """Shows one window, and who changed what and why."""
    name = resource_name("WINDOW", "maintenanceWindows", window)
    muting = session.connection.muting
    found = (await muting.GetMaintenanceWindow(pb.GetMaintenanceWindowRequest(name=name))).maintenance_window
    request = pb.ListMaintenanceWindowVersionsRequest(name=name)
    versions = (await every_page(muting.ListMaintenanceWindowVersions, request, "maintenance_windows", 0)).maintenance_windows
    session.output.answer({"maintenance_window": found, "versions": list(versions)}, lambda: [*draw_window(found), draw_versions(versions)])


@app.command("add")
@with_session()
async def add(
    session: Session,
    matchers: Annotated[list[str], typer.Argument(metavar="MATCHER…", help="As Alertmanager has them: component=checkout severity!=page")],
    start: Annotated[str, typer.Option(metavar="WALL_TIME", help="When it begins by the clocks of --zone, as 2026-03-29T02:30.")],
    zone: Annotated[str, typer.Option(metavar="ZONE", help="Zone of the IANA database, as Europe/Berlin.")],
    for_: Annotated[str, typer.Option("--for", metavar="SPAN", help="How long each time, as 90m or 2h30m; at most 7d.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")],
    approver: Annotated[str, typer.Option(metavar="NAME", help="Who approved it; somebody else than you.")],
    rrule: Annotated[
        str, typer.Option(metavar="RRULE", help="When it comes again (RFC 5545), with an end: FREQ=WEEKLY;BYDAY=SU;COUNT=26.")
    ] = "",
    check: Annotated[bool, typer.Option("--check", help="Plan nothing; only say when it would be in force.")] = False,
) -> None:
    """Plans work: alerts that match all of the matchers are muted while it is under way."""
    request = pb.CreateMaintenanceWindowRequest(
        matchers=matchers_of(matchers),
        starts_at=start,
        time_zone=zone,
        duration=read_duration("--for", for_),
        rrule=rrule,
        reason=reason,
        approver=approver,
        validate_only=check,
    )
    response = await session.connection.muting.CreateMaintenanceWindow(request)
    session.output.answer(
        response, lambda: [*draw_window(response.maintenance_window), draw_occurrences("next", response.next_occurrences)]
    )


@app.command("edit")
@with_session()
async def edit(
    session: Session,
    window: _Window,
    matchers: Annotated[list[str] | None, typer.Argument(metavar="MATCHER…", help="The matchers it is to have instead.")] = None,
    start: Annotated[str, typer.Option(metavar="WALL_TIME", help="When it is to begin by the clocks of its zone.")] = "",
    zone: Annotated[str, typer.Option(metavar="ZONE", help="Zone of the IANA database.")] = "",
    for_: Annotated[str, typer.Option("--for", metavar="SPAN", help="How long each time, as 90m or 2h30m; at most 7d.")] = "",
    rrule: Annotated[str | None, typer.Option(metavar="RRULE", help="When it is to come again; '' for once.")] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why it is planned.")] = "",
    approver: Annotated[str, typer.Option(metavar="NAME", help="Who approved the change; needed where more than the reason changes.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Change nothing; only say when it would be in force.")] = False,
    why: _Why = "",
    etag: _Etag = "",
) -> None:
    """Changes a window that is not over, as a new version; what has passed stays as it was."""
    request = pb.UpdateMaintenanceWindowRequest(
        name=resource_name("WINDOW", "maintenanceWindows", window),
        etag=etag,
        matchers=matchers_of(matchers or ()),
        starts_at=start,
        time_zone=zone,
        duration=read_duration("--for", for_),
        rrule=rrule,
        reason=reason,
        approver=approver,
        change_reason=why,
        validate_only=check,
    )
    response = await session.connection.muting.UpdateMaintenanceWindow(request)
    session.output.answer(
        response, lambda: [*draw_window(response.maintenance_window), draw_occurrences("next", response.next_occurrences)]
    )


@app.command("cancel")
@with_session()
async def cancel(
    session: Session,
    window: _Window,
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="Why it is cancelled, for its history.")] = "",
    etag: _Etag = "",
) -> None:
    """Ends a window now, with the occurrence under way."""
    name = resource_name("WINDOW", "maintenanceWindows", window)
    request = pb.CancelMaintenanceWindowRequest(name=name, change_reason=why, etag=etag)
    response = await session.connection.muting.CancelMaintenanceWindow(request)
    session.output.answer(response, lambda: draw_window(response.maintenance_window))


@app.command("upcoming")
@with_session()
async def upcoming(
    session: Session,
    window: Annotated[str, typer.Option(metavar="WINDOW", help="Only of this window.")] = "",
    after: Annotated[str, typer.Option(metavar="TIME", help="Those that end after this time; now when left out.")] = "",
    before: Annotated[str, typer.Option(metavar="TIME", help="Those that begin before this time; 31 days later when left out.")] = "",
    limit: Limit = 50,
) -> None:
    """Lists when windows are in force, in that order; with --after also when they were."""
    request = pb.ListMaintenanceOccurrencesRequest(
        maintenance_window=resource_name("--window", "maintenanceWindows", window) if window else "",
        after=read_time("--after", after),
        before=read_time("--before", before),
    )
    response = await every_page(session.connection.muting.ListMaintenanceOccurrences, request, "occurrences", limit)
    session.output.answer(
        response,
        lambda: [
            draw_occurrences("", response.occurrences),
            total(len(response.occurrences), "occurrence", response.next_page_token),
        ],
    )


def draw_list(response: pb.ListMaintenanceWindowsResponse) -> Iterable[RenderableType]:
    columns = (Column("window", whole=True), "state", "when", Column("over", whole=True), "approver", "matchers", "reason")
    rows = [
        (
            each.name,
            enum_text(each, "state"),
            when_text(each),
            time_text(each, "ends_at"),
            each.approver,
            matchers_text(each.matchers),
            each.reason,
        )
        for each in response.maintenance_windows
    ]
    yield table("", columns, rows)
    yield total(len(response.maintenance_windows), "window", response.next_page_token)


def draw_window(window: maintenance_window_pb2.MaintenanceWindow) -> Iterable[RenderableType]:
    yield cell(matchers_text(window.matchers), "bold")
    yield facts(
        [
            ("name", window.name),
            ("state", enum_text(window, "state")),
            ("when", when_text(window)),
            ("over", time_text(window, "ends_at")),
            ("cancelled", time_text(window, "cancelled_at")),
            ("author", window.author),
            ("approver", window.approver),
            ("reason", window.reason),
            ("etag", window.etag),
        ]
    )


def draw_versions(versions: Iterable[maintenance_window_pb2.MaintenanceWindow]) -> RenderableType:
    columns = (Column("version", right=True), Column("made", whole=True), "change", "who", "approver", "why", "when")
    rows = [
        (
            each.version,
            time_text(each, "update_time"),
            enum_text(each, "change"),
            each.changed_by,
            each.approver,
            each.change_reason,
            when_text(each),
        )
        for each in versions
    ]
    return table("versions", columns, rows)


def draw_occurrences(title: str, occurrences: Iterable[maintenance_window_pb2.MaintenanceOccurrence]) -> RenderableType:
    columns = (Column("begins", whole=True), Column("ends", whole=True), Column("window", whole=True), "approver", "reason")
    rows = [
        (time_text(each, "starts_at"), time_text(each, "ends_at"), each.maintenance_window, each.approver, each.reason)
        for each in occurrences
    ]
    return table(title, columns, rows)


def when_text(window: maintenance_window_pb2.MaintenanceWindow) -> str:
    """Returns the plan in a line: `2026-03-29T02:30 Europe/Berlin for 2 h, FREQ=WEEKLY;COUNT=26`."""
    once = f"{window.starts_at} {window.time_zone} for {duration_text(window.duration)}"
    return f"{once}, {window.rrule}" if window.rrule else once
