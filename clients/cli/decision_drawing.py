"""Decisions as tables: terms that visibly sum to the share asked for, limits that chain on to the share decided."""

from collections.abc import Iterable, Sequence

from ballast.allocation.v1 import allocation_messages_pb2 as pb
from ballast.allocation.v1 import decision_pb2, decision_service_pb2, roadmap_item_pb2, team_pb2
from rich.console import RenderableType

from clients.cli.formats import (
    digits_that_add_up,
    duration_text,
    enum_text,
    hours_text,
    money_text,
    number_text,
    percent_text,
    rounding_gap,
    severity_text,
    time_text,
)
from clients.cli.output import Column, cell, facts, table, total
from clients.cli.split import bar

_SPLIT_COLUMNS = (
    "",
    Column("remediation", right=True),
    Column("roadmap", right=True),
    Column("for remediation", right=True),
    Column("for the roadmap", right=True),
    "sprint",
)


def draw_list(response: pb.ListDecisionsResponse) -> Iterable[RenderableType]:
    rows = [
        (
            each.name,
            time_text(each, "create_time"),
            each.sprint,
            enum_text(each, "outcome"),
            enum_text(each, "state"),
            share_change(each),
            len(each.impact.displaced),
            money_text(each.impact, "value_at_risk"),
            each.explanation,
        )
        for each in response.decisions
    ]
    columns = (
        Column("decision", whole=True),
        Column("made", whole=True),
        "sprint",
        "outcome",
        "state",
        "remediation",
        Column("displaced", right=True),
        Column("at risk", right=True),
        "why",
    )
    yield table("", columns, rows)
    yield total(len(rows), "decision", response.next_page_token)


def draw_decision(decision: decision_pb2.Decision) -> Iterable[RenderableType]:
    yield cell(f"{decision.team}: {enum_text(decision, 'outcome')}, remediation {share_change(decision)}", "bold")
    yield bar(decision.after.remediation_share)
    yield cell(decision.explanation)
    yield facts(
        [
            ("name", decision.name),
            ("sprint", decision.sprint),
            ("made", f"{time_text(decision, 'create_time')}, trigger: {enum_text(decision, 'trigger')} {decision.assessment}".strip()),
            ("policy", f"{decision.policy} revision {decision.policy_revision}, formula {decision.formula_version}"),
            ("state", f"{enum_text(decision, 'state')}: {decision.state_reason}".removesuffix(": ")),
            ("approval", decision.approval),
            ("asked by", decision.author),
            ("rolls back", decision.rolls_back),
            ("in force since", time_text(decision, "in_force_time")),
            ("trace", decision.trace_id),
        ]
    )
    yield _splits(decision)
    yield _inputs(decision)
    yield draw_terms(decision)
    if decision.bounds:
        yield _bounds(decision)
    if decision.incidents:
        yield _incidents(decision)
    yield from _impact(decision.impact)


def draw_explanation(told: decision_service_pb2.ExplainDecisionResponse) -> Iterable[RenderableType]:
    """The words, then the way to the share decided, then what would have changed it."""
    for sentence in told.sentences:
        yield cell(sentence)
    parts = [100 * step.change for step in told.steps]
    share = 100 * told.decision.after.remediation_share
    digits = digits_that_add_up(parts, share)
    rows = [(step.step, f"{100 * step.change:+.{digits}f} %", f"{100 * step.share:.{digits}f} %", step.reason) for step in told.steps]
    columns = (Column("step", whole=True), Column("change", right=True), Column("share", right=True), "why")
    yield table("how the share came about", columns, rows, ("decided", "", f"{share:.{digits}f} %", "the sum of the changes"))
    yield _inputs(told.decision)


def draw_terms(decision: decision_pb2.Decision) -> RenderableType:
    """Shares in per cent, with as many decimals as it takes for the column to add up."""
    parts = [100 * term.share for term in decision.terms]
    total = 100 * decision.requested_share
    digits = digits_that_add_up(parts, total)
    rows = [(term.term, f"{100 * term.share:+.{digits}f} %", "yes" if term.fired else "no", term.reason) for term in decision.terms]
    gap = rounding_gap(parts, total, digits)
    if gap:
        rows.append(("rounding", f"{gap:+.{digits}f} %", "", "what the decimals left out add up to"))
    footer = ("asked for", f"{total:.{digits}f} %", "", "the sum of the column")
    return table("terms", (Column("term", whole=True), Column("share", right=True), "fired", "why"), rows, footer)


def share_change(decision: decision_pb2.Decision) -> str:
    after = percent_text(decision.after.remediation_share)
    return f"{percent_text(decision.before.remediation_share)} → {after}" if decision.HasField("before") else after


def _splits(decision: decision_pb2.Decision) -> RenderableType:
    rows = [_split_row("before", decision.before)] if decision.HasField("before") else []
    return table("split", _SPLIT_COLUMNS, [*rows, _split_row("after", decision.after)])


def _split_row(when: str, split: team_pb2.Split) -> Sequence[object]:
    shares = (percent_text(split.remediation_share), percent_text(split.roadmap_share))
    return (when, *shares, hours_text(split.remediation_hours), hours_text(split.roadmap_hours), split.sprint)


def _inputs(decision: decision_pb2.Decision) -> RenderableType:
    rows = [(each.input, number_text(each.value), each.unit, each.sample_count or "") for each in decision.inputs]
    return table(
        "facts it was made on", (Column("input", whole=True), Column("value", right=True), "unit", Column("observations", right=True)), rows
    )


def _bounds(decision: decision_pb2.Decision) -> RenderableType:
    rows = [(each.bound, percent_text(each.before_share, 2), percent_text(each.after_share, 2), each.reason) for each in decision.bounds]
    return table("limits, in order", ("limit", Column("before", right=True), Column("after", right=True), "why"), rows)


def _incidents(decision: decision_pb2.Decision) -> RenderableType:
    rows = [
        (
            each.incident,
            severity_text(each.severity),
            "open" if each.open else "over",
            ("≥ " if each.open else "") + duration_text(each.time_to_restore),
            f"{each.assessment} revision {each.assessment_revision}",
        )
        for each in decision.incidents
    ]
    return table("incidents weighed", (Column("incident", whole=True), "severity", "state", Column("took", right=True), "assessment"), rows)


def _impact(impact: roadmap_item_pb2.RoadmapImpact) -> Iterable[RenderableType]:
    if impact.displaced:
        yield _items("roadmap items displaced", impact.displaced, money_text(impact, "value_at_risk"))
    if impact.advanced:
        yield _items("roadmap items advanced", impact.advanced, "")
    if not impact.displaced and not impact.advanced:
        yield cell("no roadmap item moves")
    gap = "proven optimal" if not impact.optimality_gap else f"within {percent_text(impact.optimality_gap, 2)} of the optimum"
    plan = f"{impact.horizon_sprints} sprints ahead, {gap}, {impact.solver}" if impact.solver else ""
    yield facts([("due dates not kept", ", ".join(impact.late_items)), ("plan", plan)])


def _items(title: str, items: Iterable[roadmap_item_pb2.DisplacedItem], total: str) -> RenderableType:
    rows = [
        (
            each.roadmap_item,
            each.title,
            duration_text(each.delay),
            money_text(each, "value_at_risk"),
            time_text(each, "planned_before_at") or "beyond the horizon",
            time_text(each, "planned_after_at") or "beyond the horizon",
        )
        for each in items
    ]
    columns = ("item", "title", Column("later by", right=True), Column("value at risk", right=True), "planned before", "planned after")
    return table(title, columns, rows, ("total", "", "", total, "", "") if total else None)
