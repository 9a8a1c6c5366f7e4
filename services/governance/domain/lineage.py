"""Lineage: resources as nodes, and what led to what as edges between them."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.governance.domain.errors import LineageTooLarge

LONGEST_TITLE = 200  # characters


class NodeKind(StrEnum):
    ALERT = "alert"
    INCIDENT = "incident"
    COMPONENT = "component"
    ASSESSMENT = "assessment"
    DECISION = "decision"
    POLICY_VERSION = "policy_version"
    ROADMAP_ITEM = "roadmap_item"
    BUNDLE = "bundle"
    TEMPLATE_VERSION = "template_version"


class Relation(StrEnum):
    GROUPED_INTO = "GROUPED_INTO"
    AFFECTS = "AFFECTS"
    ASSESSED_BY = "ASSESSED_BY"
    WEIGHED_IN = "WEIGHED_IN"
    GOVERNS = "GOVERNS"
    DISPLACES = "DISPLACES"
    RENDERED_AS = "RENDERED_AS"
    TEMPLATE_OF = "TEMPLATE_OF"
    MERGED_INTO = "MERGED_INTO"


class Direction(StrEnum):
    DOWNSTREAM = "DOWNSTREAM"
    UPSTREAM = "UPSTREAM"
    BOTH = "BOTH"


@dataclass(frozen=True, slots=True)
class Node:
    """A resource. `title` is empty until an event tells it."""

    name: str
    kind: NodeKind
    title: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """One resource led to another; (from_name, to_name, relation) identifies it."""

    from_name: str
    to_name: str
    relation: Relation
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drawing:
    """What an event shows: the node it is about, those it mentions, and edges between them.

    The title of its own node holds until a later version of it tells another; that of a mentioned one only until its own
    event comes.
    """

    own: Node
    mentioned: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()


@dataclass(frozen=True, slots=True)
class TitledNode:
    """A node with the version of the resource that its title comes from; 0 for a mention."""

    node: Node
    title_version: int


@dataclass(frozen=True, slots=True)
class RecordedEdge:
    """An edge, and the ledger entry that first showed it."""

    edge: Edge
    trace_id: str
    ledger_sequence: int
    create_time: datetime


@dataclass(frozen=True, slots=True)
class LineageQuery:
    """Where a walk begins, which way it goes, how many steps at most, and which kinds it stops short of unless empty."""

    name: str
    direction: Direction
    max_depth: int
    kinds: tuple[NodeKind, ...] = ()


@dataclass(frozen=True, slots=True)
class ReachedNode:
    """A node, and its steps from where the walk began."""

    node: Node
    depth: int

    @property
    def position(self) -> tuple[int, str]:
        """What nodes are ordered by."""
        return self.depth, self.node.name


def one_line(text: str) -> str:
    """Returns `text` with every run of white space and control characters as one blank, cut at LONGEST_TITLE."""
    printable = text if text.isprintable() else "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(printable.split())
    return line if len(line) <= LONGEST_TITLE else line[: LONGEST_TITLE - 1] + "…"


class Walk:
    """A walk through the lineage, breadth first: each `step` takes what borders on the frontier; cycles end.

    `reached` is ordered by depth, then by name. A walk that would visit more than `limit` nodes raises LineageTooLarge.
    """

    def __init__(self, start: Node, limit: int) -> None:
        self._limit = limit
        self._seen = {start.name}
        self.depth = 0
        self.reached = [ReachedNode(start, 0)]
        self.frontier: tuple[str, ...] = (start.name,)

    def count_after(self, position: tuple[int, str]) -> int:
        """Returns how many of the reached nodes come after this position."""
        return len(self.reached) - bisect_right(self.reached, position, key=lambda reached: reached.position)

    def step(self, bordering: Iterable[Node]) -> None:
        fresh = sorted({node.name: node for node in bordering if node.name not in self._seen}.values(), key=lambda node: node.name)
        if len(self._seen) + len(fresh) > self._limit:
            raise LineageTooLarge(self._limit)
        self.depth += 1
        self.reached.extend(ReachedNode(node, self.depth) for node in fresh)
        self.frontier = tuple(node.name for node in fresh)
        self._seen.update(self.frontier)
