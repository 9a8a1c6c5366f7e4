"""Planned against recorded work as a picture with control limits: the same bytes for the same figures."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from ballast.allocation.v1 import adherence_pb2
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

# Okabe and Ito's palette, told apart by the colour-blind: blue for the plan, vermilion for what was done.
_PLANNED, _RECORDED, _CHART, _TEXT, _FAINT, _GRID = "#0072b2", "#d55e00", "#22272e", "#22272e", "#57606a", "#e3e6ea"
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
_INCHES = (10.0, 6.4)

Sprints = list[adherence_pb2.SprintAdherence]


def write_picture(team: str, sprints: Sprints, path: Path) -> None:
    """Writes the sprints, oldest first, as SVG, whole or not at all."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_INCHES, layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        _draw_shares(above, team, sprints)
        _draw_chart(below, sprints)
        fresh = path.with_name(f"{path.name}.new")
        figure.savefig(fresh, format="svg", metadata={"Date": None, "Creator": "ballast"})
        fresh.replace(path)


def _draw_shares(axes: Axes, team: str, sprints: Sprints) -> None:
    planned = _series(sprints, "planned_remediation_share")
    axes.step(*planned, where="mid", color=_PLANNED, linewidth=2, label="planned share of remediation")
    told = [each for each in sprints if each.state != adherence_pb2.ADHERENCE_STATE_CANNOT_TELL]
    axes.plot(*_series(told, "recorded_remediation_share"), color=_RECORDED, linewidth=1.5, marker="o", label="recorded share")
    unsure = [each for each in sprints if each.state == adherence_pb2.ADHERENCE_STATE_CANNOT_TELL]
    if unsure and (hollow := _series(unsure, "recorded_remediation_share"))[0]:
        axes.plot(*hollow, color=_RECORDED, linestyle="", marker="o", markerfacecolor="white", label="too little recorded to tell")
    axes.set_ylim(0, 1)
    axes.set_title(f"{team}  ·  remediation, planned and recorded", loc="left", fontsize=12, color=_TEXT)
    _finish(axes)
    axes.legend(frameon=False, loc="upper left", ncols=3, labelcolor=_FAINT)


def _draw_chart(axes: Axes, sprints: Sprints) -> None:
    numbers, values = _series(sprints, "chart_value")
    _, limits = _series([each for each in sprints if each.HasField("chart_value")], "chart_limit")
    axes.axhline(0, color=_GRID, linewidth=1)
    axes.fill_between(numbers, [-each for each in limits], limits, color=_PLANNED, alpha=0.12, linewidth=0, label="control limits")
    axes.plot(numbers, values, color=_CHART, linewidth=1.5, marker=".", label="weighted mean of recorded minus planned")
    beyond = [place for place, (value, limit) in enumerate(zip(values, limits, strict=True)) if abs(value) > limit]
    if beyond:
        axes.plot([numbers[each] for each in beyond], [values[each] for each in beyond], linestyle="", marker="D", color=_RECORDED,
                  label="beyond chance")  # fmt: skip
    largest = max([*(abs(each) for each in values), *limits, 0.1]) * 1.25
    axes.set_ylim(-largest, largest)
    axes.set_xlabel("sprint")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _finish(axes)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, -0.25), ncols=3, labelcolor=_FAINT)


def _series(sprints: Sprints, field: str) -> tuple[list[int], list[float]]:
    """Returns numbers and values of the sprints that have the field."""
    found = [each for each in sprints if each.HasField(field)]  # type: ignore[arg-type]  # a field of the message, named by this module
    return [each.number for each in found], [float(getattr(each, field)) for each in found]


def _finish(axes: Axes) -> None:
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.tick_params(length=0)
