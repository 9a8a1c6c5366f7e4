"""The burn-down of an error budget as a picture: the same bytes for the same points."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from ballast.triage.v1 import error_budget_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

# Okabe and Ito's palette, told apart by the colour-blind: blue for what remains, vermilion below nothing, yellow for planned work.
_LINE, _OVERDRAWN, _WORK, _TEXT, _FAINT, _GRID = "#0072b2", "#d55e00", "#f0e442", "#22272e", "#57606a", "#e3e6ea"
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
    "timezone": "UTC",
}
_INCHES = (10.0, 4.6)


def write_picture(response: pb.GetBurnDownResponse, path: Path) -> None:
    """Writes the picture as SVG, whole or not at all."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_INCHES, layout="constrained")
        axes = figure.add_subplot()
        _draw(axes, response)
        fresh = path.with_name(f"{path.name}.new")
        figure.savefig(fresh, format="svg", metadata={"Date": None, "Creator": "ballast"})
        fresh.replace(path)


def _draw(axes: Axes, response: pb.GetBurnDownResponse) -> None:
    budget = response.error_budget
    times: Any = [_time(each.at) for each in response.points]
    rests = [100 * each.remaining for each in response.points]
    begin: Any = _time(budget.window_starts_at)
    end: Any = _time(budget.window_ends_at)
    axes.plot([begin, end], [100, 0], color=_FAINT, linewidth=1, linestyle=(0, (4, 4)), label="a burn of 1")
    axes.plot(times, rests, color=_LINE, linewidth=2, label="remains")
    axes.fill_between(times, rests, 0, where=[each >= 0 for each in rests], color=_LINE, alpha=0.12, linewidth=0, interpolate=True)
    axes.fill_between(times, rests, 0, where=[each < 0 for each in rests], color=_OVERDRAWN, alpha=0.25, linewidth=0, interpolate=True)
    for place, each in enumerate(budget.exclusions):
        start: Any = max(_time(each.starts_at), begin)
        stop: Any = min(_time(each.ends_at), end)
        axes.axvspan(start, stop, color=_WORK, alpha=0.5, linewidth=0, label="planned work" if not place else None)
    axes.axhline(0, color=_OVERDRAWN, linewidth=1)
    _label(axes, response, (begin, end), rests)


def _label(axes: Axes, response: pb.GetBurnDownResponse, window: tuple[Any, Any], rests: list[float]) -> None:
    budget = response.error_budget
    axes.set_xlim(*window)
    axes.set_ylim(min(0.0, min(rests, default=0.0)) - 5, max(105.0, max(rests, default=0.0) + 5))
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]  # matplotlib types its core only
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.tick_params(length=0)
    step = f" · {budget.standing.step}" if budget.standing.step else ""
    title = f"{budget.slo}  {100 * budget.target:.6g} %  ·  {100 * budget.remaining:.1f} % of the error budget remains{step}"
    # What people name things may hold `$`, which would be read as mathematics.
    axes.set_title(title.replace("$", r"\$"), loc="left", fontsize=12, color=_TEXT)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, -0.1), ncols=3, labelcolor=_FAINT)


def _time(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)
