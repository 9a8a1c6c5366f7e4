"""The picture of a blast radius: what needs a component in columns by distance, as SVG, the same bytes on every run."""

import textwrap
from collections.abc import Iterator, Sequence
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
_COLUMN_INCHES, _ROW_INCHES, _LINE_INCHES = 2.6, 0.24, 0.2
_LEAST_INCHES = 8.0
# Of the title: so many of the widest letter fit, of which no name can hold more than 63.
_LETTERS_PER_INCH = 6.5
_TEXT, _EDGE = "#22272e", "#8a939e"

Place = tuple[float, float]


def draw_blast(response: pb.GetBlastRadiusResponse, file: Path) -> None:
    """Draws the dependents of the answer into the file; those beyond 40 of one distance are counted, not drawn."""
    with mpl.rc_context(_STYLE):
        blast_figure(response).savefig(file, format="svg", metadata={"Date": None, "Creator": None})


def blast_figure(response: pb.GetBlastRadiusResponse) -> Figure:
    """Returns the drawing: what falls in columns, and above them what that amounts to, what is not known, and what is left out."""
    columns = _columns(response.dependents)
    rows = max([1, *(min(len(column), _MOST_IN_A_COLUMN + 1) for column in columns)])
    width = max(_LEAST_INCHES, _COLUMN_INCHES * (len(columns) + 1))
    title = [line for each in _title(response) for line in textwrap.wrap(each, int(width * _LETTERS_PER_INCH))]
    head, foot = _LINE_INCHES * len(title) + 0.15, 0.35
    height = head + foot + max(1.2, _ROW_INCHES * (rows + 2))
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0.02, foot / height, 0.96, 1 - (head + foot) / height))
    axes.set_axis_off()
    places = {response.name: (0.0, 0.0)}
    _draw_box(axes, places[response.name], response.name, "#0072b2")
    for number, column in enumerate(columns, 1):
        has_more = number == len(columns) and bool(response.next_page_token)
        _draw_column(axes, number, column, places, has_more=has_more)
    axes.set_xlim(-0.2, len(columns) + 0.9)
    axes.set_ylim(-rows / 2 - 1, rows / 2 + 1)
    _draw_legend(figure)
    # What people name things may hold `$`, which would be read as mathematics.
    figure.suptitle("\n".join(title), x=0.02, y=1 - 0.1 / height, ha="left", va="top", color=_TEXT, parse_math=False)
    return figure


def _draw_legend(figure: Figure) -> None:
    names = ("no tier", "critical", "high", "medium", "low")
    marks = [Line2D([], [], marker="s", linestyle="", color=colour, label=name) for colour, name in zip(_COLOURS, names, strict=True)]
    figure.legend(handles=[*marks[1:], marks[0]], loc="lower right", ncols=len(marks), frameon=False, labelcolor=_TEXT)


def _columns(dependents: Sequence[Dependent]) -> list[list[Dependent]]:
    columns: list[list[Dependent]] = [[] for _ in range(max((each.depth for each in dependents), default=0))]
    for each in dependents:
        columns[each.depth - 1].append(each)
    return columns


def _draw_column(axes: Axes, number: int, column: Sequence[Dependent], places: dict[str, Place], *, has_more: bool) -> None:
    shown = column[:_MOST_IN_A_COLUMN]
    top = (len(shown) - 1) / 2
    for row, each in enumerate(shown):
        places[each.name] = (float(number), top - row)
        _draw_box(axes, places[each.name], each.name, _COLOURS[each.tier if each.tier < len(_COLOURS) else 0])
        if each.via in places:
            (from_x, from_y), (to_x, to_y) = places[each.via], places[each.name]
            axes.plot([from_x + 0.6, to_x - 0.04], [from_y, to_y], color=_EDGE, linewidth=0.6, zorder=0)
    if has_more or len(column) > len(shown):
        rest = "more" if has_more else f"{len(column) - len(shown):,} more"
        axes.text(number, top - len(shown), f"… and {rest}", color=_EDGE, va="center")


def _draw_box(axes: Axes, place: Place, name: str, colour: str) -> None:
    text = plain(name.partition("/")[2])
    shown = text if len(text) <= 24 else f"{text[:23]}…"
    axes.plot(place[0], place[1], marker="s", color=colour, markersize=6)
    axes.text(place[0] + 0.05, place[1], shown, color=_TEXT, va="center", parse_math=False)


def _title(response: pb.GetBlastRadiusResponse) -> Iterator[str]:
    extent = response.extent
    count = extent.dependent_count
    name = plain(response.name.partition("/")[2])
    yield f"What falls with {name}: {count_text(count, 'component')} of {count_text(len(extent.teams), 'team')}"
    money = _known(f"{amounts_text(extent.revenue_per_minute)} a minute", extent.revenue_unknown_count, count + 1)
    yield f"revenue: {money}"
    yield f"users: {_known(f'{extent.users:,} at most', extent.users_unknown_count, count + 1)}"
    drawn = sum(min(len(column), _MOST_IN_A_COLUMN) for column in _columns(response.dependents))
    if drawn < count:
        way = "; --limit 0 reaches the farther ones" if response.next_page_token else ""
        yield f"drawn are {drawn:,} of the {count:,}, at most {_MOST_IN_A_COLUMN} of one distance, the nearest first{way}"


def _known(amount: str, unknown: int, everything: int) -> str:
    """Says a sum with how many of the components it leaves out, since a sum over nothing known would read as none."""
    if unknown >= everything:
        return "not known of any"
    return f"{amount}, not known of {unknown:,} of {everything:,}" if unknown else amount
