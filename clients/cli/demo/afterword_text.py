"""The afterword in the terminal, and its pictures."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ballast.allocation.v1.adherence_pb2 import SprintAdherence
from ballast.allocation.v1.backtest_pb2 import BACKTEST_VERDICT_CANNOT_TELL, BacktestEstimate, BacktestResult
from rich.console import RenderableType
from rich.text import Text

from clients.cli.demo.afterword import LEVEL, STORM_SPRINTS, STORM_TIMES, Afterword
from clients.cli.formats import enum_text, percent_text, time_text
from clients.cli.output import Column, cell, table
from clients.cli.simulate_drawing import draw_scenario
from shared.ids import id_of

ADHERENCE_PICTURE, BACKTEST_PICTURE = "adherence.svg", "backtest.svg"
_MOST_SPRINTS = 8
_ADHERENCE = (
    Column("sprint", right=True), "begins", Column("planned", right=True), Column("recorded", right=True),
    Column("weighted difference", right=True), Column("limit", right=True), "",
)  # fmt: skip
_BACKTEST = (
    Column("who decides", whole=True), Column("share", right=True), Column("sufficed", right=True), Column("loss a sprint", right=True),
    Column("backlog", right=True), Column("value kept", right=True), Column("changes", right=True),
)  # fmt: skip


def tell_afterword(team: str, told: Afterword) -> Iterator[RenderableType]:
    """Yields its parts, numbered on from the story's."""
    yield _heading(f"9. Did {id_of(team)} do what was planned?")
    yield table("", _ADHERENCE, [_sprint(each) for each in told.adherence[:_MOST_SPRINTS]])
    for drift in told.drifts:
        yield cell(f"{enum_text(drift, 'kind')} since sprint {id_of(drift.sprint)}: {drift.reason}")
    yield _heading(f"10. What if {STORM_TIMES:.0f} times the incidents came for {STORM_SPRINTS} sprints?")
    yield from draw_scenario(told.storm)
    if told.backtest is not None:
        yield _heading(f"11. Was the policy any good? The year again, each deciding only on what was known then, judged at {LEVEL:.0%}")
        yield table("", _BACKTEST, [_contender(each) for each in told.backtest.results])
        known = [each for each in told.backtest.comparisons if each.verdict != BACKTEST_VERDICT_CANNOT_TELL]
        for comparison in known:
            yield cell(comparison.reason)
        unknown = len(told.backtest.comparisons) - len(known)
        yield cell(f"Of {unknown} more comparisons it cannot be told which is better: the differences may be chance.", "dim")


def _sprint(each: SprintAdherence) -> Sequence[object]:
    def share(field: str) -> str:
        return percent_text(getattr(each, field)) if each.HasField(field) else "–"  # type: ignore[arg-type]  # named below

    shares = (share(f"{kind}_remediation_share") for kind in ("planned", "recorded"))
    limit = f"± {percent_text(each.chart_limit)}" if each.HasField("chart_limit") else "–"
    return (each.number, time_text(each, "begin_at")[:10], *shares, share("chart_value"), limit, enum_text(each, "state"))


def _contender(result: BacktestResult) -> Sequence[object]:
    score = result.pooled
    return (
        result.contender,
        percent_text(score.mean_share),
        percent_text(score.coverage.covered.value),
        _estimate(score.loss, " h"),
        _estimate(score.backlog.mean_hours, " h"),
        _estimate(score.roadmap_value if score.HasField("roadmap_value") else score.roadmap_hours, ""),
        score.change_count,
    )


def _estimate(found: BacktestEstimate, unit: str) -> str:
    width = f" ± {(found.high - found.low) / 2:,.1f}" if found.HasField("low") else ""
    return f"{found.value:,.1f}{width}{unit}"


def draw_pictures(team: str, told: Afterword, out: Path) -> list[Path]:
    """Draws planned against recorded work, and the back-test, into the folder; returns the files."""
    from clients.cli import adherence_picture, backtest_picture  # drawing takes half a second to load

    drawn = []
    if told.adherence:
        adherence_picture.write_picture(team, list(told.adherence)[::-1], out / ADHERENCE_PICTURE)
        drawn.append(out / ADHERENCE_PICTURE)
    if told.backtest is not None:
        backtest_picture.write_picture(told.backtest, out / BACKTEST_PICTURE)
        drawn.append(out / BACKTEST_PICTURE)
    return drawn


def _heading(text: str) -> Text:
    return Text.assemble("\n", cell(text, "bold"))
