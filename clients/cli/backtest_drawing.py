"""Back-tests as tables: one row for each who decided, then who did better than whom, and where that cannot be told."""

from collections.abc import Iterable, Sequence

from ballast.allocation.v1 import backtest_pb2
from ballast.allocation.v1 import backtest_service_pb2 as pb
from rich.console import RenderableType

from clients.cli.formats import count_text, enum_text, hours_text, number_text, percent_text
from clients.cli.output import Column, cell, table

_COLUMNS = (
    Column("who decides", whole=True),
    Column("share", right=True),
    Column("sufficed", right=True),
    "promise",
    Column("loss", right=True),
    Column("backlog", right=True),
    Column("most", right=True),
    Column("roadmap", right=True),
    Column("changes", right=True),
    Column("flips", right=True),
    Column("false alarms", right=True),
)
_VERDICTS = {
    backtest_pb2.BACKTEST_VERDICT_BETTER: "green",
    backtest_pb2.BACKTEST_VERDICT_WORSE: "red",
    backtest_pb2.BACKTEST_VERDICT_CANNOT_TELL: "dim",
}


def draw_backtest(summary: pb.BacktestSummary, *, by_team: bool) -> Iterable[RenderableType]:
    level = percent_text(summary.service_level)
    yield cell(
        f"{count_text(summary.team_count, 'team')}, {count_text(summary.judged_count, 'team-period')} judged at {level}; "
        "figures a period, ± the half of an interval of 95 %",
        "dim",
    )
    yield table("", _COLUMNS, [_row(each.contender, each.pooled) for each in summary.results])
    if by_team:
        for result in summary.results:
            yield table(result.contender, _COLUMNS, [_row(each.team, each.score) for each in result.teams])
    for comparison in summary.comparisons:
        yield cell(comparison.reason, _VERDICTS.get(comparison.verdict, ""))
    for result in summary.results:
        yield from _effects(result)
    for warning in summary.warnings:
        yield cell(warning, "yellow")


def _row(name: str, score: backtest_pb2.BacktestScore) -> Sequence[object]:
    kept = score.roadmap_value if score.HasField("roadmap_value") else score.roadmap_hours
    return (
        name,
        percent_text(score.mean_share),
        percent_text(score.coverage.covered.value),
        f"{enum_text(score.coverage, 'verdict')} (p {score.coverage.p_value:.2g})",
        _with_width(score.loss),
        _with_width(score.backlog.mean_hours),
        hours_text(score.backlog.most_hours),
        _with_width(kept, "" if score.HasField("roadmap_value") else " h"),
        score.change_count,
        score.flip_count,
        f"{score.false_alarm_count} of {score.raise_count}",
    )


def _with_width(found: backtest_pb2.BacktestEstimate, unit: str = " h") -> str:
    width = f" ± {(found.high - found.low) / 2:,.1f}" if found.HasField("low") else ""
    return f"{found.value:,.1f}{width}{unit}"


def _effects(result: backtest_pb2.BacktestResult) -> Iterable[RenderableType]:
    for what, effect in (("hours asked for", result.demand_effect), ("time to restore", result.restore_effect)):
        if not effect.HasField("naive_ratio"):
            continue
        naive = f"{result.contender}: after {count_text(effect.raise_count, 'raise')} {what} × {number_text(round(effect.naive_ratio, 2))}"
        if effect.cannot_tell:
            yield cell(f"{naive} at first sight; what of that the raises did cannot be told: {effect.cannot_tell}", "dim")
            continue
        between = f"{effect.low:.2f} to {effect.high:.2f}"
        chance = ", which may be chance" if effect.low <= 1 <= effect.high else ""
        told = f"× {effect.ratio:.2f} beside teams that did not change ({between}){chance}"
        yield cell(f"{naive} at first sight, {told}", "dim")
