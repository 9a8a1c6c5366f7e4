"""Error budgets as tables."""

from collections.abc import Iterable

from ballast.triage.v1 import error_budget_pb2
from ballast.triage.v1 import error_budget_service_pb2 as pb
from rich.console import RenderableType
from rich.text import Text

from clients.cli.formats import duration_text, enum_text, number_text, percent_text, stamp_text, time_text
from clients.cli.output import Column, facts, table, total

_BAR_WIDTH = 20
_HOUR_SECONDS = 3_600
_LOW = 0.25


def draw_list(response: pb.ListErrorBudgetsResponse) -> Iterable[RenderableType]:
    columns = (
        Column("slo", whole=True),
        Column("target", right=True),
        Column("remains", right=True),
        "",
        Column("burn 1 h", right=True),
        Column("lasts", right=True),
        "step",
        "effect",
        "component",
        "notes",
    )
    yield table("", columns, [_row(each) for each in response.error_budgets])
    yield total(len(response.error_budgets), "budget", response.next_page_token)


def draw_budget(budget: error_budget_pb2.ErrorBudget) -> Iterable[RenderableType]:
    standing = budget.standing
    yield bar(budget.remaining, 40)
    yield facts(
        [
            ("slo", f"{budget.slo} objective {budget.objective}, target {_target(budget)}"),
            ("component", f"{budget.component}{f' of {budget.team}' if budget.team else ''}"),
            ("remains", percent_text(budget.remaining, 2)),
            ("used", f"{percent_text(budget.used, 2)}; {number_text(budget.total - budget.good)} bad of {number_text(budget.total)}"),
            ("adjusted", percent_text(budget.adjusted, 2) if budget.adjusted else ""),
            ("lasts", _lasts(budget)),
            ("window", f"{stamp_text(budget.window_starts_at)} to {stamp_text(budget.window_ends_at)}"),
            ("counted", duration_text(budget.counted)),
            ("left out", duration_text(budget.excluded) if budget.excluded.seconds else ""),
            ("step", f"{standing.step}, {enum_text(standing, 'effect')}" if standing.step else "none"),
            ("because", standing.reason if standing.step else ""),
            ("newest", time_text(budget, "newest_sample_at")),
            ("notes", _notes(budget)),
        ]
    )
    burns = [
        (duration_text(each.window), _burn(each), number_text(each.total), _remark(each))
        for each in sorted(budget.burns, key=lambda each: each.window.seconds)
    ]
    yield table("burn", (Column("window"), Column("burn", right=True), Column("events", right=True), ""), burns)
    alerts = [
        (
            enum_text(each, "action"),
            duration_text(each.long_window),
            duration_text(each.short_window),
            f"{each.burn_threshold:g}",
            enum_text(each, "verdict"),
        )
        for each in budget.alerts
    ]
    yield table("alerts", ("action", "long", "short", Column("from burn", right=True), "says"), alerts)
    if budget.exclusions:
        left_out = [(stamp_text(each.starts_at), stamp_text(each.ends_at), each.reason, each.approver) for each in budget.exclusions]
        yield table("planned work", (Column("from", whole=True), Column("to", whole=True), "reason", "approver"), left_out)


def draw_adjustments(response: pb.ListBudgetAdjustmentsResponse) -> Iterable[RenderableType]:
    rows = [
        (
            each.slo,
            str(each.objective),
            f"{each.amount:+g} {enum_text(each, 'unit')}",
            stamp_text(each.valid_from),
            stamp_text(each.valid_until),
            each.author,
            each.approver,
            each.reason,
        )
        for each in response.adjustments
    ]
    columns = (
        Column("slo", whole=True),
        Column("objective", right=True),
        Column("amount", right=True),
        Column("from", whole=True),
        Column("until", whole=True),
        "by",
        "approver",
        "reason",
    )
    yield table("", columns, rows)
    yield total(len(response.adjustments), "adjustment", response.next_page_token)


def draw_points(response: pb.GetBurnDownResponse) -> Iterable[RenderableType]:
    rows = [
        (stamp_text(each.at), bar(each.remaining), percent_text(each.remaining, 2), number_text(each.total - each.good))
        for each in response.points
    ]
    columns = (Column("time", whole=True), "", Column("remains", right=True), Column("bad", right=True))
    yield table(response.error_budget.slo, columns, rows)


def draw_uses(response: pb.GetIncidentBudgetUseResponse) -> Iterable[RenderableType]:
    rows = [
        (
            each.incident,
            each.slo,
            str(each.objective),
            stamp_text(each.opened_at),
            enum_text(each, "cause"),
            number_text(each.bad),
            percent_text(each.share, 2),
            percent_text(each.four_week_share, 2),
            each.incident_class_title,
        )
        for each in response.uses
    ]
    columns = (
        Column("incident", whole=True),
        Column("slo", whole=True),
        Column("objective", right=True),
        Column("opened", whole=True),
        "cause",
        Column("bad", right=True),
        Column("of the budget", right=True),
        Column("of four weeks", right=True),
        "class",
    )
    yield table("", columns, rows)
    yield total(len(response.uses), "use", "")


def bar(remaining: float, width: int = _BAR_WIDTH) -> Text:
    """Returns what remains as a bar, red when little is left; an exhausted budget has an empty one."""
    filled = round(min(max(remaining, 0.0), 1.0) * width)
    return Text("█" * filled, "red" if remaining < _LOW else "green") + Text("░" * (width - filled), "dim")


def _row(budget: error_budget_pb2.ErrorBudget) -> tuple[object, ...]:
    hour = next((each for each in budget.burns if each.window.seconds == _HOUR_SECONDS), None)
    return (
        f"{budget.slo}{f'#{budget.objective}' if budget.objective else ''}",
        _target(budget),
        percent_text(budget.remaining),
        bar(budget.remaining, 10),
        _burn(hour) if hour else "",
        _lasts(budget),
        budget.standing.step,
        enum_text(budget.standing, "effect"),
        budget.component.removeprefix("components/"),
        _notes(budget),
    )


def _target(budget: error_budget_pb2.ErrorBudget) -> str:
    return f"{100 * budget.target:.6g} %"


def _burn(burn: error_budget_pb2.WindowBurn) -> str:
    return f"{burn.burn:.3g}" if burn.HasField("burn") else "no events"


def _remark(burn: error_budget_pb2.WindowBurn) -> str:
    found = ["too few events to tell" if burn.too_few_events else "", "counted for a part of it" if burn.partial else ""]
    return ", ".join(each for each in found if each)


def _lasts(budget: error_budget_pb2.ErrorBudget) -> str:
    if budget.remaining <= 0:
        return "exhausted"
    return duration_text(budget.time_to_exhaustion) if budget.HasField("time_to_exhaustion") else ""


def _notes(budget: error_budget_pb2.ErrorBudget) -> str:
    found = [
        "young" if budget.partial else "",
        "no samples lately" if budget.stale else "",
        "work left out" if budget.excluded.seconds else "",
    ]
    return ", ".join(each for each in found if each)
