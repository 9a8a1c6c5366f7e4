"""`ballast budgets`: what remains of error budgets, how it went, and giving some back or taking some."""

import uuid
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from ballast.triage.v1 import error_budget_pb2
from ballast.triage.v1 import error_budget_service_pb2 as pb
from ballast.triage.v1 import sli_service_pb2 as sli_pb
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import RenderableType

from clients.cli import budget_policy
from clients.cli.budget_drawing import draw_adjustments, draw_budget, draw_list, draw_points, draw_uses
from clients.cli.connection import every_page
from clients.cli.documents import check_writable
from clients.cli.formats import number_text, stamp_text
from clients.cli.names import component_name, resource_name, slo_name, team_name
from clients.cli.output import cell
from clients.cli.session import Limit, Session, with_session
from clients.cli.times import finite, read_duration, read_durations, read_time
from shared.errors import invalid_field

app = typer.Typer(help="List, show, adjust and draw error budgets; record what was counted; keep the policy.")
app.add_typer(budget_policy.app, name="policy")

_Slo = Annotated[str, typer.Argument(metavar="SLO", help="slos/{id}, or the id.")]
_Objective = Annotated[int, typer.Option("--objective", metavar="N", min=0, max=1_000, help="Position of the objective, from 0.")]
_SHOWN_POINTS = 31
_OPTIONS = {"slo": "SLO", "occurred_at": "--at"}  # what a field of a sample is called here, unless it is by its own name


class Unit(StrEnum):
    """What an adjustment is counted in, as an option."""

    MINUTES = "minutes"
    EVENTS = "events"
    PERCENT = "percent"

    @property
    def number(self) -> "error_budget_pb2.AdjustmentUnit.ValueType":
        return error_budget_pb2.AdjustmentUnit.Value(f"ADJUSTMENT_UNIT_{self.name}")


@app.command("list")
@with_session()
async def list_(
    session: Session,
    component: Annotated[str, typer.Option(metavar="COMPONENT", help="Only of this component.")] = "",
    team: Annotated[str, typer.Option(metavar="TEAM", help="Only of components of this team.")] = "",
    step: Annotated[str, typer.Option(metavar="STEP", help="Only in this step of the policy.")] = "",
    limit: Limit = 50,
) -> None:
    """Lists error budgets, the one with the least left first."""
    chosen = pb.ErrorBudgetFilter(
        component=component_name("--component", component) if component else "",
        team=team_name("--team", team) if team else "",
        step=step,
    )
    request = pb.ListErrorBudgetsRequest(filter=chosen)
    response = await every_page(session.connection.budgets.ListErrorBudgets, request, "error_budgets", limit)
    session.output.answer(response, lambda: draw_list(response))


@app.command("show")
@with_session()
async def show(
    session: Session,
    slo: _Slo,
    window: Annotated[
        list[str] | None, typer.Option(metavar="SPAN", help="Tell the burn in this time up to now too, as 3h; repeat for several.")
    ] = None,
) -> None:
    """Shows the budget of each objective of an SLO: what remains, how fast it goes, what was left out, and what follows."""
    windows = read_durations("--window", window or [])
    response = await session.connection.budgets.GetErrorBudget(pb.GetErrorBudgetRequest(slo=slo_name("SLO", slo), windows=windows))

    def draw() -> Iterable[RenderableType]:
        for each in response.error_budgets:
            yield from draw_budget(each)

    session.output.answer(response, draw)


@app.command("record")
@with_session()
async def record(
    session: Session,
    slo: _Slo,
    good: Annotated[float, typer.Option(metavar="N", help="Good events: a counter's value, or those since the sample before.")],
    total: Annotated[float, typer.Option(metavar="N", help="All events, counted likewise.")],
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="When they were counted; now by default.")] = "",
    source: Annotated[str, typer.Option(metavar="NAME", help="Who counted; events of several sources add up.")] = "cli",
    reset: Annotated[bool, typer.Option("--reset", help="The counter began anew from zero since the sample before.")] = False,
) -> None:
    """Records what was counted of an SLO at a time; the same again counts once."""
    sample = sli_pb.SliSample(
        slo=slo_name("SLO", slo),
        source=source,
        occurred_at=read_time("--at", at) or _now(),
        good=finite("--good", good),
        total=finite("--total", total),
        reset=reset,
    )
    response = await session.connection.sli.RecordSli(sli_pb.RecordSliRequest(request_id=str(uuid.uuid4()), samples=[sample]))
    for refusal in response.errors:
        field = refusal.field.rpartition(".")[2]
        raise invalid_field(_OPTIONS.get(field, f"--{field}"), refusal.description, reason=refusal.reason)
    text = f"{number_text(good)} good of {number_text(total)} at {stamp_text(sample.occurred_at)} from {source}"
    session.output.answer(response, lambda: [cell(text)])


@app.command("adjust")
@with_session()
async def adjust(
    session: Session,
    slo: _Slo,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it stays with the budget for good.")],
    approver: Annotated[str, typer.Option(metavar="NAME", help="Who approved it; not you.")],
    give: Annotated[float, typer.Option(metavar="AMOUNT", min=0, help="Give this much back.")] = 0,
    take: Annotated[float, typer.Option(metavar="AMOUNT", min=0, help="Take this much.")] = 0,
    unit: Annotated[Unit, typer.Option(help="What it is counted in.")] = Unit.PERCENT,
    objective: _Objective = 0,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="From when it counts; now by default.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="Until when; for as long as the window lasts by default.")] = "",
) -> None:
    """Gives budget back, or takes some, for a time."""
    if bool(give) is bool(take):
        raise invalid_field("--give", "stands beside --take, or neither says an amount; give one of the two", reason="AMOUNT_INVALID")
    request = pb.AdjustErrorBudgetRequest(
        slo=slo_name("SLO", slo),
        objective=objective,
        amount=finite("--give", give) or -finite("--take", take),
        unit=unit.number,
        reason=reason,
        approver=approver,
        valid_from=read_time("--from", since),
        valid_until=read_time("--until", until),
    )
    response = await session.connection.budgets.AdjustErrorBudget(request)
    session.output.answer(response, lambda: draw_budget(response.error_budgets[objective]))


@app.command("adjustments")
@with_session()
async def adjustments(
    session: Session, slo: Annotated[str, typer.Option(metavar="SLO", help="Only of this SLO.")] = "", limit: Limit = 50
) -> None:
    """Lists adjustments, newest first."""
    request = pb.ListBudgetAdjustmentsRequest(slo=slo_name("--slo", slo) if slo else "")
    response = await every_page(session.connection.budgets.ListBudgetAdjustments, request, "adjustments", limit)
    session.output.answer(response, lambda: draw_adjustments(response))


@app.command("burn-down")
@with_session()
async def burn_down(
    session: Session,
    slo: _Slo,
    objective: _Objective = 0,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it into this file.", dir_okay=False)] = None,
    points: Annotated[int, typer.Option(metavar="N", min=0, max=2000, help="How many points; 121 for a picture, 31 for a table.")] = 0,
) -> None:
    """Shows what remained of a budget over its window, as a table or as a picture."""
    if svg is not None:
        check_writable("--svg", svg)
    count = points or (121 if svg else _SHOWN_POINTS)
    request = pb.GetBurnDownRequest(slo=slo_name("SLO", slo), objective=objective, point_count=count)
    response = await session.connection.budgets.GetBurnDown(request)
    if svg is None:
        session.output.answer(response, lambda: draw_points(response))
        return
    from clients.cli.budget_picture import write_picture  # drawing takes half a second to load

    write_picture(response, svg)
    session.output.answer(response, lambda: [cell(f"drawn into {svg}")])


@app.command("incidents")
@with_session()
async def incidents(
    session: Session,
    slo: Annotated[str, typer.Option(metavar="SLO", help="What each incident used of this SLO's budgets.")] = "",
    incident: Annotated[str, typer.Option(metavar="INCIDENT", help="What this incident used of each budget.")] = "",
    lookback: Annotated[str, typer.Option(metavar="SPAN", help="How far back incidents of an SLO are looked at, as 28d.")] = "28d",
) -> None:
    """Shows what incidents used of budgets."""
    request = pb.GetIncidentBudgetUseRequest(
        slo=slo_name("--slo", slo) if slo else "",
        incident=resource_name("--incident", "incidents", incident) if incident else "",
        lookback=read_duration("--lookback", lookback),
    )
    response = await session.connection.budgets.GetIncidentBudgetUse(request)
    session.output.answer(response, lambda: draw_uses(response))


def _now() -> Timestamp:
    stamp = Timestamp()
    stamp.GetCurrentTime()
    return stamp
