"""The picture of a blast radius: what needs a component in columns by distance, as SVG, the same bytes on every run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from ballast.triage.v1 import catalogue_service_pb2 as pb
from ballast.triage.v1.catalogue_pb2 import Dependent
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from clients.cli.components_drawing import amounts_text
from clients.cli.formats import count_text
from clients.cli.output import plain

# Okabe and Ito's palette, told apart by the colour-blind; by tier, the first for one that is unknown.
_COLOURS = ("#b0b7bf", "#d55e00", "#e69f00", "#56b4e9", "#d9e6ee")
_STYLE: dict[Any, Any] = {"svg.hashsalt": "ballast", "font.family": "DejaVu Sans", "font.size": 9}
_MOST_IN_A_COLUMN = 40
_COLUMN_INCHES, _ROW_INCHES = 2.6, 0.24
_TEXT, _EDGE = "#22272e", "#8a939e"

Place = tuple[float, float]


def draw_blast(response: pb.GetBlastRadiusResponse, file: Path) -> None:
    """Draws the dependents of the answer into the file; those beyond 40 of one distance are counted, not drawn."""
    columns = _columns(response.dependents)
    rows = max([1, *(min(len(column), _MOST_IN_A_COLUMN + 1) for column in columns)])
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(max(6.0, _COLUMN_INCHES * (len(columns) + 1)), max(2.5, _ROW_INCHES * rows + 1.2)))
        axes = figure.add_axes((0.02, 0.02, 0.96, 0.86))
        axes.set_axis_off()
        places = {response.name: (0.0, 0.0)}
        _draw_box(axes, places[response.name], response.name, "#0072b2")
        for number, column in enumerate(columns, 1):
            _draw_column(axes, number, column, places)
        axes.set_xlim(-0.2, len(columns) + 0.9)
        axes.set_ylim(-rows / 2 - 1, rows / 2 + 1)
        _draw_legend(figure)
        figure.suptitle(_title(response), x=0.02, ha="left", color=_TEXT)
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})


def _draw_legend(figure: Figure) -> None:
    names = ("no tier", "critical", "high", "medium", "low")
    marks = [Line2D([], [], marker="s", linestyle="", color=colour, label=name) for colour, name in zip(_COLOURS, names, strict=True)]
    figure.legend(handles=[*marks[1:], marks[0]], loc="lower right", ncols=len(marks), frameon=False, labelcolor=_TEXT)


def _columns(dependents: Sequence[Dependent]) -> list[list[Dependent]]:
    columns: list[list[Dependent]] = [[] for _ in range(max((each.depth for each in dependents), default=0))]
    for each in dependents:
        columns[each.depth - 1].append(each)
    return columns


def _draw_column(axes: Axes, number: int, column: Sequence[Dependent], places: dict[str, Place]) -> None:
    shown = column[:_MOST_IN_A_COLUMN]
    top = (len(shown) - 1) / 2
    for row, each in enumerate(shown):
        places[each.name] = (float(number), top - row)
        _draw_box(axes, places[each.name], each.name, _COLOURS[each.tier if each.tier < len(_COLOURS) else 0])
        if each.via in places:
            (from_x, from_y), (to_x, to_y) = places[each.via], places[each.name]
            axes.plot([from_x + 0.6, to_x - 0.04], [from_y, to_y], color=_EDGE, linewidth=0.6, zorder=0)
    if len(column) > len(shown):
        axes.text(number, top - len(shown), f"… and {len(column) - len(shown)} more", color=_EDGE, va="center")


def _draw_box(axes: Axes, place: Place, name: str, colour: str) -> None:
    text = plain(name.partition("/")[2])
    shown = text if len(text) <= 24 else f"{text[:23]}…"
    axes.plot(place[0], place[1], marker="s", color=colour, markersize=6)
    axes.text(place[0] + 0.05, place[1], shown, color=_TEXT, va="center", parse_math=False)


def _title(response: pb.GetBlastRadiusResponse) -> str:
    extent = response.extent
    money = amounts_text(extent.revenue_per_minute)
    return (
        f"What falls with {response.name.partition('/')[2]}: {count_text(extent.dependent_count, 'component')} of "
        f"{count_text(len(extent.teams), 'team')}, {money} a minute, {extent.users:,} users at most"
    )
