"""`ballast ledger`: every event in order, and the proof that none was altered."""

from collections.abc import Iterable
from typing import Annotated

import typer
from ballast.governance.v1 import governance_service_pb2 as pb
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from clients.cli.connection import every_page
from clients.cli.failures import ExitCode
from clients.cli.formats import count_text, time_text
from clients.cli.output import Column, cell, table, total
from clients.cli.session import Limit, Session, with_session

# A long ledger takes minutes to verify; the server's own default would cut it off.
_VERIFY_SECONDS = 3600.0

app = typer.Typer(help="List and verify the ledger.")


@app.command("list")
@with_session()
async def list_(
    session: Session,
    subject: Annotated[str, typer.Option(metavar="NAME", help="Only entries about this resource.")] = "",
    type_: Annotated[str, typer.Option("--type", metavar="TYPE", help="Only entries of this event type, a full message name.")] = "",
    trace_id: Annotated[str, typer.Option(metavar="ID", help="Only entries of this trace, 32 hex digits.")] = "",
    limit: Limit = 50,
) -> None:
    """Lists ledger entries in their order."""
    request = pb.ListLedgerEntriesRequest(subject=subject, type=type_, trace_id=trace_id.lower())
    response = await every_page(session.connection.governance.ListLedgerEntries, request, "entries", limit)
    session.output.answer(response, lambda: draw_entries(response))


@app.command("verify")
@with_session()
async def verify(session: Session) -> int:
    """Recomputes the hash chain from the first entry to the last. Exit code 1, and the first fault, when it does not fit."""
    last = pb.VerifyLedgerResponse()
    timeout = session.connection.timeout_seconds or _VERIFY_SECONDS
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=session.output.aside, transient=True, disable=not session.output.aside.is_terminal) as progress:
        task = progress.add_task("", total=None)
        async for last in session.connection.governance.VerifyLedger(pb.VerifyLedgerRequest(), timeout=timeout):
            progress.update(task, completed=last.verified_count, total=last.total_count)
    session.output.answer(last, lambda: draw_verdict(last))
    return ExitCode.OK if fits(last) else ExitCode.NO


def fits(last: pb.VerifyLedgerResponse) -> bool:
    """A stream that ended early proves nothing, so only a last answer without fault counts."""
    return last.done and not last.HasField("fault")


def draw_verdict(last: pb.VerifyLedgerResponse) -> Iterable[RenderableType]:
    if fits(last):
        yield cell(f"the ledger fits: {count_text(last.verified_count, 'entry', 'entries')}, head {last.head_hash}", "green")
    elif last.HasField("fault"):
        yield cell(f"the ledger does not fit at entry {last.fault.sequence}: {last.fault.detail} [{last.fault.reason}]", "red")
        yield cell(f"{last.verified_count} of {last.total_count} entries before it fit")
    else:
        yield cell(f"verification ended after {last.verified_count} of {last.total_count} entries, without a verdict", "red")


def draw_entries(response: pb.ListLedgerEntriesResponse) -> Iterable[RenderableType]:
    rows = [
        (
            each.sequence,
            time_text(each, "event_time"),
            each.type.rpartition(".")[2],
            each.subject,
            each.principal,
            each.trace_id,
            each.hash[:12],
        )
        for each in response.entries
    ]
    columns = (Column("no.", right=True), Column("happened", whole=True), "event", Column("subject", whole=True), "who", "trace", "hash")
    yield table("", columns, rows)
    yield total(len(rows), "entry", response.next_page_token, "entries")
