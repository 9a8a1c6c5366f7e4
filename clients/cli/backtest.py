"""`ballast backtest`: what policies would have set aside in the past, and how that would have gone."""

from pathlib import Path
from typing import Annotated

import typer
from ballast.allocation.v1 import backtest_pb2
from ballast.allocation.v1 import backtest_service_pb2 as pb
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from clients.cli.backtest_drawing import draw_backtest
from clients.cli.documents import check_writable, read_document
from clients.cli.message_file import read_message
from clients.cli.names import team_name
from clients.cli.output import cell
from clients.cli.policy_arguments import policy_and_revision
from clients.cli.session import Session, with_session
from shared.errors import invalid_field

_LARGEST_BYTES = 16_000_000
_SECONDS = 600.0


@with_session()
async def backtest(
    session: Session,
    policies: Annotated[
        list[str] | None, typer.Argument(metavar="POLICY…", help="allocationPolicies/{id} or the id, with @REVISION for an older version.")
    ] = None,
    file: Annotated[list[str] | None, typer.Option("--file", metavar="FILE", help="A policy that is not stored, as YAML.")] = None,
    team: Annotated[list[str] | None, typer.Option(metavar="TEAM", help="A team whose recorded past is used; all when none.")] = None,
    history: Annotated[
        str, typer.Option(metavar="FILE", help="A past to use instead, `histories: […]` as YAML or JSON; - for stdin.")
    ] = "",
    periods: Annotated[int, typer.Option(metavar="N", help="Newest sprints to use, up to 104; 0 for as many as there are.")] = 0,
    warm_up: Annotated[int, typer.Option("--warm-up", metavar="N", help="Periods that are only learned from.")] = 12,
    service_level: Annotated[
        float | None, typer.Option(metavar="P", help="The level to judge at; that of the first policy with a reserve, or 0.75.")
    ] = None,
    by_team: Annotated[bool, typer.Option("--by-team", help="Show how each did with each team.")] = False,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw shares and losses into this file.", dir_okay=False)] = None,
) -> None:
    """Tries policies on the past, each deciding only on what was known then; with a bar on a terminal."""
    if svg is not None:
        check_writable("--svg", svg)
    request = pb.BacktestPolicyRequest(
        policies=[_stored(each) for each in policies or []],
        teams=[team_name("--team", each) for each in team or []],
        period_count=periods,
        warm_up_periods=warm_up,
        service_level=service_level,
        with_teams=by_team,
        with_shares=svg is not None,
    )
    for each in file or []:
        read_message(read_document(each, session, _LARGEST_BYTES, "FILE_INVALID"), request.policies.add().body)
    if history:
        request.histories.extend(_histories(read_document(history, session, _LARGEST_BYTES, "FILE_INVALID")))
    summary = await _followed(session, request)
    if svg is None:
        session.output.answer(summary, lambda: draw_backtest(summary, by_team=by_team))
        return
    from clients.cli.backtest_picture import write_picture  # drawing takes half a second to load

    write_picture(summary, svg)
    session.output.answer(summary, lambda: [*draw_backtest(summary, by_team=by_team), cell(f"drawn into {svg}")])


def _stored(text: str) -> pb.BacktestedPolicy:
    name, revision = policy_and_revision("POLICY", text)
    return pb.BacktestedPolicy(name=name, revision=revision)


def _histories(text: str) -> list[backtest_pb2.BacktestHistory]:
    read = read_message(text, pb.BacktestPolicyRequest())
    if not read.histories:
        raise invalid_field("--history", "holds no histories; write `histories: [{team: teams/web, periods: […]}]`", reason="FILE_INVALID")
    return list(read.histories)


async def _followed(session: Session, request: pb.BacktestPolicyRequest) -> pb.BacktestSummary:
    """Returns how it ended. Ctrl-C leaves the call, which stops the work."""
    last = pb.BacktestPolicyResponse()
    timeout = session.connection.timeout_seconds or _SECONDS
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=session.output.aside, transient=True, disable=not session.output.aside.is_terminal) as progress:
        task = progress.add_task("deciding", total=None)
        async for last in session.connection.backtests.BacktestPolicy(request, timeout=timeout):
            if last.total_count:
                progress.update(task, completed=last.done_count, total=last.total_count)
    return last.summary
