"""`ballast alerts`: sends alerts from a file, all of it checked before any of it leaves; lists and shows them."""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from ballast.intake.v1 import alert_pb2, explanation_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from clients.cli.alert_drawing import draw_alert, draw_alerts
from clients.cli.alert_file import LocatedReport, read_reports
from clients.cli.connection import every_page
from clients.cli.failures import ExitCode
from clients.cli.formats import count_text, enum_text
from clients.cli.names import resource_name
from clients.cli.output import Column, as_data, cell, table, total
from clients.cli.session import Limit, Session, with_session
from shared.errors import BallastError, InvalidInput, Violation, invalid_field

BATCH_COUNT = 500
# Servers take 4 MiB by default; the rest is room for the request around the reports.
BATCH_BYTES = 3_500_000
_SHOWN = 50

app = typer.Typer(help="Send, list and show alerts.")


@app.command("list")
@with_session()
async def list_(
    session: Session,
    incident: Annotated[str, typer.Option(metavar="NAME", help="Only those of this incident; incidents/{uuid}, or the UUID.")] = "",
    limit: Limit = 50,
) -> None:
    """Lists alerts, current and past, newest first: where each stands, and what became of it."""
    name = resource_name("--incident", "incidents", incident) if incident else ""
    response = await every_page(session.connection.intake.ListAlerts, pb.ListAlertsRequest(incident=name), "alerts", limit)
    counted = total(len(response.alerts), "alert", response.next_page_token)
    session.output.answer(response, lambda: [draw_alerts(response.alerts), counted])


@app.command("show")
@with_session()
async def show(session: Session, alert: Annotated[str, typer.Argument(metavar="ALERT", help="alerts/{uuid}, or the UUID.")]) -> None:
    """Shows one alert, current or past. `ballast explain` says why it is where it is."""
    request = explanation_pb2.GetAlertRequest(name=resource_name("ALERT", "alerts", alert))
    response = await session.connection.intake.GetAlert(request)
    session.output.answer(response, lambda: [draw_alert(response.alert)])


@app.command("send")
@with_session()
async def send(
    session: Session,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="JSON array or JSON lines of alerts, Ballast's or Alertmanager's fields; - is stdin.")
    ],
    source: Annotated[str, typer.Option(metavar="NAME", help="Who sends: a stable name of the monitoring system.")] = "cli",
) -> ExitCode:
    """Sends the alerts of a file, in batches of 500. A line that is malformed is named, and nothing of the file is sent.

    Fields: labels, annotations, starts_at, ends_at, key, generator_url (or startsAt, endsAt, generatorURL). Sending a file twice
    is safe: the second time they are repeats. Where the server refuses some, the others are durable, and the exit code is 2.
    """
    if not source:
        raise invalid_field("--source", "is empty; name the monitoring system")
    located = read_reports(await asyncio.to_thread(_content, file, session), datetime.now(UTC))
    receipts = await _send_all(session, source, located)
    data = [as_data(receipt) | {"line": each.line} for each, receipt in zip(located, receipts, strict=True)]
    session.output.answer({"receipts": data}, lambda: draw_receipts(located, receipts))
    return ExitCode.REFUSED if any(each.HasField("error") for each in receipts) else ExitCode.OK


def batches(located: Sequence[LocatedReport]) -> Iterator[Sequence[LocatedReport]]:
    """Cuts reports into batches that a server takes: at most 500, and at most 3.5 MB."""
    begin, size = 0, 0
    for index, each in enumerate(located):
        weight = each.report.ByteSize() + 8  # tag and length within the request
        if index > begin and (index - begin == BATCH_COUNT or size + weight > BATCH_BYTES):
            yield located[begin:index]
            begin, size = index, 0
        size += weight
    yield located[begin:]


def draw_receipts(located: Sequence[LocatedReport], receipts: Sequence[alert_pb2.AlertReceipt]) -> Iterable[RenderableType]:
    pairs = list(zip(located, receipts, strict=True))
    durable = [(each.line, receipt) for each, receipt in pairs if not receipt.HasField("error")]
    refused = [(each.line, receipt.error) for each, receipt in pairs if receipt.HasField("error")]
    if durable:
        columns = (Column("line", right=True), "outcome", Column("alert", whole=True), Column("incident", whole=True))
        taken = [(line, enum_text(receipt, "outcome"), receipt.alert, receipt.incident) for line, receipt in durable]
        yield from _first(table("", columns, taken[:_SHOWN]), len(taken))
    if refused:
        named = (Column("line", right=True), "reason", "field", "description")
        faults = [(line, error.reason, _located(error.field), error.description) for line, error in refused]
        yield from _first(table("refused", named, faults[:_SHOWN]), len(faults))
    counts = Counter(enum_text(receipt, "outcome") for _, receipt in durable)
    incidents = len({receipt.incident for _, receipt in durable if receipt.incident})
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
    line = f"{len(durable)} durable" + (f": {told}; {count_text(incidents, 'incident')}" if durable else "")
    yield cell(line + (f"; {len(refused)} refused" if refused else ""))


def _first(drawn: RenderableType, count: int) -> Iterable[RenderableType]:
    yield drawn
    if count > _SHOWN:
        yield cell(f"… and {count - _SHOWN} more; --json prints all", "dim")


async def _send_all(session: Session, source: str, located: Sequence[LocatedReport]) -> list[alert_pb2.AlertReceipt]:
    receipts: list[alert_pb2.AlertReceipt] = []
    columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=session.output.aside, transient=True, disable=not session.output.aside.is_terminal) as progress:
        task = progress.add_task("", total=len(located))
        for batch in batches(located):
            try:
                response = await session.connection.intake.ReportAlerts(
                    pb.ReportAlertsRequest(source=source, reports=[each.report for each in batch])
                )
            except BallastError as error:
                if receipts:
                    session.output.note(
                        f"{len(receipts)} of {len(located)} alerts are durable; send the file again for the rest: repeats are harmless"
                    )
                raise _by_line(error, batch) from None
            receipts += response.receipts
            progress.update(task, completed=len(receipts))
    return receipts


def _by_line(error: BallastError, batch: Sequence[LocatedReport]) -> BallastError:
    """Returns the refusal with lines of the file in place of positions in the batch."""
    if not isinstance(error, InvalidInput):
        return error
    violations = [Violation(_in_file(each.field, batch), each.description) for each in error.violations]
    return InvalidInput(
        f"the server refused {len(violations)} of the alerts" if violations else error.message,
        violations,
        reason=error.reason,
        metadata=error.metadata,
    )


def _in_file(field: str, batch: Sequence[LocatedReport]) -> str:
    index = field.partition("].")[0].removeprefix("reports[")
    if not field.startswith("reports[") or not index.isdigit() or int(index) >= len(batch):
        return field
    return f"line {batch[int(index)].line}, {_located(field)}"


def _located(field: str) -> str:
    """Returns the field within its report, for where the line is told beside it."""
    return field.partition("].")[2] or field


def _content(file: str, session: Session) -> bytes:
    if file == "-":
        if sys.stdin.isatty():
            session.output.note("reading alerts from the terminal; end with Ctrl-D")
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise invalid_field(
            "FILE", f"{file} cannot be read ({error.strerror}); give the path of a file, or - for stdin", reason="FILE_UNREADABLE"
        ) from None
