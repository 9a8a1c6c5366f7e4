"""The picture of a lineage: what led to a resource to its left, what it led to on its right, as SVG, the same bytes on every run."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from ballast.governance.v1 import lineage_pb2

from clients.cli.formats import count_text, enum_text
from clients.cli.lineage_box import HEAD, INK, LINE, WIDTH, Box, box_of, legend_of, letters_wide
from clients.cli.lineage_drawing import Lineage, doubts
from clients.cli.lineage_layout import Layout, layout_of
from clients.cli.output import plain

_MARGIN, _TITLE = 24.0, 46.0
_LONGEST_GAP, _SHORTEST_GAP = 150.0, 90.0
_MOST_DRAWN = 150
_WIDEST = 2400.0  # what is wider is shown smaller
_DOUBTED = "#b3261e"
_LABEL = 10.0  # font size
_DASHES = {lineage_pb2.LINEAGE_SOURCE_INFERRED: "7 4", lineage_pb2.LINEAGE_SOURCE_STATED: "2 3"}
_GONE = (lineage_pb2.LINK_STANDING_DENIED, lineage_pb2.LINK_STANDING_WITHDRAWN)

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Route:
    """An edge as it is drawn: points it passes, and how it is labelled."""

    edge: lineage_pb2.LineageEdge
    points: Sequence[Point]
    label: str


def write_picture(found: Lineage, path: Path) -> None:
    """Writes the picture, whole or not at all; of more than 150 resources the farthest are counted, not drawn."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(picture_of(found), encoding="utf-8")
    fresh.replace(path)


def picture_of(found: Lineage) -> str:
    """Returns the SVG: its text is text, so it can be searched, read aloud and shown in any script the reader has letters for."""
    names = sorted(found.nodes, key=lambda name: (abs(found.steps[name]), name))[:_MOST_DRAWN]
    boxes = {name: box_of(found.nodes[name], is_start=name == found.name) for name in names}
    edges = [edge for _, edge in sorted(found.edges.items()) if edge.from_name in boxes and edge.to_name in boxes]
    edges = [edge for edge in edges if edge.from_name != edge.to_name]
    layout = layout_of({name: box.height for name, box in boxes.items()}, [(each.from_name, each.to_name) for each in edges])
    lefts = _lefts(layout)
    routes = _routes(edges, boxes, layout, lefts)
    places = {name: (lefts[layout.layers[name]], _TITLE + layout.middles[name] - box.height / 2) for name, box in boxes.items()}
    bottom = _TITLE + layout.height + 28
    legend, right = legend_of({found.nodes[name].kind for name in names}, bottom)
    size = max(lefts[max(layout.layers.values(), default=0)] + WIDTH, right, 640.0) + _MARGIN, bottom + 62
    parts = [
        *(_arrow(each) for each in routes),
        *(boxes[name].drawn(*places[name]) for name in names),
        *_labels(routes, [(x, y, x + WIDTH, y + boxes[name].height) for name, (x, y) in places.items()]),
        *legend,
    ]
    return _svg(found, size, len(found.nodes) - len(names), parts)


def _lefts(layout: Layout) -> Sequence[float]:
    """Returns where each layer begins; with many of them they stand closer."""
    count = max(layout.layers.values(), default=0) + 1
    gap = max(_SHORTEST_GAP, min(_LONGEST_GAP, (_WIDEST - count * WIDTH) / max(count - 1, 1)))
    return [_MARGIN + number * (WIDTH + gap) for number in range(count)]


def _routes(edges: Sequence[lineage_pb2.LineageEdge], boxes: Mapping[str, Box], layout: Layout, lefts: Sequence[float]) -> list[Route]:
    """Leads each edge from side to side; those at one side of a box are spread over it in the order of where they come from."""
    ends: dict[tuple[str, bool], list[tuple[float, int, bool]]] = defaultdict(list)
    for number, edge in enumerate(edges):
        way = [(layout.layers[edge.from_name], layout.middles[edge.from_name]), *layout.passing[edge.from_name, edge.to_name]]
        way.append((layout.layers[edge.to_name], layout.middles[edge.to_name]))
        forth = way[0][0] < way[-1][0]
        ends[edge.from_name, forth].append((way[1][1], number, True))
        ends[edge.to_name, not forth].append((way[-2][1], number, False))
    ports: dict[tuple[int, bool], Point] = {}
    for (name, on_right), those in ends.items():
        top, height = _TITLE + layout.middles[name] - boxes[name].height / 2, boxes[name].height
        for place, (_, number, is_begin) in enumerate(sorted(those), 1):
            ports[number, is_begin] = lefts[layout.layers[name]] + (WIDTH if on_right else 0), top + height * place / (len(those) + 1)
    return [_route(number, edge, layout, lefts, ports) for number, edge in enumerate(edges)]


def _route(
    number: int, edge: lineage_pb2.LineageEdge, layout: Layout, lefts: Sequence[float], ports: Mapping[tuple[int, bool], Point]
) -> Route:
    forth = layout.layers[edge.from_name] < layout.layers[edge.to_name]
    points = [ports[number, True]]
    for layer, middle in layout.passing[edge.from_name, edge.to_name]:
        across = [(lefts[layer], _TITLE + middle), (lefts[layer] + WIDTH, _TITLE + middle)]
        points += across if forth else reversed(across)
    sure = f" {edge.confidence:.0%}" if edge.source in _DASHES else ""
    return Route(edge, [*points, ports[number, False]], enum_text(edge, "relation") + sure)


def _arrow(route: Route) -> str:
    edge, (first, *rest) = route.edge, route.points
    path, last = f"M{first[0]:.1f} {first[1]:.1f}", first
    for number, (x, y) in enumerate(rest):
        # Between two layers a curve, across a layer a line.
        bend = (last[0] + x) / 2
        path += f" L{x:.1f} {y:.1f}" if number % 2 else f" C{bend:.1f} {last[1]:.1f} {bend:.1f} {y:.1f} {x:.1f} {y:.1f}"
        last = x, y
    gone = edge.standing in _GONE
    dash = f' stroke-dasharray="{_DASHES[edge.source]}"' if edge.source in _DASHES else ""
    told = "; ".join(filter(None, (", ".join(f"{key}={value}" for key, value in sorted(edge.attributes.items())), *doubts(edge))))
    text = f"{edge.from_name} {enum_text(edge, 'relation')} {edge.to_name}" + (f" ({told})" if told else "")
    head = "gone" if gone else "arrow"
    return (
        f'<path class="edge" d="{path}" stroke="{_DOUBTED if gone else LINE}" stroke-width="{0.9 + edge.confidence * 0.7:.2f}"{dash} '
        f'marker-end="url(#{head})"><title>{_text(text)}</title></path>'
    )


Area = tuple[float, float, float, float]


def _labels(routes: Sequence[Route], taken: list[Area]) -> list[str]:
    """Labels where there is room beside boxes and other labels; edges alike that meet in one box share one. All stand in tooltips."""
    shared: dict[tuple[str, str], list[Route]] = defaultdict(list)
    for each in routes:
        shared[each.edge.to_name, each.label].append(each)
    groups = [group for group in shared.values() if len(group) > 1]
    alone: dict[tuple[str, str], list[Route]] = defaultdict(list)
    for group in shared.values():
        if len(group) == 1:
            alone[group[0].edge.from_name, group[0].label].append(group[0])
    drawn = []
    for group, at_end in [*((group, True) for group in groups), *((group, False) for group in alone.values())]:
        is_shared = len(group) > 1
        middle = sorted(group, key=lambda each: each.points[-1 if at_end else 0][1])[len(group) // 2]
        text = f"{middle.label} ×{len(group)}" if is_shared else middle.label
        place = _room(middle, letters_wide(text, _LABEL), taken, at_end=at_end, is_shared=is_shared)
        if place is not None:
            gone = f' fill="{_DOUBTED}"' if middle.edge.standing in _GONE else ""
            drawn.append(f'<text class="label" x="{place[0]:.1f}" y="{place[1]:.1f}"{gone}>{_text(text)}</text>')
    return drawn


def _room(route: Route, width: float, taken: list[Area], *, at_end: bool, is_shared: bool) -> Point | None:
    begin, end = (route.points[-2], route.points[-1]) if at_end else (route.points[0], route.points[1])
    shares = ((0.72, 0.62, 0.5, 0.4) if at_end else (0.3, 0.4, 0.5, 0.6)) if is_shared else (0.5, 0.4, 0.6, 0.3, 0.7)
    for rise in (-4.0, 10.0, -14.0, 20.0, -24.0, 30.0):
        for share in shares:
            x, y = _on_curve(begin, end, share)
            area = x - width / 2 - 2, y + rise - 9, x + width / 2 + 2, y + rise + 3
            if not any(area[0] < other[2] and other[0] < area[2] and area[1] < other[3] and other[1] < area[3] for other in taken):
                taken.append(area)
                return x, y + rise
    return None


def _on_curve(begin: Point, end: Point, share: float) -> Point:
    """The curve of `_arrow`: its controls stand in the middle between its ends."""
    rest, bend = 1 - share, (begin[0] + end[0]) / 2
    weights = rest**3, 3 * rest**2 * share, 3 * rest * share**2, share**3
    xs, ys = (begin[0], bend, bend, end[0]), (begin[1], begin[1], end[1], end[1])
    return sum(w * x for w, x in zip(weights, xs, strict=True)), sum(w * y for w, y in zip(weights, ys, strict=True))


def _svg(found: Lineage, size: Point, left_out: int, parts: Sequence[str]) -> str:
    width, height = size
    shown = min(1.0, _WIDEST / width)
    title = f"Lineage of {plain(found.name)}: {count_text(len(found.nodes), 'resource')}"
    note = f", of which the {left_out} farthest are not drawn" if left_out else ""
    kinds = ", ".join(sorted({node.kind.replace("_", " ") for node in found.nodes.values()}))
    desc = f"{count_text(len(found.edges), 'edge')} between resources of these kinds: {kinds}. Each arrow leads from what came first."
    heads = "".join(
        f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" '
        f'orient="auto"><path d="M0 0.8 L10 5 L0 9.2 z" fill="{colour}"/></marker>'
        for name, colour in (("arrow", LINE), ("gone", _DOUBTED))
    )
    size_text = f'width="{width * shown:.0f}" height="{height * shown:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size_text} role="img" aria-labelledby="title desc">',
            f'<title id="title">{_text(title + note)}</title><desc id="desc">{_text(desc)}</desc>',
            f"<defs>{heads}</defs>",
            HEAD,
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
            f'<text class="heading" x="{_MARGIN}" y="26" fill="{INK}">{_text(title + note)}</text>',
            *parts,
            "</svg>\n",
        )
    )


def _text(text: str) -> str:
    return escape(plain(text))
