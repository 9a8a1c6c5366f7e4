"""The shares that policies would have decided as a picture, sprint by sprint: the same bytes for the same preview."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from ballast.allocation.v1 import policy_service_pb2 as pb
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

# Okabe and Ito's palette, told apart by the colour-blind, and each line also by its dashes.
_DECIDED, _IN_FORCE, _TRIED, _FROZEN = "#57606a", "#0072b2", "#d55e00", "#cc79a7"
_TEXT, _FAINT, _GRID = "#22272e", "#57606a", "#e3e6ea"
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
_INCHES, _ROW_INCHES = 10.0, 3.2
_MOST_DRAWN = 20  # teams: more of them nobody reads


def write_picture(teams: list[pb.TeamPreview], path: Path) -> None:
    """Writes the shares of each team as SVG, whole or not at all; of the first twenty."""
    drawn = teams[:_MOST_DRAWN]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_INCHES, _ROW_INCHES * len(drawn)), layout="constrained")
        for place, team in enumerate(drawn, 1):
            _draw(figure.add_subplot(len(drawn), 1, place), team)
        fresh = path.with_name(f"{path.name}.new")
        figure.savefig(fresh, format="svg", metadata={"Date": None, "Creator": "ballast"})
        fresh.replace(path)


def _draw(axes: Axes, team: pb.TeamPreview) -> None:
    numbers = [int(each.sprint.rpartition("/")[2]) for each in team.sprints]
    edges = [*numbers, numbers[-1] + 1]

    def line(shares: list[float], **style: Any) -> None:
        axes.step(edges, [*shares, shares[-1]], where="post", **style)

    decided = [each.decided_share if each.HasField("decided_share") else float("nan") for each in team.sprints]
    line(decided, color=_DECIDED, linewidth=1.4, linestyle=(0, (1, 2)), label="decided, at the sprint's end")
    line([each.in_force.share for each in team.sprints], color=_IN_FORCE, linewidth=2, linestyle=(0, (5, 2)), label="in force")
    line([each.tried.share for each in team.sprints], color=_TRIED, linewidth=2, label="tried")
    frozen = [number for number, each in zip(numbers, team.sprints, strict=True) if each.tried.frozen]
    for place, number in enumerate(frozen):
        axes.axvspan(number, number + 1, color=_FROZEN, alpha=0.15, linewidth=0, label="frozen, by the one tried" if not place else None)
    _label(axes, team, edges)


def _label(axes: Axes, team: pb.TeamPreview, edges: list[int]) -> None:
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.tick_params(length=0)
    axes.set_xlabel("beginning of sprint", color=_FAINT)
    means = f"mean {100 * team.mean_in_force:.1f} % → {100 * team.mean_tried:.1f} %"
    axes.set_title(f"{team.team}  ·  share for remediation, {means}", loc="left", fontsize=12, color=_TEXT)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, -0.16), ncols=4, labelcolor=_FAINT)
