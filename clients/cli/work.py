"""`ballast work`: hours worked, recorded, put right, and imported from a file."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer
from ballast.allocation.v1 import allocation_messages_pb2 as messages
from ballast.allocation.v1 import team_pb2
from ballast.allocation.v1 import work_service_pb2 as pb
from rich.console import RenderableType

from clients.cli.connection import LARGEST_PAGE, every_page
from clients.cli.documents import read_document
from clients.cli.failures import ExitCode
from clients.cli.formats import count_text, enum_text, number_text, time_text
from clients.cli.names import resource_name, team_name
from clients.cli.output import Column, cell, facts, table, total
from clients.cli.session import Limit, Session, with_session
from clients.cli.times import finite, read_time
from clients.cli.work_file import LARGEST_BYTES, REASON, batches, put_purpose, records_of

app = typer.Typer(help="Record, list, correct and import work.")

_Team = Annotated[str, typer.Argument(metavar="TEAM", help="teams/{id}, or the id.")]
_Member = Annotated[str, typer.Option(metavar="MEMBER", help="Who did it.")]
_At = Annotated[str, typer.Option("--at", metavar="TIME", help="When it was done; now when left out.")]
_PURPOSE = "incidents/{uuid}, roadmapItems/{id}, or a category such as toil."


class Class(StrEnum):
    """What work counts as, as an option."""

    REMEDIATION = "remediation"
    ROADMAP = "roadmap"
    OTHER = "other"

    @property
    def number(self) -> "team_pb2.WorkClass.ValueType":
        return team_pb2.WorkClass.Value(f"WORK_CLASS_{self.name}")


@app.command("record")
@with_session()
async def record(
    session: Session,
    team: _Team,
    purpose: Annotated[str, typer.Argument(metavar="PURPOSE", help=_PURPOSE)],
    hours: Annotated[float, typer.Argument(metavar="HOURS", help="Person-hours.")],
    member: _Member = "",
    at: _At = "",
    note: Annotated[str, typer.Option(metavar="TEXT", help="A line about it.")] = "",
) -> None:
    """Records hours worked on an incident, a roadmap item, or work of a category."""
    done = team_pb2.WorkRecord(team=team_name("TEAM", team), member=member, hours=finite("HOURS", hours), note=note)
    put_purpose(done, purpose)
    _put_time(done, at)
    response = await session.connection.allocation.RecordWork(messages.RecordWorkRequest(records=[done]))
    session.output.answer(response, lambda: draw_records(response.records))


@app.command("list")
@with_session()
async def list_(
    session: Session,
    team: _Team,
    sprint: Annotated[int, typer.Option(metavar="N", min=0, help="Only of this sprint.")] = 0,
    member: _Member = "",
    counts_as: Annotated[list[Class] | None, typer.Option("--as", help="Only what counts so; repeat for several.")] = None,
    purpose: Annotated[str, typer.Option(metavar="PURPOSE", help=_PURPOSE)] = "",
    limit: Limit = 50,
) -> None:
    """Lists a team's work records, newest first; what was put right stands beside what puts it right."""
    chosen = team_pb2.WorkFilter(sprint=sprint, member=member, work_classes=[each.number for each in counts_as or ()], purpose=purpose)
    request = messages.ListWorkRecordsRequest(team=team_name("TEAM", team), filter=chosen)
    response = await every_page(session.connection.allocation.ListWorkRecords, request, "records", limit)
    session.output.answer(response, lambda: draw_records(response.records, response.next_page_token))


@app.command("correct")
@with_session()
async def correct(
    session: Session,
    team: _Team,
    name: Annotated[str, typer.Argument(metavar="RECORD", help="workRecords/{uuid}, or the UUID.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")],
    hours: Annotated[float, typer.Option(metavar="HOURS", help="What stands in its place; nothing does when 0.")] = 0.0,
    purpose: Annotated[str, typer.Option(metavar="PURPOSE", help=_PURPOSE)] = "",
    member: _Member = "",
    at: _At = "",
) -> None:
    """Takes a record back and, with --hours, puts another in its place: what is not given is as it was. The original stays."""
    request = pb.CorrectWorkRequest(team=team_name("TEAM", team), name=resource_name("RECORD", "workRecords", name), reason=reason)
    if (purpose or member or at) and not hours:
        raise typer.BadParameter("is missing; give the hours of what stands in its place", param_hint="--hours")
    if hours:
        request.replacement.CopyFrom(await _found(session, request.team, request.name))
        request.replacement.hours = finite("--hours", hours)
        request.replacement.member = member or request.replacement.member
        if purpose:
            put_purpose(request.replacement, purpose)
        if at:
            _put_time(request.replacement, at)
    response = await session.connection.work.CorrectWork(request)
    stands = [response.replacement] if response.HasField("replacement") else []
    session.output.answer(response, lambda: draw_records([response.original, response.reversal, *stands]))


async def _found(session: Session, team: str, name: str) -> team_pb2.WorkRecord:
    """Returns what a record says of the work, newest records looked at first; nothing where there is no such record."""
    request = messages.ListWorkRecordsRequest(team=team, page_size=LARGEST_PAGE)
    while True:
        page = await session.connection.allocation.ListWorkRecords(request)
        for each in page.records:
            if each.name == name:
                kept = team_pb2.WorkRecord(team=team, member=each.member, worked_at=each.worked_at, note=each.note)
                purpose = each.WhichOneof("purpose")
                if purpose:
                    setattr(kept, purpose, getattr(each, purpose))
                return kept
        if not page.next_page_token:
            return team_pb2.WorkRecord(team=team)
        request.page_token = page.next_page_token


@app.command("import")
@with_session()
async def import_(
    session: Session, team: _Team, file: Annotated[str, typer.Argument(metavar="FILE", help="CSV, or - for stdin.")]
) -> int | None:
    """Imports a CSV of purpose, hours, worked_at, member and note; good rows land, the others say why. The same file again changes nothing.

    The exit code is 1 when a row was refused.
    """
    name, text = team_name("TEAM", team), read_document(file, session, LARGEST_BYTES, REASON)
    whole = pb.ImportWorkResponse()
    for place, records, request_id in batches(records_of(text, name), text, name):
        answer = await session.connection.work.ImportWork(pb.ImportWorkRequest(request_id=request_id, team=name, records=records))
        for each in answer.results:
            each.index += place
        whole.results.extend(answer.results)
        whole.stored_count += answer.stored_count
    session.output.answer(whole, lambda: draw_import(whole))
    return ExitCode.NO if whole.stored_count < len(whole.results) else None


@app.command("categories")
@with_session()
async def categories(session: Session, limit: Limit = 50) -> None:
    """Lists the categories that work may be recorded on, and what each counts as."""
    response = await every_page(session.connection.work.ListWorkCategories, pb.ListWorkCategoriesRequest(), "categories", limit)
    rows = [(each.category, enum_text(each, "work_class")) for each in response.categories]
    session.output.answer(response, lambda: [table("", (Column("category", whole=True), "counts as"), rows)])


def draw_records(records: Sequence[team_pb2.WorkRecord], next_page_token: str = "") -> Iterable[RenderableType]:
    columns = (
        "worked",
        Column("hours", right=True),
        Column("purpose", whole=True),
        "counts as",
        "member",
        "note",
        Column("record", whole=True),
    )
    yield table("", columns, [_row(each) for each in records])
    yield facts(_sums(records))
    yield total(len(records), "record", next_page_token)


def _row(each: team_pb2.WorkRecord) -> tuple[object, ...]:
    purpose = each.incident or each.roadmap_item or each.category
    note = f"taken back: {each.correction_reason}" if each.reverses else each.correction_reason or each.note
    counts = enum_text(each, "work_class")
    hours = cell(number_text(each.hours).replace("-", "−"), "dim strike" if each.is_corrected else "")
    return time_text(each, "worked_at"), hours, purpose, counts, each.member, note, each.name


def _sums(records: Sequence[team_pb2.WorkRecord]) -> Iterable[tuple[str, str]]:
    for counts in Class:
        yield counts.value, f"{number_text(sum(each.hours for each in records if each.work_class == counts.number))} h"


def draw_import(response: pb.ImportWorkResponse) -> Iterable[RenderableType]:
    refused = [each for each in response.results if each.HasField("error")]
    for each in refused:
        yield cell(f"row {each.index + 2}: {each.error.field}: {each.error.description} ({each.error.reason})", "red")
    yield cell(f"{count_text(response.stored_count, 'record')} stored, {len(refused)} refused")


def _put_time(done: team_pb2.WorkRecord, at: str) -> None:
    given = read_time("--at", at)
    if given is not None:
        done.worked_at.CopyFrom(given)
    else:
        done.worked_at.FromDatetime(datetime.now(UTC))
