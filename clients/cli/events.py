"""`ballast events`: what waits in a service's outbox, what failed for good, and delivering that again."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Annotated

import typer
from ballast.events.v1 import event_admin_service_pb2 as pb
from rich.console import RenderableType

from clients.cli.addresses import PORTS, service_named
from clients.cli.connection import every_page
from clients.cli.formats import time_text
from clients.cli.output import Column, cell, table, total
from clients.cli.session import Limit, Session, with_session

app = typer.Typer(help="Show and repair the delivery of events.")

_Service = Annotated[str, typer.Argument(metavar="SERVICE", help="intake, triage, allocation, playbook or governance.")]


@app.command("backlog")
@with_session()
async def backlog(
    session: Session, service: Annotated[str, typer.Argument(metavar="[SERVICE]", help="One service; every one when left out.")] = ""
) -> None:
    """Says how many deliveries of a service, or of each, wait and how many failed for good."""
    chosen = [service_named(service)] if service else list(PORTS)
    asked = (session.connection.event_admin(each).GetBacklog(pb.GetBacklogRequest()) for each in chosen)
    found = dict(zip(chosen, await asyncio.gather(*asked), strict=True))
    session.output.answer(found, lambda: [draw_backlog(found)])


@app.command("dead-letters")
@with_session()
async def dead_letters(session: Session, service: _Service, limit: Limit = 50) -> None:
    """Lists a service's deliveries that failed for good, oldest first."""
    admin = session.connection.event_admin(service_named(service))
    response = await every_page(admin.ListDeadLetters, pb.ListDeadLettersRequest(), "dead_letters", limit)
    session.output.answer(response, lambda: draw_dead_letters(response))


@app.command("replay")
@with_session()
async def replay(
    session: Session,
    service: _Service,
    names: Annotated[list[str] | None, typer.Argument(metavar="[DEAD_LETTER]...", help="deadLetters/{number}, or the number.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of the service's dead letters.")] = False,
) -> None:
    """Puts dead letters back in the queue."""
    if bool(names) == everything:
        raise typer.BadParameter("name the dead letters, or give --all; not both", param_hint="DEAD_LETTER")
    chosen = [f"deadLetters/{each.removeprefix('deadLetters/')}" for each in names or ()]
    admin = session.connection.event_admin(service_named(service))
    response = await admin.ReplayDeadLetters(pb.ReplayDeadLettersRequest(names=chosen))
    text = f"{response.replayed_count} back in the queue, {response.skipped_count} were no dead letters any more"
    session.output.answer(response, lambda: [cell(text)])


def draw_backlog(found: Mapping[str, pb.GetBacklogResponse]) -> RenderableType:
    rows = [
        (name, each.pending_count, time_text(each, "oldest_pending_time"), each.dead_letter_count, _last_error(each))
        for name, each in found.items()
    ]
    columns = ("service", Column("waiting", right=True), "oldest since", Column("dead letters", right=True), "last error")
    return table("", columns, rows)


def _last_error(backlog: pb.GetBacklogResponse) -> str:
    if not backlog.HasField("last_error_time"):
        return ""
    return f"{backlog.last_error_subscriber} at {time_text(backlog, 'last_error_time')}: {backlog.last_error}"


def draw_dead_letters(response: pb.ListDeadLettersResponse) -> Iterable[RenderableType]:
    rows = [
        (each.name, time_text(each, "create_time"), each.event_type, each.subject, each.subscriber, each.attempts, each.last_error)
        for each in response.dead_letters
    ]
    columns = (
        Column("name", whole=True),
        Column("recorded", whole=True),
        "event",
        "subject",
        "subscriber",
        Column("tries", right=True),
        "last error",
    )
    yield table("", columns, rows)
    yield total(len(rows), "dead letter", response.next_page_token)
