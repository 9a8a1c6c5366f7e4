"""Back-tests as a picture: the shares over time beside what was asked for, and the losses with their intervals; same bytes each time."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from ballast.allocation.v1 import backtest_service_pb2 as pb
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

# Okabe and Ito's palette, told apart by the colour-blind; styles of line besides, as there may be more than it has colours.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_LINES = ("-", "--", "-.", ":")
_TEXT, _FAINT, _GRID, _ASKED = "#22272e", "#57606a", "#e3e6ea", "#c8ced6"
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "ballast",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": _TEXT,
    "axes.edgecolor": _GRID,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_INCHES, _TEAM_INCHES, _LOSS_INCHES = 11.0, 2.8, 0.42
_MOST_TEAMS = 8


def write_picture(summary: pb.BacktestSummary, path: Path) -> None:
    """Writes the back-test as SVG, whole or not at all; of more than eight teams the first."""
    teams = summary.pasts[:_MOST_TEAMS]
    with mpl.rc_context(_STYLE):
        losses = 1.4 + _LOSS_INCHES * len(summary.results)
        heights = [losses, *[_TEAM_INCHES] * len(teams)]
        figure = Figure(figsize=(_INCHES, sum(heights) + 0.8), layout="constrained")
        rows = figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        _draw_losses(rows[0], summary)
        for axes, past in zip(rows[1:], teams, strict=True):
            _draw_team(axes, summary, past)
        if teams:
            figure.legend(*rows[1].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, labelcolor=_FAINT)
        fresh = path.with_name(f"{path.name}.new")
        figure.savefig(fresh, format="svg", metadata={"Date": None, "Creator": "ballast"})
        fresh.replace(path)


def _draw_losses(axes: Axes, summary: pb.BacktestSummary) -> None:
    names = [each.contender for each in summary.results]
    for place, each in enumerate(summary.results):
        loss = each.pooled.loss
        width = [[loss.value - loss.low], [loss.high - loss.value]] if loss.HasField("low") else None
        axes.errorbar([loss.value], [place], xerr=width, fmt="o", color=_colour(place), capsize=4, linewidth=2)
        axes.annotate(
            f"{loss.value:,.1f} h", (loss.value, place), (0, 7), textcoords="offset points", ha="center", color=_FAINT, fontsize=9
        )
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.8)
    axes.set_xlim(left=0)
    axes.grid(axis="x", color=_GRID, linewidth=0.8)
    axes.tick_params(length=0)
    level = f"{100 * summary.service_level:g} %"
    axes.set_title(f"Pinball loss at {level}, hours a period: less is better; intervals of 95 %", loc="left", fontsize=12, color=_TEXT)


def _draw_team(axes: Axes, summary: pb.BacktestSummary, past: pb.BacktestTeamPast) -> None:
    numbers = [past.first_number + place for place in range(len(past.demand_hours))]
    asked = [hours / capacity for hours, capacity in zip(past.demand_hours, past.capacity_hours, strict=True)]
    axes.bar(numbers, asked, width=0.9, color=_ASKED, label="asked for")
    top = 0.0
    for place, each in enumerate(summary.results):
        shares = next((list(one.shares) for one in each.teams if one.team == past.team), [])
        if shares:
            style = _LINES[place // len(_COLOURS)]
            axes.step(numbers, shares, where="mid", color=_colour(place), linewidth=1.8, linestyle=style, label=each.contender)
            top = max(top, *shares)
    axes.set_xlim(numbers[0] - 0.6, numbers[-1] + 0.6)
    axes.set_ylim(0, max(top * 1.15, 0.2))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.tick_params(length=0)
    axes.set_title(f"{past.team}: share of capacity set aside, by period", loc="left", fontsize=11, color=_TEXT)


def _colour(place: int) -> str:
    return _COLOURS[place % len(_COLOURS)]
