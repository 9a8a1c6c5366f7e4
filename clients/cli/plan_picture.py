"""The picture of a plan: items over sprints, team by team, with hours used, what moved and what waits for what, as SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from xml.sax.saxutils import escape

from ballast.allocation.v1 import plan_pb2, roadmap_item_pb2

from clients.cli.formats import count_text, hours_text, money_text, percent_text
from clients.cli.output import plain
from clients.cli.plan_style import STYLE

_MARGIN, _LABEL, _NOTE, _HEAD = 20.0, 250.0, 300.0, 60.0
_ROW, _BAR, _TEAM_ROW = 24.0, 13.0, 58.0
_NARROWEST, _WIDEST, _DRAWN = 92.0, 150.0, 720.0  # of a sprint's column, and of all of them together where they can be as narrow
_LETTERS = 34


@dataclass(frozen=True, slots=True)
class Moves:
    """What a change of plan moved: items by name, and where they were before."""

    items: Mapping[str, roadmap_item_pb2.DisplacedItem]
    before: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where sprints stand: `horizon` columns and one for all that comes later."""

    horizon: int

    @property
    def column(self) -> float:
        return max(_NARROWEST, min(_WIDEST, _DRAWN / (self.horizon + 1)))

    def end(self, sprint: int) -> float:
        """Returns where a sprint ends; 0 stands for beyond the horizon."""
        return _MARGIN + _LABEL + self.column * (sprint or self.horizon + 1)

    @property
    def right(self) -> float:
        return self.end(0) + _NOTE


def write_plan(plan: plan_pb2.RoadmapPlan, path: Path, moves: Moves | None = None) -> None:
    """Writes the picture, whole or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(plan_picture(plan, moves), encoding="utf-8")
    fresh.replace(path)


def plan_picture(plan: plan_pb2.RoadmapPlan, moves: Moves | None = None) -> str:
    """Returns the SVG; it follows the reader's light or dark ground, and its text is text. The same plan gives the same bytes."""
    grid, top = _Grid(plan.horizon_sprints), _HEAD + _MARGIN
    depths, parts = _depths(plan), list[str]()
    places: dict[str, tuple[float, float, float]] = {}
    for team in plan.teams:
        items = sorted(
            (each for each in plan.items if each.team == team.team),
            key=lambda it: (it.finish_sprint or grid.horizon + 1, depths[it.roadmap_item], it.roadmap_item),
        )
        parts += _team(plan, team, grid, top)
        top += _TEAM_ROW
        for item in items:
            left, right = _span(item, team, grid)
            places[item.roadmap_item] = left, right, top + _ROW / 2
            parts += _item(plan, item, places[item.roadmap_item], grid, moves)
            top += _ROW
        top += _MARGIN
    bottom = top
    edges = [_edge(places[other], places[item.roadmap_item], f"{item.roadmap_item} waits for {other}")
             for item in plan.items for other in item.dependencies if other in places and item.roadmap_item in places]  # fmt: skip
    lines = [f'<line class="grid" x1="{grid.end(s):.1f}" x2="{grid.end(s):.1f}" y1="{_HEAD + 12}" y2="{bottom:.1f}"/>' for s in
             range(1, grid.horizon + 1)]  # fmt: skip
    body = [*lines, *edges, *parts, *_legend(bottom + 10, has_moves=moves is not None)]
    return _svg(plan, (grid.right, bottom + 56), body)


def _depths(plan: plan_pb2.RoadmapPlan) -> dict[str, int]:
    """Returns how many items each waits for one after the other: what comes first is drawn first."""
    waits = {each.roadmap_item: each.dependencies for each in plan.items}
    depths = dict.fromkeys(waits, 0)
    for _ in waits:  # at most as often as there are items in a row
        deeper = {name: 1 + max((depths.get(other, -1) for other in of), default=-1) for name, of in waits.items()}
        if deeper == depths:
            break
        depths = deeper
    return depths


def _team(plan: plan_pb2.RoadmapPlan, team: plan_pb2.PlannedTeam, grid: _Grid, top: float) -> list[str]:
    """Draws a team's head: its share, and of each sprint the hours there are and those used."""
    share = f"{percent_text(team.remediation_share, 0)} to remediation"
    found = [_text("team", _MARGIN, top + 14, team.team.removeprefix("teams/")), _text("faint", _MARGIN, top + 30, share)]
    ends = {each.finish_sprint: each.finish_at for each in plan.items if each.team == team.team and each.finish_sprint}
    most = max(team.roadmap_hours, default=0) or 1
    for number, (hours, used) in enumerate(zip(team.roadmap_hours, team.used_hours, strict=True), 1):
        left, width = grid.end(number) - grid.column + 6, grid.column - 12
        until = f" · {ends[number].ToDatetime(tzinfo=UTC):%d %b}" if number in ends else ""
        found.append(_text("faint", left, top + 12, f"sprint {number}{until}"))
        told = f"{used:,.0f} of {hours:,.0f} h used in sprint {number}"
        full, filled = width * hours / most, width * min(used, hours) / most
        found.append(f'<rect class="rest" x="{left:.1f}" y="{top + 19:.1f}" width="{full:.1f}" height="8" rx="2"/>')
        found.append(
            f'<rect class="used" x="{left:.1f}" y="{top + 19:.1f}" width="{filled:.1f}" height="8" rx="2"><title>{told}</title></rect>'
        )
        found.append(_text("faint", left, top + 40, f"{used:,.0f} of {hours:,.0f} h"))
    found.append(_text("faint", grid.end(0) - grid.column + 6, top + 12, "later"))
    return found


def _span(item: plan_pb2.PlannedItem, team: plan_pb2.PlannedTeam, grid: _Grid) -> tuple[float, float]:
    """Returns where an item's bar begins and ends: as long as its hours are of its team's sprints, and ending with its sprint."""
    right = grid.end(item.finish_sprint) - 3
    sprint = item.finish_sprint or grid.horizon
    usual = sum(team.roadmap_hours[:sprint]) / sprint or 1
    first = _MARGIN + _LABEL + 3 if item.finish_sprint else right - grid.column + 6
    return max(first, right - max(8.0, grid.column * item.remaining_hours / usual)), right


def _item(
    plan: plan_pb2.RoadmapPlan, item: plan_pb2.PlannedItem, place: tuple[float, float, float], grid: _Grid, moves: Moves | None
) -> list[str]:
    left, right, middle = place
    is_late = item.roadmap_item in plan.late_items
    kinds = " ".join(["bar"] + ["beyond"] * (not item.finish_sprint) + ["protected"] * item.protected + ["late"] * is_late)
    name = item.roadmap_item.removeprefix("roadmapItems/")
    told = f"{item.title} ({name}): {hours_text(item.remaining_hours)}, " + (
        f"done by {item.finish_at.ToDatetime(tzinfo=UTC):%Y-%m-%d}" if item.finish_sprint else "not within the horizon"
    )
    bar = (
        f'<rect class="{kinds}" x="{left:.1f}" y="{middle - _BAR / 2:.1f}" width="{right - left:.1f}" height="{_BAR}" rx="3">'
        f"<title>{_escaped(told)}</title></rect>"
    )
    found = [_text("", _MARGIN, middle + 4, _cut(item.title or name)), bar]
    notes = [f"due {item.due_at.ToDatetime(tzinfo=UTC):%d %b}"] if item.HasField("due_at") else []
    notes += ["late"] * is_late + ["protected"] * item.protected
    moved = moves.items.get(item.roadmap_item) if moves else None
    if moves and moved:
        days = moved.delay.ToTimedelta().total_seconds() / 86_400
        notes.insert(0, f"{days:+,.0f} d, {money_text(moved, 'value_at_risk').replace('.00 ', ' ')}")
        found += _moved(grid.end(moves.before.get(item.roadmap_item, 0)) - 3, place)
    if notes:
        warns = is_late or (moved is not None and moved.delay.ToTimedelta().days > 0)
        found.append(_text("faint told late" if warns else "faint", grid.end(0) + 8, middle + 4, " · ".join(notes)))
    return found


def _moved(before: float, place: tuple[float, float, float]) -> list[str]:
    """Draws where the item's end was, and the way from there to where it is."""
    left, right, middle = place
    length, first, below = right - left, _MARGIN + _LABEL + 3, middle + _BAR / 2 + 2.5
    where = f'x="{max(before - length, first):.1f}" y="{middle - _BAR / 2:.1f}" width="{min(length, before - first):.1f}"'
    way = f'x1="{before:.1f}" x2="{right:.1f}" y1="{below:.1f}" y2="{below:.1f}"'
    return [f'<rect class="before" {where} height="{_BAR}" rx="3"/>', f'<line class="moved" {way} marker-end="url(#to)"/>']


def _edge(begin: tuple[float, float, float], end: tuple[float, float, float], told: str) -> str:
    """Leads from the end of the first bar straight onto one that ends in the same sprint, else in a bend to where the other begins."""
    (_, right, y), (left, to_right, to_y) = begin, end
    x, half = right - 5, _BAR / 2 if to_y > y else -_BAR / 2
    way = (
        f"L{x:.1f} {to_y - half:.1f}" if left <= x <= to_right else f"C{x:.1f} {to_y:.1f} {left - 14:.1f} {to_y:.1f} {left:.1f} {to_y:.1f}"
    )
    return f'<path class="edge" d="M{x:.1f} {y + half:.1f} {way}" marker-end="url(#after)"><title>{_escaped(told)}</title></path>'


def _legend(top: float, *, has_moves: bool) -> list[str]:
    entries = [("bar", "planned"), ("bar protected", "protected"), ("bar late", "late"), ("bar beyond", "beyond the horizon")]
    entries += [("before", "where it was before the change")] if has_moves else []
    found, left = [], _MARGIN
    for kind, told in entries:
        found.append(f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="26" height="10" rx="3"/>')
        found.append(_text("faint", left + 32, top + 9, told))
        left += 32 + 7.0 * len(told) + 22
    told = (
        "A bar is as long as its hours are of its team's sprints, and ends with the sprint in which it is done; arrows: what comes first."
    )
    return [*found, _text("faint", _MARGIN, top + 28, told)]


def _svg(plan: plan_pb2.RoadmapPlan, size: tuple[float, float], parts: Sequence[str]) -> str:
    width, height = size
    size_text = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    proof = "proven optimal" if not plan.optimality_gap else f"at most {percent_text(plan.optimality_gap, 2)} from the optimum"
    title = f"Plan of {', '.join(each.team.removeprefix('teams/') for each in plan.teams)}"
    told = f"{count_text(len(plan.items), 'item')} over {count_text(plan.horizon_sprints, 'sprint')}"
    told += f" · saves {money_text(plan, 'value')} (by rank {money_text(plan, 'ranked_value')}) · {proof}"
    heads = "".join(
        f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" '
        f'orient="auto"><path d="M0 1 L10 5 L0 9 z" class="{kind}"/></marker>'
        for name, kind in (("after", "head"), ("to", "to"))
    )
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size_text} role="img" aria-labelledby="title desc">',
            f'<title id="title">{_escaped(title)}</title><desc id="desc">{_escaped(told)}</desc>',
            STYLE,
            f"<defs>{heads}</defs>",
            f'<rect width="{width:.0f}" height="{height:.0f}" class="paper"/>',
            _text("heading", _MARGIN, 28, title),
            _text("faint", _MARGIN, 48, told),
            *parts,
            "</svg>\n",
        )
    )


def _text(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{_escaped(text)}</text>'


def _cut(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1].rstrip()}…"


def _escaped(text: str) -> str:
    return escape(plain(text))
