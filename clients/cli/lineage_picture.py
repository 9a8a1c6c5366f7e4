"""The picture of a lineage: what led to a resource to its left, what it led to on its right, as SVG, the same bytes on every run."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from ballast.governance.v1 import lineage_pb2
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from clients.cli.formats import count_text, enum_text
from clients.cli.lineage_drawing import Lineage
from clients.cli.output import plain

# Okabe and Ito's palette, told apart by the colour-blind, by what a kind is about: trouble, judgement, plan, work, figures.
_COLOURS = {
    "alert": "#d55e00",
    "incident": "#d55e00",
    "change": "#e69f00",
    "deploy": "#e69f00",
    "flag": "#e69f00",
    "event": "#e69f00",
    "assessment": "#0072b2",
    "decision": "#0072b2",
    "policy_version": "#0072b2",
    "approval": "#0072b2",
    "roadmap_item": "#009e73",
    "bundle": "#009e73",
    "template_version": "#009e73",
    "post_mortem": "#cc79a7",
    "duty": "#cc79a7",
    "work_record": "#cc79a7",
    "corrective_action": "#cc79a7",
    "kpi_value": "#cc79a7",
}
_OTHER = "#57606a"
_LEGEND = (
    ("alert, incident", "#d55e00"),
    ("change, deploy, flag, event", "#e69f00"),
    ("assessment, decision, policy, approval", "#0072b2"),
    ("roadmap item, bundle, template", "#009e73"),
    ("post-mortem, action, duty, work, KPI", "#cc79a7"),
    ("component", _OTHER),
)
_STYLE: dict[Any, Any] = {"svg.hashsalt": "ballast", "font.family": "DejaVu Sans", "font.size": 8}
_MOST_IN_A_COLUMN = 40
_COLUMN_INCHES, _ROW_INCHES = 2.7, 0.46
_TEXT, _FAINT, _LINE, _DENIED = "#22272e", "#57606a", "#8a939e", "#d55e00"
_DASHES = {lineage_pb2.LINEAGE_SOURCE_INFERRED: (0, (4, 3)), lineage_pb2.LINEAGE_SOURCE_STATED: (0, (1, 2))}

Place = tuple[float, float]


def write_picture(found: Lineage, path: Path) -> None:
    """Writes the picture, whole or not at all; of a column longer than 40 the rest is counted, not drawn."""
    columns = _columns(found)
    rows = max(min(len(column), _MOST_IN_A_COLUMN + 1) for column in columns.values())
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(max(9.0, _COLUMN_INCHES * len(columns) + 0.4), max(2.4, _ROW_INCHES * rows + 1.4)))
        axes = figure.add_axes((0.01, 0.1, 0.98, 0.8))
        axes.set_axis_off()
        _draw(axes, found, columns)
        axes.set_xlim(min(columns) - 0.06, max(columns) + 0.98)
        axes.set_ylim(-rows / 2 - 0.3, rows / 2 + 0.3)
        _draw_legend(figure)
        count = count_text(len(found.nodes), "resource")
        figure.suptitle(f"Lineage of {plain(found.name)}: {count}", x=0.015, ha="left", color=_TEXT, fontsize=11, parse_math=False)
        fresh = path.with_name(f"{path.name}.new")
        figure.savefig(fresh, format="svg", metadata={"Date": None, "Creator": "ballast"})
        fresh.replace(path)


def _columns(found: Lineage) -> Mapping[int, Sequence[str]]:
    """Names by step; within one ordered by where those they are bound to stand in the column before, so that few lines cross."""
    neighbours: dict[str, list[str]] = defaultdict(list)
    for begin, end, _ in found.edges:
        neighbours[begin].append(end)
        neighbours[end].append(begin)
    columns: dict[int, list[str]] = defaultdict(list)
    for name in sorted(found.nodes):
        columns[found.steps[name]].append(name)
    rows = {found.name: 0.0}
    for step in sorted(columns, key=lambda each: (abs(each), each)):
        columns[step].sort(key=lambda name: (_middle(neighbours[name], rows), found.nodes[name].kind, name))
        rows |= {name: number - (len(columns[step]) - 1) / 2 for number, name in enumerate(columns[step])}
    return dict(columns)


def _middle(names: Sequence[str], rows: Mapping[str, float]) -> float:
    placed = [rows[each] for each in names if each in rows]
    return sum(placed) / len(placed) if placed else 0.0


def _draw(axes: Axes, found: Lineage, columns: Mapping[int, Sequence[str]]) -> None:
    places: dict[str, Place] = {}
    for step, names in columns.items():
        shown = names[:_MOST_IN_A_COLUMN]
        top = (len(shown) - 1) / 2
        places |= {name: (float(step), top - row) for row, name in enumerate(shown)}
        if len(names) > len(shown):
            axes.text(step, top - len(shown), f"… and {len(names) - len(shown)} more", color=_FAINT, va="center")
    for edge in found.edges.values():
        if edge.from_name in places and edge.to_name in places:
            _draw_edge(axes, edge, places)
    for name, place in places.items():
        _draw_node(axes, found.nodes[name], place, is_start=name == found.name)


def _draw_edge(axes: Axes, edge: lineage_pb2.LineageEdge, places: Mapping[str, Place]) -> None:
    (from_x, from_y), (to_x, to_y) = sorted((places[edge.from_name], places[edge.to_name]))
    colour = _DENIED if edge.standing in (lineage_pb2.LINK_STANDING_DENIED, lineage_pb2.LINK_STANDING_WITHDRAWN) else _LINE
    bend = 0.72 if from_x != to_x else 0.0
    axes.plot(
        [from_x + bend, to_x - 0.03],
        [from_y, to_y],
        color=colour,
        linewidth=0.5 + edge.confidence * 0.5,
        linestyle=_DASHES.get(edge.source, "-"),
        zorder=0,
    )
    label = enum_text(edge, "relation")
    if edge.source in _DASHES:
        label = f"{label} {edge.confidence:.0%}"
    share = 0.6 if from_x >= 0 else 0.4  # lines meet at the end that is nearer to the start
    place = (from_x + bend) * (1 - share) + to_x * share, from_y * (1 - share) + to_y * share
    axes.text(*place, label, color=_FAINT, fontsize=5.5, ha="center", va="bottom", parse_math=False)


def _draw_node(axes: Axes, node: lineage_pb2.LineageNode, place: Place, *, is_start: bool) -> None:
    x, y = place
    colour = _COLOURS.get(node.kind, _OTHER)
    face = "none" if node.pending else colour
    axes.plot(x, y, marker="s", color=colour, markerfacecolor=face, markersize=8 if is_start else 6)
    weight = "bold" if is_start else "normal"
    axes.text(
        x + 0.04, y + 0.02, _cut(node.title or node.name, 24 if is_start else 28), color=_TEXT, va="bottom", weight=weight, parse_math=False
    )
    axes.text(x + 0.04, y - 0.02, _cut(node.name if node.title else node.kind, 34), color=_FAINT, fontsize=6, va="top", parse_math=False)


def _draw_legend(figure: Figure) -> None:
    kinds = [Line2D([], [], marker="s", linestyle="", color=colour, label=name) for name, colour in _LEGEND]
    known = [
        Line2D([], [], color=_LINE, label="observed"),
        Line2D([], [], color=_LINE, linestyle=(0, (4, 3)), label="inferred"),
        Line2D([], [], color=_LINE, linestyle=(0, (1, 2)), label="stated"),
        Line2D([], [], color=_DENIED, label="denied, or withdrawn"),
        Line2D([], [], marker="s", linestyle="", color=_LINE, markerfacecolor="none", label="pending"),
    ]
    figure.legend(handles=[*kinds, *known], loc="lower left", ncols=6, frameon=False, labelcolor=_TEXT, fontsize=7)


def _cut(text: str, longest: int) -> str:
    shown = plain(text)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"
