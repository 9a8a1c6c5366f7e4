"""Scenarios as tables, side by side: how things are, and how they would be."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from ballast.allocation.v1 import decision_pb2, scenario_pb2
from ballast.allocation.v1 import scenario_service_pb2 as pb
from rich.console import RenderableType

from clients.cli.formats import duration_text, hours_text, money_text, percent_text, time_text
from clients.cli.output import Column, cell, table

_SIDES = (Column("as it is", right=True), Column("with the change", right=True))


def draw_scenario(response: pb.SimulateScenarioResponse) -> Iterable[RenderableType]:
    sides = (response.without, getattr(response, "with"))
    yield table("The split", ("", *_SIDES), _split_rows(*sides))
    yield table("The sprints to come", _sprint_columns(), [_sprint_row(*pair) for pair in zip_longest(*(each.sprints for each in sides))])
    moved = [*response.displaced, *response.advanced]
    if moved:
        rows = [
            (each.roadmap_item, duration_text(each.delay), money_text(each, "value_at_risk"), time_text(each, "planned_before_at"),
             time_text(each, "planned_after_at") or "beyond the horizon")
            for each in moved
        ]  # fmt: skip
        columns = (Column("item", whole=True), Column("delay", right=True), Column("at risk", right=True), "done", "done then")
        yield table("The roadmap", columns, rows, ("", "", money_text(response, "value_at_risk"), "", ""))
    else:
        yield cell("No roadmap item moves.", "dim")
    for warning in response.warnings:
        yield cell(warning, "yellow")


def _split_rows(without: scenario_pb2.ScenarioSide, within: scenario_pb2.ScenarioSide) -> Iterable[Sequence[object]]:
    decisions = without.decision, within.decision
    names = list(dict.fromkeys(term.term for decision in decisions for term in decision.terms))
    for name in names:
        yield (name, *(_term(decision, name) for decision in decisions))
    bounds = list(dict.fromkeys(bound.bound for decision in decisions for bound in decision.bounds))
    for name in bounds:
        yield (name, *(_bound(decision, name) for decision in decisions))
    yield ("remediation", *(percent_text(each.after.remediation_share) for each in decisions))
    yield ("for remediation", *(hours_text(each.after.remediation_hours) for each in decisions))
    yield ("saved by the roadmap", *(money_text(each, "roadmap_value") for each in (without, within)))
    yield ("late", *(len(each.late_items) for each in (without, within)))


def _term(decision: decision_pb2.Decision, name: str) -> str:
    return next((f"{100 * each.share:+.1f} %" for each in decision.terms if each.term == name), "")


def _bound(decision: decision_pb2.Decision, name: str) -> str:
    return next((f"to {percent_text(each.after_share)}" for each in decision.bounds if each.bound == name), "")


def _sprint_columns() -> Sequence[Column]:
    names = ("incidents", "hours asked for", "set aside", "ends with a backlog", "backlog, mean", "in 1 of 10 above")
    return (Column("sprint", right=True), *(Column(name, right=True) for name in names))


def _sprint_row(without: scenario_pb2.ScenarioSprint, within: scenario_pb2.ScenarioSprint) -> Sequence[object]:
    def pair(values: tuple[str, str]) -> str:
        if not all(each.HasField("demand") for each in sides):
            return "–"
        return values[0] if values[0] == values[1] else f"{values[0]} → {values[1]}"

    sides = without, within
    return (
        f"+{without.ahead - 1}",
        pair(tuple(f"{each.demand.incident_mean:.1f}" for each in sides)),  # type: ignore[arg-type]
        pair(tuple(hours_text(each.demand.mean_hours) for each in sides)),  # type: ignore[arg-type]
        " → ".join(dict.fromkeys(hours_text(each.remediation_hours) for each in sides)),
        pair(tuple(percent_text(each.backlog_chance) for each in sides)),  # type: ignore[arg-type]
        pair(tuple(hours_text(each.backlog_mean_hours) for each in sides)),  # type: ignore[arg-type]
        pair(tuple(hours_text(each.backlog_p90_hours) for each in sides)),  # type: ignore[arg-type]
    )
