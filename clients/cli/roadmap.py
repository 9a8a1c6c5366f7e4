"""`ballast roadmap`: what teams build: list, show and change items, and import them from other tools' files."""

import json
import re
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from ballast.allocation.v1 import allocation_messages_pb2, roadmap_item_pb2
from ballast.allocation.v1 import plan_service_pb2 as pb
from google.type.money_pb2 import Money as WireMoney
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from clients.cli import roadmap_drawing as draw
from clients.cli.connection import every_page
from clients.cli.documents import read_document
from clients.cli.failures import ExitCode
from clients.cli.message_file import message_yaml, read_message
from clients.cli.names import item_name, team_name
from clients.cli.session import Limit, Session, with_session
from shared.errors import invalid_field
from shared.money import Money

LARGEST_BYTES = 3_000_000
_IMPORT_SECONDS = 600
_SET_BY_SERVICE = ("remaining_hours", "create_time", "update_time")
_COST = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s+([A-Z]{3})")
_FORMATS = {
    "csv": pb.ROADMAP_FORMAT_CSV,
    "issues": pb.ROADMAP_FORMAT_GITHUB_ISSUES,
    "milestones": pb.ROADMAP_FORMAT_GITHUB_MILESTONES,
}

app = typer.Typer(help="List, show, import and change roadmap items, and see how they changed.")

_Item = Annotated[str, typer.Argument(metavar="ITEM", help="roadmapItems/{id}, or the id.")]
_File = Annotated[str, typer.Argument(metavar="FILE", help="The file; - is stdin.")]


@app.command("list")
@with_session()
async def list_(
    session: Session, team: Annotated[str, typer.Option(metavar="TEAM", help="Only those of this team.")] = "", limit: Limit = 50
) -> None:
    """Lists roadmap items by name."""
    request = allocation_messages_pb2.ListRoadmapItemsRequest(team=team_name("--team", team) if team else "")
    response = await every_page(session.connection.allocation.ListRoadmapItems, request, "items", limit)
    session.output.answer(response, lambda: draw.draw_items(response))


@app.command("show")
@with_session()
async def show(
    session: Session, item: _Item, as_yaml: Annotated[bool, typer.Option("--yaml", help="Print it as `apply` takes it.")] = False
) -> None:
    """Shows one item."""
    request = allocation_messages_pb2.GetRoadmapItemRequest(name=item_name("ITEM", item))
    response = await session.connection.allocation.GetRoadmapItem(request)
    if as_yaml and not session.output.as_json:
        session.output.line(message_yaml(response.item, *_SET_BY_SERVICE).rstrip("\n"))
        return
    session.output.answer(response, lambda: draw.draw_item(response.item))


@app.command("revisions")
@with_session()
async def revisions(session: Session, item: _Item, limit: Limit = 50) -> None:
    """Lists the versions of an item, newest first, with what changed in each."""
    request = pb.ListRoadmapItemRevisionsRequest(name=item_name("ITEM", item))
    response = await every_page(session.connection.plans.ListRoadmapItemRevisions, request, "revisions", limit)
    session.output.answer(response, lambda: draw.draw_revisions(response))


@app.command("apply")
@with_session()
async def apply(session: Session, file: _File) -> None:
    """Stores one item, or a list of them under `items`, from YAML or JSON as `show --yaml` prints it: all or none.

    An item with an etag is changed only at that version.
    """
    text = read_document(file, session, LARGEST_BYTES, "FILE_INVALID")
    request = allocation_messages_pb2.UpsertRoadmapItemsRequest()
    if re.search(r"^\W*items\W*:", text, re.MULTILINE):
        read_message(text, request)
    else:
        request.items.append(read_message(text, roadmap_item_pb2.RoadmapItem()))
    request.request_id = request.request_id or str(uuid.uuid4())
    response = await session.connection.allocation.UpsertRoadmapItems(request)
    session.output.answer(response, lambda: draw.draw_stored(response))


@app.command("import")
@with_session()
async def import_(
    session: Session,
    file: _File,
    team: Annotated[str, typer.Option("--team", metavar="TEAM", help="Whose items they are.")],
    form: Annotated[str, typer.Option("--format", metavar="csv|issues|milestones", help="What the file is; else told by itself.")] = "",
    effort: Annotated[float, typer.Option(metavar="HOURS", min=0, help="Effort of items of which the file says none.")] = 0.0,
    cost: Annotated[str, typer.Option(metavar="MONEY", help="A week's cost of delay of items of which it says none: '300 USD'.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Say what would be stored, and store nothing.")] = False,
    request_id: Annotated[str, typer.Option("--request-id", metavar="UUID", help="The same again answers as the first time.")] = "",
) -> int:
    """Imports items from CSV, or from GitHub's issues or milestones as JSON.

    Good rows land, all at once; bad ones are listed with their line and what to do, and the exit code is then 2. Repeating it does no
    harm: items that say what is stored stay as they are.
    """
    content = read_document(file, session, LARGEST_BYTES, "FILE_INVALID")
    request = pb.ImportRoadmapItemsRequest(
        request_id=request_id or str(uuid.uuid4()),
        team=team_name("--team", team),
        format=_form(form, file, content),
        content=content.encode(),
        default_effort_hours=effort,
        validate_only=check,
    )
    if cost:
        request.default_cost_of_delay_per_week.CopyFrom(_money(cost))
    summary = await _followed(session, request)
    session.output.answer(summary, lambda: draw.draw_summary(summary))
    return ExitCode.REFUSED if summary.refused_count else ExitCode.OK


async def _followed(session: Session, request: pb.ImportRoadmapItemsRequest) -> pb.RoadmapImportSummary:
    """Imports, with a bar on a terminal, and returns how it ended."""
    last = pb.ImportRoadmapItemsResponse()
    timeout = session.connection.timeout_seconds or _IMPORT_SECONDS
    columns = (TextColumn("reading rows"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=session.output.aside, transient=True, disable=not session.output.aside.is_terminal) as progress:
        task = progress.add_task("", total=None)
        async for last in session.connection.plans.ImportRoadmapItems(request, timeout=timeout):
            progress.update(task, completed=last.done_count, total=last.total_count)
    return last.summary


def _form(told: str, file: str, content: str) -> "pb.RoadmapFormat.ValueType":
    """Returns the form of the file: as told, or as its name and its first entry say."""
    if told:
        if told not in _FORMATS:
            raise invalid_field("--format", f"{told!r} is none of {', '.join(_FORMATS)}", reason="FORMAT_INVALID")
        return _FORMATS[told]
    if Path(file).suffix.lower() == ".csv" or not content.lstrip().startswith("["):
        return pb.ROADMAP_FORMAT_CSV
    try:
        first: object = next(iter(json.loads(content)), None)
    except ValueError:
        return pb.ROADMAP_FORMAT_GITHUB_ISSUES  # the service says where it is no JSON
    is_milestone = isinstance(first, dict) and "labels" not in first and not first.keys().isdisjoint({"due_on", "dueOn", "open_issues"})
    return pb.ROADMAP_FORMAT_GITHUB_MILESTONES if is_milestone else pb.ROADMAP_FORMAT_GITHUB_ISSUES


def _money(text: str) -> WireMoney:
    found = _COST.fullmatch(text.strip())
    if not found:
        raise invalid_field("--cost", f"{text!r} is no amount with a currency; write it as '300 USD'", reason="COST_INVALID")
    units, nanos = Money(Decimal(found[1]), found[2]).units_and_nanos
    return WireMoney(currency_code=found[2], units=units, nanos=nanos)
