"""`ballast split`: how teams' sprints are shared out now, and each change of that."""

from collections.abc import AsyncIterable, Iterable
from datetime import timedelta
from typing import Annotated

import typer
from ballast.allocation.v1 import allocation_messages_pb2 as pb
from ballast.allocation.v1 import split_pb2, team_pb2
from ballast.allocation.v1 import split_service_pb2 as service_pb
from rich.console import RenderableType
from rich.text import Text

from clients.cli.connection import every_page
from clients.cli.failures import ExitCode
from clients.cli.feed import follow
from clients.cli.formats import hours_text, percent_text, time_text
from clients.cli.names import team_name
from clients.cli.output import Column, cell, facts, table, total
from clients.cli.session import Limit, Session, with_session

_BAR_WIDTH = 40
_ROW_WIDTH = 20

app = typer.Typer(help="Show, list and watch how teams' sprints are shared out.")
_SOURCES = {
    split_pb2.SPLIT_SOURCE_CACHE: "the cache",
    split_pb2.SPLIT_SOURCE_DATABASE: "the database",
    split_pb2.SPLIT_SOURCE_DATABASE_WITHOUT_CACHE: "the database, as the cache is away",
}
_COLUMNS = ("team", Column("remediation", right=True), Column("roadmap", right=True), "split", "since", "decision")


@app.callback()
def _group() -> None:
    """Show, list and watch how teams' sprints are shared out."""


@app.command("show")
@with_session()
async def show(
    session: Session,
    team: Annotated[str, typer.Argument(metavar="TEAM", help="teams/{id}, or the id.")],
    max_staleness: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0, help="How old the answer may be; 0 asks the database.", show_default=False)
    ] = None,
) -> None:
    """Shows a team's split: hours for remediation, hours for the roadmap, the decision that set it, and how fresh the answer is."""
    request = pb.GetSplitRequest(team=team_name("TEAM", team))
    if max_staleness is not None:
        request.max_staleness.FromTimedelta(timedelta(seconds=max_staleness))
    response = await session.connection.allocation.GetSplit(request)
    session.output.answer(response, lambda: draw_split(response))


@app.command("list")
@with_session()
async def list_(session: Session, limit: Limit = 50) -> None:
    """Lists the splits that hold now, by team."""
    response = await every_page(session.connection.splits.ListSplits, service_pb.ListSplitsRequest(), "splits", limit)
    session.output.answer(response, lambda: draw_list(response))


@app.command("watch")
@with_session(interrupted=ExitCode.OK)
async def watch(
    session: Session,
    team: Annotated[str, typer.Argument(metavar="[TEAM]", help="Only of this team.", show_default=False)] = "",
    resume_token: Annotated[
        str, typer.Option(metavar="TOKEN", help="Go on right after this token; from the splits that hold now when left out.")
    ] = "",
    count: Annotated[int, typer.Option(metavar="N", min=0, help="End after this many; 0 goes on until Ctrl-C.")] = 0,
) -> None:
    """Prints the splits that hold, then each that changes, until Ctrl-C (exit code 0). JSON lines with --json, each with its resume token.

    When the connection is lost it comes back and goes on where it was.
    """
    of = team_name("TEAM", team) if team else ""
    told: dict[str, int] = {}
    seen = 0

    def watch_from(token: str) -> AsyncIterable[service_pb.WatchSplitsResponse]:
        return session.connection.splits.WatchSplits(service_pb.WatchSplitsRequest(team=of, resume_token=token))

    async for response in follow(watch_from, "split", resume_token, session.output.note):
        if response.version <= told.get(response.split.team, 0):
            continue  # told before the connection was lost
        told[response.split.team] = response.version
        session.output.each(response, draw_line(response.split))
        seen += 1
        if seen == count:
            return


def draw_split(response: pb.GetSplitResponse) -> Iterable[RenderableType]:
    split = response.split
    yield bar(split.remediation_share)
    yield facts(
        [
            ("sprint", split.sprint),
            ("remediation", f"{percent_text(split.remediation_share)}, {hours_text(split.remediation_hours)}"),
            ("roadmap", f"{percent_text(split.roadmap_share)}, {hours_text(split.roadmap_hours)}"),
            ("capacity", hours_text(split.capacity_hours)),
            ("since", time_text(split, "effective_at")),
            ("decision", split.decision),
            ("policy", f"{split.policy} revision {split.policy_revision}"),
            ("read", _freshness_text(response.freshness)),
        ]
    )


def draw_list(response: service_pb.ListSplitsResponse) -> Iterable[RenderableType]:
    yield table("", _COLUMNS, [_row(each) for each in response.splits])
    yield total(len(response.splits), "split", response.next_page_token)


def draw_line(split: team_pb2.Split) -> Text:
    """Returns a split that holds from now, on one line."""
    shares = f"remediation {percent_text(split.remediation_share):>7}  roadmap {percent_text(split.roadmap_share):>7}"
    return cell(f"{time_text(split, 'effective_at')}  {split.team}  {shares}  {split.decision}")


def _row(split: team_pb2.Split) -> tuple[object, ...]:
    shares = percent_text(split.remediation_share), percent_text(split.roadmap_share)
    return (split.team, *shares, bar(split.remediation_share, _ROW_WIDTH), time_text(split, "effective_at"), split.decision)


def _freshness_text(freshness: split_pb2.SplitFreshness) -> str:
    source = _SOURCES.get(freshness.source, "")
    age = freshness.age.ToTimedelta().total_seconds()
    return f"from {source}, certain as of {age:.3f} s before" if age else f"from {source}" if source else ""


def bar(share: float, width: int = _BAR_WIDTH) -> Text:
    """Returns the split as a bar: remediation filled, roadmap shaded."""
    filled = round(share * width)
    return Text("█" * filled, "red") + Text("░" * (width - filled), "green")
