"""The evaluation's pictures: promised against kept, and the decisions replayed; the same bytes for the same figures."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from ballast.allocation.v1 import backtest_service_pb2 as pb
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.evaluation_page import Found
from clients.cli.backtest_picture import write_picture
from services.allocation.domain.backtest import Backtest
from services.allocation.transport.backtest_convert import response_to_pb

_TEXT, _FAINT, _GRID, _BAND = "#22272e", "#57606a", "#e3e6ea", "#eef2f6"
_COLOURS = {1: "#0072b2", 2: "#d55e00"}  # Okabe and Ito's, told apart by the colour-blind
_LAW = "#009e73"
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
_PROMISED = 0.03


def write_calibration(found: Found, path: Path) -> None:
    """Draws coverage against level with its intervals, by week and by fortnight, and the drawn years beside them."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(11, 4.2), layout="constrained")
        for place, (weeks, name) in enumerate(((1, "weeks"), (2, "fortnights")), 1):
            _draw(figure.add_subplot(1, 2, place), found, weeks, name)
        fresh = path.with_name(f"{path.name}.new")
        figure.savefig(fresh, format="svg", metadata={"Date": None, "Creator": "ballast"})
        fresh.replace(path)


def write_decisions(found: Backtest, path: Path) -> None:
    write_picture(response_to_pb(found, pb.BacktestPolicyRequest(with_shares=True)).summary, path)


def _draw(axes: Axes, found: Found, weeks: int, name: str) -> None:
    ends = [0.4, 1.0]
    axes.fill_between(ends, [each - _PROMISED for each in ends], [each + _PROMISED for each in ends], color=_BAND, label="± 3 points")
    axes.plot(ends, ends, color=_FAINT, linewidth=1, linestyle=(0, (4, 3)))
    for each in found.year[weeks].scores:
        interval = each.interval
        width = None
        if interval.low is not None and interval.high is not None:
            width = [[each.coverage - interval.low], [interval.high - each.coverage]]
        label = "the real year" if each.level == 0.5 else None
        axes.errorbar([each.level], [each.coverage], yerr=width, fmt="o", color=_COLOURS[weeks], capsize=4, linewidth=2, label=label)
        axes.annotate(f"{100 * each.coverage:.1f} %", (each.level, each.coverage), (8, -4), textcoords="offset points", color=_FAINT)
    for place, law in enumerate(one for one in found.laws if one.weeks == weeks):
        levels = [0.5, 0.75, 0.9]
        shifted = [level - 0.012 - 0.008 * place for level in levels]
        axes.errorbar(shifted, law.coverage, yerr=law.deviation, fmt="s", markersize=4, color=_LAW, alpha=0.75, linewidth=1,
                      label="years drawn from a law, ± one year's deviation" if place == 0 else None)  # fmt: skip
    _label(axes, name)


def _label(axes: Axes, name: str) -> None:
    axes.set_xlim(0.42, 0.98)
    axes.set_ylim(0.3, 1.02)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.set_title(f"By {name}: kept, over promised", loc="left", fontsize=12, color=_TEXT)
    axes.legend(frameon=False, loc="lower right", fontsize=9, labelcolor=_FAINT)
