"""Forecasts of demand as tables."""

from collections.abc import Iterable

from ballast.allocation.v1 import demand_pb2
from ballast.allocation.v1 import demand_service_pb2 as pb
from rich.console import RenderableType

from clients.cli.formats import count_text, hours_text, number_text, percent_text
from clients.cli.output import Column, cell, table


def draw_forecasts(response: pb.ForecastDemandResponse) -> Iterable[RenderableType]:
    levels = [each.level for each in _told(response)]
    columns = (
        Column("team", whole=True),
        Column("sprint", right=True),
        Column("incidents", right=True),
        Column("VMR", right=True),
        Column("hours", right=True),
        *(Column(f"{100 * level:g} %", right=True) for level in levels),
        Column("reserve", right=True),
        Column("over capacity", right=True),
    )
    rows = [_row(forecast, sprint, len(levels)) for forecast in response.forecasts for sprint in forecast.sprints]
    if rows:
        yield table("", columns, rows)
    for forecast in response.forecasts:
        yield from _notes(forecast)
    for error in response.errors:
        yield cell(f"{error.field}: {error.description} ({error.reason})", "red")


def _told(response: pb.ForecastDemandResponse) -> list[demand_pb2.DemandQuantile]:
    return next((list(sprint.quantiles) for each in response.forecasts for sprint in each.sprints if sprint.quantiles), [])


def _row(forecast: demand_pb2.DemandForecast, sprint: demand_pb2.SprintDemand, levels: int) -> tuple[object, ...]:
    hours = [hours_text(each.hours) for each in sprint.quantiles] if sprint.quantiles else ["cannot tell"] * levels
    return (
        forecast.team,
        f"+{sprint.ahead}",
        f"{sprint.incident_mean:.1f}",
        f"{sprint.incident_vmr:.1f}",
        hours_text(sprint.mean_hours) if sprint.quantiles else "cannot tell",
        *hours,
        hours_text(sprint.reserve.hours) if sprint.HasField("reserve") else "",
        percent_text(sprint.over_capacity) if sprint.HasField("over_capacity") else "",
    )


def _notes(forecast: demand_pb2.DemandForecast) -> Iterable[RenderableType]:
    basis = forecast.basis
    seen = f"{count_text(basis.incident_count, 'incident')} in {count_text(basis.period_count, 'period')}"
    rests = f"{seen}, {count_text(basis.effort_count, 'effort')}; learned with {count_text(basis.pooled_team_count, 'team')}"
    yield cell(f"{forecast.team}: {rests}", "dim")
    if forecast.sprints[0].HasField("reserve"):
        yield cell(f"  {forecast.sprints[0].reserve.reason}")
    if forecast.HasField("wait_efforts"):
        wait = number_text(round(forecast.wait_efforts, 1))
        yield cell(f"  {percent_text(forecast.load)} of it is expected to be used; work waits {wait} mean efforts")
    if forecast.HasField("long_run"):
        mean = hours_text(forecast.long_run.mean_hours) if forecast.long_run.HasField("mean_hours") else "without bound"
        yield cell(f"  in the long run {percent_text(forecast.long_run.chance)} of sprints end with a backlog, on average {mean}")
    for warning in forecast.warnings:
        yield cell(f"  {warning}", "yellow")
