"""`ballast matrix`: how impact and urgency give a severity; trying another on what happened, and changing it."""

import asyncio
import sys
import uuid
from collections.abc import Iterable
from typing import Annotated

import typer
from ballast.triage.v1 import severity_matrix_pb2 as matrix_pb
from ballast.triage.v1 import triage_service_pb2 as pb
from rich.console import RenderableType

from clients.cli.connection import every_page
from clients.cli.documents import draw_change, proposed_instead, read_document
from clients.cli.formats import count_text, duration_text, enum_text, number_text, severity_text, time_text
from clients.cli.message_file import message_yaml, read_message
from clients.cli.output import Column, cell, facts, plain, table, total
from clients.cli.session import LARGEST_REVISION, Limit, Session, with_session

LARGEST_BYTES = 64 * 1024
_LEVELS = (matrix_pb.LEVEL_LOW, matrix_pb.LEVEL_MEDIUM, matrix_pb.LEVEL_HIGH)
_SERVERS = ("revision", "author", "reason", "etag", "create_time")

app = typer.Typer(help="Show, try and change the severity matrix.")

_File = Annotated[str, typer.Argument(metavar="FILE", help="A matrix in YAML, as `show --yaml` prints it; - is stdin.")]


@app.command("show")
@with_session()
async def show(
    session: Session,
    revision: Annotated[int, typer.Option(metavar="N", min=0, max=LARGEST_REVISION, help="A revision; the newest when left out.")] = 0,
    yaml: Annotated[bool, typer.Option("--yaml", help="Print the document alone, to edit and set again.")] = False,
) -> None:
    """Shows the matrix: which severity where impact and urgency meet, from which points, and what each severity asks for."""
    response = await session.connection.triage.GetSeverityMatrix(pb.GetSeverityMatrixRequest(revision=revision))
    if yaml and not session.output.as_json:
        sys.stdout.write(plain(message_yaml(response.matrix, *_SERVERS), keep="\n"))
        return
    session.output.answer(response, lambda: draw_matrix(response.matrix))


@app.command("try")
@with_session()
async def try_(
    session: Session,
    file: _File,
    last: Annotated[int, typer.Option(metavar="N", min=1, max=5_000, help="Read this many of the last incidents.")] = 1_000,
) -> None:
    """Reads the last incidents by another matrix, and shows whose severity would differ. Changes nothing."""
    matrix = read_message(await asyncio.to_thread(read_document, file, session, LARGEST_BYTES), matrix_pb.SeverityMatrix())
    response = await session.connection.triage.DryRunSeverityMatrix(pb.DryRunSeverityMatrixRequest(matrix=matrix, incidents=last))
    session.output.answer(response, lambda: draw_trial(response))


@app.command("set")
@with_session()
async def set_(
    session: Session,
    file: _File,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the revision.")],
    etag: Annotated[str, typer.Option(metavar="ETAG", help="Change only the matrix with this etag; the newest when left out.")] = "",
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Say what would be made, and make nothing.")] = False,
) -> None:
    """Puts a matrix in force, as a new revision; open incidents are assessed again."""
    triage = session.connection.triage
    matrix = read_message(await asyncio.to_thread(read_document, file, session, LARGEST_BYTES), matrix_pb.SeverityMatrix())
    matrix.reason = reason
    newest = (await triage.GetSeverityMatrix(pb.GetSeverityMatrixRequest())).matrix
    matrix.etag = etag or newest.etag
    request = pb.UpdateSeverityMatrixRequest(request_id=str(uuid.uuid4()), matrix=matrix, validate_only=validate_only)
    with proposed_instead("draft", file, reason):
        response = await triage.UpdateSeverityMatrix(request)
    made = response.matrix
    session.output.answer(response, lambda: draw_change(draw_matrix(made), newest.revision, made.revision, validate_only=validate_only))


@app.command("revisions")
@with_session()
async def revisions(session: Session, limit: Limit = 50) -> None:
    """Lists the revisions, newest first."""
    call = session.connection.triage.ListSeverityMatrixRevisions
    response = await every_page(call, pb.ListSeverityMatrixRevisionsRequest(), "matrices", limit)
    session.output.answer(response, lambda: draw_revisions(response))


def draw_matrix(matrix: matrix_pb.SeverityMatrix) -> Iterable[RenderableType]:
    yield facts(
        [
            ("revision", matrix.revision),
            ("made", time_text(matrix, "create_time")),
            ("by", matrix.author),
            ("reason", matrix.reason),
            ("etag", matrix.etag),
        ]
    )
    found = {(each.impact, each.urgency): severity_text(each.severity) for each in matrix.cells}
    headers = ["impact \\ urgency", *(_from_points(level, matrix.urgency_thresholds) for level in _LEVELS)]
    rows = [
        (_from_points(impact, matrix.impact_thresholds), *(found.get((impact, urgency), "") for urgency in _LEVELS))
        for impact in reversed(_LEVELS)
    ]
    yield table("severity where they meet", headers, rows)
    targets = [
        (severity_text(each.severity), duration_text(each.time_to_restore), duration_text(each.report_every)) for each in matrix.targets
    ]
    yield table("what each asks for", ("severity", "restore within", "report every"), targets)


def draw_trial(response: pb.DryRunSeverityMatrixResponse) -> Iterable[RenderableType]:
    columns = ("severity", Column("as assessed", right=True), Column("with this matrix", right=True))
    yield table("incidents by severity", columns, [(severity_text(each.severity), each.before, each.after) for each in response.counts])
    changes = [(severity_text(each.before), severity_text(each.after), each.title, each.incident) for each in response.changes]
    if changes:
        yield table("those that differ", ("as assessed", "with this matrix", "title", Column("incident", whole=True)), changes)
    left_out = f"; {response.changes_left_out:,} more differ" if response.changes_left_out else ""
    differ = count_text(len(changes), "incident differs", "incidents differ")
    yield cell(f"{differ} of {response.incidents:,}{left_out}; nothing was changed", "dim")


def draw_revisions(response: pb.ListSeverityMatrixRevisionsResponse) -> Iterable[RenderableType]:
    columns = (Column("revision", right=True), Column("made", whole=True), "by", "reason")
    rows = [(each.revision, time_text(each, "create_time"), each.author, each.reason) for each in response.matrices]
    yield table("", columns, rows)
    yield total(len(rows), "revision", response.next_page_token)


def _from_points(level: int, thresholds: Iterable[float]) -> str:
    name = enum_text(matrix_pb.SeverityCell(impact=level), "impact")  # type: ignore[arg-type]
    medium, high = thresholds
    limits = {matrix_pb.LEVEL_LOW: f"below {number_text(medium)}", matrix_pb.LEVEL_MEDIUM: f"from {number_text(medium)}"}
    return f"{name} ({limits.get(level, f'from {number_text(high)}')})"  # type: ignore[call-overload]
