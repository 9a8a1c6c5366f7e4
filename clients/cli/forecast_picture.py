"""The hours a sprint may ask for as a picture: the same bytes for the same forecast."""

from itertools import accumulate
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from ballast.allocation.v1 import demand_pb2
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

# Okabe and Ito's palette, told apart by the colour-blind: blue for demand, green for the reserve, vermilion for capacity.
_DEMAND, _RESERVE, _CAPACITY, _TEXT, _FAINT, _GRID = "#0072b2", "#009e73", "#d55e00", "#22272e", "#57606a", "#e3e6ea"
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
_INCHES, _ROW_INCHES = 10.0, 4.0
_SHOWN = 0.995  # of the chances; the rest is a long thin tail


def write_picture(forecasts: list[demand_pb2.DemandForecast], path: Path) -> None:
    """Writes the next sprint of each team as SVG, whole or not at all."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_INCHES, _ROW_INCHES * len(forecasts)), layout="constrained")
        for place, forecast in enumerate(forecasts, 1):
            _draw(figure.add_subplot(len(forecasts), 1, place), forecast)
        fresh = path.with_name(f"{path.name}.new")
        figure.savefig(fresh, format="svg", metadata={"Date": None, "Creator": "ballast"})
        fresh.replace(path)


def _draw(axes: Axes, forecast: demand_pb2.DemandForecast) -> None:
    sprint, step = forecast.sprints[0], forecast.sprints[0].curve.step_hours
    enough = list(accumulate(sprint.curve.chances))
    hours = [step * place for place in range(len(enough))]
    capacity = forecast.basis.capacity_hours if forecast.basis.HasField("capacity_hours") else 0.0
    far = next((at for at, chance in zip(hours, enough, strict=True) if chance >= _SHOWN), hours[-1])
    end = max(far, sprint.reserve.hours, capacity) * 1.04 or 1.0
    axes.step([*hours, end], [*enough, enough[-1]], where="post", color=_DEMAND, linewidth=2, label="chance that so many hours suffice")
    axes.fill_between([*hours, end], [*enough, enough[-1]], step="post", color=_DEMAND, alpha=0.12, linewidth=0)
    axes.axvline(sprint.reserve.hours, color=_RESERVE, linewidth=2, label=f"reserve {sprint.reserve.hours:,.1f} h")
    if capacity:
        axes.axvline(capacity, color=_CAPACITY, linewidth=2, linestyle=(0, (4, 3)), label=f"capacity {capacity:,.1f} h")
    for each in sprint.quantiles:
        axes.plot([0, each.hours, each.hours], [each.level, each.level, 0], color=_FAINT, linewidth=0.8, linestyle=(0, (2, 3)))
        axes.annotate(
            f"{100 * each.level:g} %: {each.hours:,.1f} h", (each.hours, each.level), (5, -11), textcoords="offset points", color=_FAINT
        )
    _label(axes, forecast, end)


def _label(axes: Axes, forecast: demand_pb2.DemandForecast, end: float) -> None:
    sprint = forecast.sprints[0]
    axes.set_xlim(0, end)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} h"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.tick_params(length=0)
    title = f"{forecast.team}  ·  {sprint.incident_mean:.1f} incidents and {sprint.mean_hours:,.1f} h expected in the next sprint"
    axes.set_title(title, loc="left", fontsize=12, color=_TEXT)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, -0.1), ncols=3, labelcolor=_FAINT)
