"""`ballast changes`: deploys, rollbacks and other changes, which may explain incidents."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import typer
from ballast.intake.v1 import change_pb2
from ballast.intake.v1 import signal_messages_pb2 as pb
from rich.console import RenderableType

from clients.cli.connection import every_page
from clients.cli.formats import enum_text, time_text
from clients.cli.items import taken
from clients.cli.output import Column, cell, table, total
from clients.cli.session import Limit, Session, with_session
from clients.cli.times import read_time

app = typer.Typer(help="List and report deploys and other changes.")

_Time = Annotated[str, typer.Option(metavar="TIME", help="As 2026-03-02T09:00:00Z; see --outcome for what it means to leave it out.")]


class Kind(StrEnum):
    """What kind of change, as an argument."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    CONFIG = "config"
    FLAG = "flag"
    INFRASTRUCTURE = "infrastructure"
    DATA = "data"
    REMOVAL = "removal"
    OTHER = "other"

    @property
    def number(self) -> "change_pb2.ChangeKind.ValueType":
        return change_pb2.ChangeKind.Value(f"CHANGE_KIND_{self.name}")


class Outcome(StrEnum):
    """How far a change has come, as an option."""

    UNDER_WAY = "under-way"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def number(self) -> "change_pb2.ChangeOutcome.ValueType":
        return change_pb2.ChangeOutcome.Value(f"CHANGE_OUTCOME_{self.name}")


@app.command("list")
@with_session()
async def list_(
    session: Session,
    component: Annotated[list[str] | None, typer.Option(metavar="ID", help="Only those of this component; repeat for several.")] = None,
    kind: Annotated[list[Kind] | None, typer.Option(help="Only those of this kind; repeat for several.")] = None,
    environment: Annotated[str, typer.Option(metavar="NAME", help="Only those in this environment.")] = "",
    since: Annotated[str, typer.Option(metavar="TIME", help="Only those begun at or after this time.")] = "",
    before: Annotated[str, typer.Option(metavar="TIME", help="Only those begun before this time.")] = "",
    limit: Limit = 50,
) -> None:
    """Lists changes, the last begun first."""
    chosen = pb.ChangeFilter(
        components=component or (),
        kinds=[each.number for each in kind or ()],
        environment=environment,
        started_from=read_time("--since", since),
        started_before=read_time("--before", before),
    )
    response = await every_page(session.connection.signals.ListChanges, pb.ListChangesRequest(filter=chosen), "changes", limit)
    session.output.answer(response, lambda: draw_list(response))


@app.command("report")
@with_session()
async def report(
    session: Session,
    kind: Annotated[Kind, typer.Argument(help="What kind of change.")],
    key: Annotated[str, typer.Option(metavar="KEY", help="Your own key for it, such as the id of the pipeline's run.")],
    components: Annotated[list[str] | None, typer.Argument(metavar="[COMPONENT]...", help="Ids of the components it touched.")] = None,
    source: Annotated[str, typer.Option(metavar="NAME", help="Who tells: a stable name of the pipeline.")] = "cli",
    outcome: Annotated[Outcome, typer.Option(help="How far it has come. What is over and has no times was over now.")] = Outcome.SUCCEEDED,
    started: _Time = "",
    finished: _Time = "",
    summary: Annotated[str, typer.Option(metavar="TEXT", help="One line for people.")] = "",
    version: Annotated[str, typer.Option(metavar="TEXT", help="The version or artifact it brings.")] = "",
    environment: Annotated[str, typer.Option(metavar="NAME", help="Where, such as production.")] = "",
    url: Annotated[str, typer.Option(metavar="URL", help="Where it is shown.")] = "",
    author: Annotated[str, typer.Option(metavar="NAME", help="Who made it.")] = "",
) -> None:
    """Tells of a change. The same key again tells how it went on, and is never another change.

    At the begin of a deploy: --outcome under-way; at its end the same key with --outcome succeeded or failed.
    """
    sent = change_pb2.ChangeReport(
        key=key,
        kind=kind.number,
        components=components or (),
        environment=environment,
        summary=summary,
        version=version,
        url=url,
        author=author,
        started_at=read_time("--started", started),
        finished_at=read_time("--finished", finished),
        outcome=outcome.number,
    )
    response = await session.connection.signals.ReportChanges(pb.ReportChangesRequest(source=source, changes=[sent]))
    (result,) = taken(response.results, {"changes[0].": ""})
    session.output.answer(result, lambda: [cell(f"{result.change} {enum_text(result, 'outcome')}")])


def draw_list(response: pb.ListChangesResponse) -> Iterable[RenderableType]:
    columns = (
        Column("change", whole=True),
        "what",
        "outcome",
        Column("began", whole=True),
        Column("over", whole=True),
        "where",
        "summary",
    )
    yield table("", columns, [_row(each) for each in response.changes])
    yield total(len(response.changes), "change", response.next_page_token)


def _row(change: change_pb2.Change) -> tuple[object, ...]:
    """Two columns hold two fields each: with one for every field, the list is wider than terminals are, and falls into blocks."""
    components = ", ".join(change.components)
    return (
        change.name,
        f"{enum_text(change, 'kind')} {change.version}".rstrip(),
        enum_text(change, "outcome"),
        time_text(change, "started_at"),
        time_text(change, "finished_at"),
        f"{components} in {change.environment}".lstrip() if change.environment else components,
        change.summary,
    )
