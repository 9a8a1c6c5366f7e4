"""The boxes of a lineage's picture: a resource with its kind, its title in lines, and the end of its name that tells it from others."""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from ballast.governance.v1 import lineage_pb2

from clients.cli.output import plain

INK, FAINT, LINE = "#1f2328", "#57606a", "#6e7781"
WIDTH = 196.0
_PADDING, _ROW = 9.0, 14.0
_TITLE, _SMALL = 11.5, 9.5  # font sizes
_MOST_LINES = 5
_AFTERWARDS = ("post_mortem", "corrective_action", "duty", "work_record", "kpi_value")
# Okabe and Ito's palette, told apart by the colour-blind, by what a kind is about, and a tint of each to write on.
_GROUPS = (
    ("alert, incident", "#d55e00", "#fdeee3", ("alert", "incident")),
    ("change, deploy, flag, event", "#c98a00", "#fdf5e0", ("change", "deploy", "flag", "event")),
    ("assessment, decision, policy, approval", "#0072b2", "#e5f1f8", ("assessment", "decision", "policy_version", "approval")),
    ("roadmap item, bundle, template", "#009e73", "#e3f5ef", ("roadmap_item", "bundle", "template_version")),
    (
        "post-mortem, action, duty, work, KPI",
        "#b8578f",
        "#f9ecf3",
        ("post_mortem", "corrective_action", "duty", "work_record", "kpi_value"),
    ),
    ("component", "#57606a", "#f0f2f4", ("component",)),
)
_LINES = (
    ("observed", LINE, ""),
    ("inferred by a rule", LINE, "7 4"),
    ("stated by a person", LINE, "2 3"),
    ("denied or withdrawn", "#b3261e", ""),
)
_COLOURS = {kind: (colour, tint) for _, colour, tint, kinds in _GROUPS for kind in kinds}
_FONTS = "'DejaVu Sans', 'Noto Sans', 'Segoe UI', Helvetica, Arial, 'Noto Sans CJK JP', 'Noto Sans CJK SC', 'Hiragino Sans', sans-serif"
HEAD = (
    f"<style>text {{ font-family: {_FONTS}; }} .heading {{ font-size: 15px; font-weight: bold; }} "
    f".kind, .name {{ font-size: {_SMALL}px; fill: {FAINT}; }} .told {{ font-size: {_TITLE}px; fill: {INK}; }} "
    f".label {{ font-size: 10px; fill: {INK}; text-anchor: middle; paint-order: stroke; stroke: #ffffff; stroke-width: 3px; }} "
    f".legend {{ font-size: 10.5px; fill: {INK}; }} .edge {{ fill: none; }}</style>"
)


@dataclass(frozen=True, slots=True)
class Box:
    """What stands in a box, from the top; whether the walk began there."""

    node: lineage_pb2.LineageNode
    lines: Sequence[str]
    name: str
    is_start: bool

    @property
    def height(self) -> float:
        return 2 * _PADDING + _ROW * (len(self.lines) + 1 + bool(self.name)) - 3

    def drawn(self, x: float, y: float) -> str:
        """Returns it with its left upper corner there."""
        node, (colour, tint) = self.node, colour_of(self.node.kind)
        dash = ' stroke-dasharray="5 3"' if node.pending else ""
        whole = f"{node.name}: {node.title}" if node.title else node.name
        pending = " (pending)" if node.pending else ""
        rows = [("kind", f"{node.kind.replace('_', ' ')}{pending}"), *(("told", line) for line in self.lines)]
        rows += [("name", self.name)] if self.name else []
        weight = ' font-weight="bold"'
        texts = "".join(
            f'<text class="{role}" x="{x + _PADDING:.1f}" y="{y + _PADDING + 8 + _ROW * number:.1f}"'
            f"{weight if self.is_start and role == 'told' else ''}>{escape(text)}</text>"
            for number, (role, text) in enumerate(rows)
        )
        return (
            f'<g class="node"><title>{escape(plain(whole))}</title>'
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{WIDTH}" height="{self.height:.1f}" '
            f'rx="5" fill="{tint}" stroke="{colour}" stroke-width="{2.6 if self.is_start else 1.3}"{dash}/>{texts}</g>'
        )


def box_of(node: lineage_pb2.LineageNode, *, is_start: bool) -> Box:
    """A title comes first, where there is one; else the name takes its place."""
    room = WIDTH - 2 * _PADDING
    title, name = plain(node.title), plain(node.name)
    if not title or title == name:
        return Box(node, [_ending(name, room, _TITLE)], "", is_start)
    return Box(node, _wrapped(title, room, _TITLE + (1.0 if is_start else 0.0)), _ending(name, room, _SMALL), is_start)


def colour_of(kind: str) -> tuple[str, str]:
    """Returns the colour of a kind, and its tint."""
    return _COLOURS.get(kind, (FAINT, "#f0f2f4"))


def letters_wide(text: str, size: float) -> float:
    """Returns about how wide a text is: of DejaVu Sans, the widest of the fonts, and letters of two columns as they are drawn."""
    return sum(1.02 * size if unicodedata.east_asian_width(each) in "WF" else 0.61 * size for each in text)


def legend_of(kinds: Collection[str], top: float) -> tuple[list[str], float]:
    """Returns the legend at this height, of the kinds that are drawn, and how far it reaches to the right."""
    x, parts = 24.0, list[str]()
    for label, colour, tint, members in _GROUPS:
        if any(kind in kinds for kind in members):
            parts.append(
                f'<rect x="{x:.0f}" y="{top:.0f}" width="12" height="12" rx="2" fill="{tint}" stroke="{colour}" stroke-width="1.5"/>'
            )
            parts.append(f'<text class="legend" x="{x + 18:.0f}" y="{top + 10:.0f}">{escape(label)}</text>')
            x += 34 + letters_wide(label, 10.5)
    right, x = x, 24.0
    lines = (
        ("observed", LINE, ""),
        ("inferred by a rule", LINE, "7 4"),
        ("stated by a person", LINE, "2 3"),
        ("denied or withdrawn", "#b3261e", ""),
    )
    for label, colour, dash in lines:
        style = f' stroke-dasharray="{dash}"' if dash else ""
        head = "arrow" if colour == LINE else "gone"
        parts.append(
            f'<path d="M{x:.0f} {top + 30:.0f} h34" stroke="{colour}" stroke-width="1.5"{style} marker-end="url(#{head})"/>'
            f'<text class="legend" x="{x + 42:.0f}" y="{top + 34:.0f}">{label}</text>'
        )
        x += 58 + letters_wide(label, 10.5)
    parts.append(f'<text class="legend" x="{x:.0f}" y="{top + 34:.0f}">% and width: how sure; dashed box: pending</text>')
    return parts, max(right, x + letters_wide("% and width: how sure; dashed box: pending", 10.5))


def _ending(name: str, room: float, size: float) -> str:
    """Names are alike in front and told apart by their end, as UUIDs made within the same second are: what is cut is cut between."""
    if letters_wide(name, size) <= room:
        return name
    collection, slash, rest = name.rpartition("/")
    front = f"{collection}{slash}…" if letters_wide(f"{collection}{slash}…", size) < room / 2 else "…"
    end = rest
    while end and letters_wide(front + end, size) > room:
        end = end[1:]
    return front + end


def _wrapped(text: str, room: float, size: float) -> list[str]:
    """Breaks between words, and within one where it alone is too long; of what does not fit the last line keeps the beginning."""
    lines = [""]
    for word in _pieces(text, room, size):
        tried = f"{lines[-1]} {word}" if lines[-1] and not word.startswith("\0") else f"{lines[-1]}{word}"
        if lines[-1] and letters_wide(tried.replace("\0", ""), size) > room:
            lines.append(word.replace("\0", ""))
        else:
            lines[-1] = tried.replace("\0", "")
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], f"{lines[_MOST_LINES - 1][:-1]}…"]
    return lines


def _pieces(text: str, room: float, size: float) -> list[str]:
    """Words, in pieces that fit; one that goes on a word before it begins with NUL. Wide letters may be parted anywhere."""
    found = []
    for word in text.split():
        piece = ""
        for each in word:
            wide = unicodedata.east_asian_width(each) in "WF"
            if piece and (letters_wide(piece + each, size) > room or (wide and piece.strip("\0"))):
                found.append(piece)
                piece = "\0"
            piece += each
        found.append(piece)
    return found
