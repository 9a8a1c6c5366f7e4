"""The picture of the year: the split against the incidents, as SVG and PNG, the same bytes on every run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from ballast.allocation.v1.decision_pb2 import DECISION_OUTCOME_LOWERED, DECISION_OUTCOME_RAISED, Decision
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MultipleLocator

from clients.cli.demo.share import ShareLine, team_lines, weighted_line
from clients.cli.demo.summary import SprintSummary, capacities
from clients.cli.demo.year import Year, moment_of

# Okabe and Ito's palette, told apart by the colour-blind: vermilion, orange, yellow, sky blue; blue for the split.
_SEVERITY_COLOURS = {1: "#8b1a00", 2: "#d55e00", 3: "#e69f00", 4: "#a6cbe3", 5: "#d9e6ee"}
_SPLIT, _TEAM, _TEXT, _FAINT, _GRID = "#0072b2", "#b0b7bf", "#22272e", "#57606a", "#e3e6ea"
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "ballast",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.edgecolor": _GRID,
    "axes.labelcolor": _TEXT,
    "text.color": _TEXT,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_WIDTH_INCHES, _HEIGHT_INCHES, _DOTS = 12.0, 8.4, 100
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment worth pointing at, and what to say of it."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class _Drawing:
    year: Year
    summaries: Sequence[SprintSummary]
    teams: dict[str, ShareLine]
    whole: ShareLine
    mark: Mark | None

    @property
    def begin(self) -> datetime:
        return self.year.example.cadence.first_at

    @property
    def end(self) -> datetime:
        return self.year.example.cadence.end(len(self.summaries))

    @property
    def middles(self) -> list[float]:
        """Where the middle of each sprint stands."""
        return [_x(summary.begin_at + self.year.example.cadence.length / 2) for summary in self.summaries]


def draw_picture(year: Year, summaries: Sequence[SprintSummary], folder: Path, mark: Mark | None = None) -> tuple[Path, Path]:
    """Draws the year into `year.svg` and `year.png` of the folder; returns both."""
    svg, png = folder / "year.svg", folder / "year.png"
    lines = team_lines(year)
    drawing = _Drawing(year, summaries, lines, weighted_line(lines, capacities(year)), mark)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH_INCHES, _HEIGHT_INCHES), dpi=_DOTS)
        split, incidents, restore = figure.subplots(3, 1, sharex=True, height_ratios=(5, 3, 2))
        split.set_xlim(_x(drawing.begin), _x(drawing.end))
        _draw_split(split, drawing)
        _draw_incidents(incidents, drawing)
        _draw_restore(restore, drawing)
        _draw_frame(figure, (split, incidents, restore), drawing)
        figure.savefig(svg, metadata={"Date": None})
        figure.savefig(png, metadata={"Software": None})
    return svg, png


def _draw_split(axes: Axes, drawing: _Drawing) -> None:
    baseline = drawing.year.example.policy.allocation.baseline_share
    for line in drawing.teams.values():
        axes.step(*_points(line, drawing), where="post", color=_TEAM, linewidth=0.9, alpha=0.8, zorder=2)
    axes.axhline(baseline, color=_TEXT, linewidth=1, linestyle=(0, (4, 3)), zorder=3)
    moments, shares = _points(drawing.whole, drawing)
    axes.step(moments, shares, where="post", color=_SPLIT, linewidth=2.6, zorder=5)
    axes.fill_between(moments, shares, baseline, step="post", color=_SPLIT, alpha=0.12, linewidth=0, zorder=1)
    _draw_marks(axes, drawing)
    axes.set_ylabel("share of capacity\nreserved for remediation")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    axes.yaxis.set_major_locator(MultipleLocator(0.1))
    highest = max(0.5, *(max(line.shares, default=0.0) for line in drawing.teams.values()))
    axes.set_ylim(0.28, highest + 0.06)
    if drawing.mark:
        _draw_mark(axes, drawing.mark, drawing.whole.at(drawing.mark.at), highest + 0.035)
    _legend(
        axes,
        [
            Line2D([], [], color=_SPLIT, linewidth=2.6, label="all teams, weighted by capacity"),
            Line2D([], [], color=_TEAM, linewidth=1.2, label="each team"),
            Line2D([], [], color=_TEXT, linewidth=1, linestyle=(0, (4, 3)), label="baseline: one third"),
            Line2D([], [], color=_SPLIT, marker="^", linestyle="", markersize=7, label="a decision raised it"),
            Line2D([], [], color="white", marker="v", markeredgecolor=_SPLIT, linestyle="", markersize=7, label="a decision lowered it"),
        ],
    )


def _x(moment: datetime) -> float:
    """Returns where a moment stands on the axis, in days."""
    return (moment - _EPOCH) / _DAY


def _points(line: ShareLine, drawing: _Drawing) -> tuple[list[float], list[float]]:
    moments = [drawing.begin, *line.moments, drawing.end]
    shares = [line.initial, *line.shares, line.shares[-1] if line.shares else line.initial]
    return [_x(moment) for moment in moments], shares


def _draw_marks(axes: Axes, drawing: _Drawing) -> None:
    styles = ((DECISION_OUTCOME_RAISED, "^", _SPLIT), (DECISION_OUTCOME_LOWERED, "v", "white"))
    for outcome, marker, face in styles:
        moments = [moment_of(each) for each in _with_outcome(drawing, outcome)]
        xs, shares = [_x(moment) for moment in moments], [drawing.whole.at(moment) for moment in moments]
        axes.scatter(xs, shares, marker=marker, s=34, facecolor=face, edgecolor=_SPLIT, linewidth=1, zorder=6)


def _draw_mark(axes: Axes, mark: Mark, share: float, height: float) -> None:
    """Says what happened there, above the lines; the text lies on the side with more room."""
    left, right = axes.get_xlim()
    towards_left = _x(mark.at) > (left + right) / 2
    axes.plot([_x(mark.at)] * 2, [share, height + 0.012], color=_TEXT, linewidth=0.9, zorder=4)
    place: dict[str, Any] = {"ha": "right" if towards_left else "left", "xytext": (-6 if towards_left else 6, 0)}
    axes.annotate(mark.text, (_x(mark.at), height), textcoords="offset points", va="center", fontsize=9.5, **place)


def _with_outcome(drawing: _Drawing, outcome: int) -> list[Decision]:
    return [each for each in drawing.year.decisions if each.outcome == outcome]


def _draw_incidents(axes: Axes, drawing: _Drawing) -> None:
    width = 0.82 * (drawing.year.example.cadence.length / _DAY)
    floor = [0] * len(drawing.summaries)
    for severity, colour in _SEVERITY_COLOURS.items():
        counts = [summary.severities.get(severity, 0) for summary in drawing.summaries]
        axes.bar(drawing.middles, counts, width=width, bottom=floor, color=colour, zorder=2)
        floor = [below + count for below, count in zip(floor, counts, strict=True)]
    axes.set_ylabel("incidents opened\nper sprint")
    axes.yaxis.set_major_locator(MultipleLocator(5))
    axes.set_ylim(0, max([*floor, 5]) * 1.1)
    seen = {severity for summary in drawing.summaries for severity, count in summary.severities.items() if count}
    labels = {severity: f"SEV{severity}" for severity in _SEVERITY_COLOURS} | {1: "SEV1, gravest"}
    _legend(axes, [Patch(color=colour, label=labels[severity]) for severity, colour in _SEVERITY_COLOURS.items() if severity in seen])


def _draw_restore(axes: Axes, drawing: _Drawing) -> None:
    known = [(x, summary.restore.median / _HOUR) for x, summary in zip(drawing.middles, drawing.summaries, strict=True) if summary.restore]
    middles, hours = [x for x, _ in known], [each for _, each in known]
    axes.vlines(middles, 0.01, hours, color=_GRID, linewidth=2)
    axes.plot(middles, hours, "o", color=_TEXT, markersize=5)
    axes.set_yscale("log")
    axes.set_ylim(0.1, 400)
    axes.set_yticks([1 / 6, 1, 24, 168], ["10 min", "1 hour", "1 day", "1 week"])
    axes.minorticks_off()
    axes.set_ylabel("median time\nto restore")


def _draw_frame(figure: Figure, panels: Sequence[Axes], drawing: _Drawing) -> None:
    for axes in panels:
        axes.grid(axis="y", color=_GRID, linewidth=0.8, zorder=0)
        axes.set_axisbelow(True)
        axes.tick_params(length=0)
        for summary in drawing.summaries:
            axes.axvline(_x(summary.begin_at), color=_GRID, linewidth=0.5, zorder=0)
    bottom = panels[-1]
    months = _months(drawing.begin, drawing.end)
    bottom.set_xticks([_x(month) for month in months], [f"{month:%b\n%Y}" for month in months], ha="left")
    bottom.tick_params(axis="x", length=5, color=_TEXT)
    bottom.set_xlabel("thin vertical lines: sprints of two weeks")
    figure.align_ylabels(panels)
    figure.subplots_adjust(left=0.085, right=0.985, top=0.855, bottom=0.085, hspace=0.16)
    figure.text(0.012, 0.965, "A year of cloud incidents, and what Ballast did with it", fontsize=17, fontweight="bold", va="center")
    figure.text(0.012, 0.925, _subtitle(drawing), fontsize=10.5, va="center", color=_FAINT)


def _months(begin: datetime, end: datetime) -> list[datetime]:
    """Returns the first days of the months within, but for the last week, where a label has no room."""
    days = (begin + index * _DAY for index in range(max(0, (end - begin) // _DAY - 7)))
    return [day for day in days if day.day == 1]


def _subtitle(drawing: _Drawing) -> str:
    raised, lowered = (sum(getattr(each, name) for each in drawing.summaries) for name in ("raised", "lowered"))
    return (
        f"{len(drawing.year.incidents)} real Google Cloud incidents replayed over {len(drawing.summaries)} sprints of "
        f"{len(drawing.teams)} teams. {raised} decisions moved hours from roadmap to remediation, {lowered} gave them back."
    )


def _legend(axes: Axes, handles: Sequence[Line2D | Patch]) -> None:
    axes.legend(
        handles=list(handles),
        loc="lower right",
        bbox_to_anchor=(1.0, 0.98),
        ncols=len(handles),
        frameon=False,
        fontsize=9,
        handletextpad=0.5,
    )
