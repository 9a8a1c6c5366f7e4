"""Drawings: what one event shows of the lineage, before it has its place in the ledger."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.governance.domain.lineage import Edge, Node

LONGEST_NAME_BYTES = 1100  # a label's 1,024 bytes, and the collection before them


class Part(StrEnum):
    """What something that happened to a component may be in a conclusion."""

    CAUSE = "CAUSE"
    EFFECT = "EFFECT"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """That a node happened to a component, and when: what conclusions are drawn from."""

    name: str
    component: str
    part: Part
    time: datetime


class Drawing(NamedTuple):  # as the nodes and edges in it are
    """What an event shows: the node it is about, those it mentions, edges between them, and what may be concluded from.

    The title of its own node holds until a later version of it tells another; that of a mentioned one only until its own
    event comes. What is said of an edge has no node of its own.
    """

    own: Node | None
    mentioned: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    occurrences: tuple[Occurrence, ...] = ()


class TitledNode(NamedTuple):
    """A node with the version of the resource that its title comes from; 0 for a mention."""

    node: Node
    title_version: int


def kept(drawing: Drawing) -> Drawing | None:
    """Returns what of a drawing can be kept: nothing where its own name cannot, and no mention without a usable name."""
    if drawing.own is not None and not is_name(drawing.own.name):
        return None
    if all(map(is_name, set(_others(drawing)))):
        return drawing
    return Drawing(
        drawing.own,
        tuple(node for node in drawing.mentioned if is_name(node.name)),
        tuple(edge for edge in drawing.edges if is_name(edge.from_name) and is_name(edge.to_name)),
        tuple(each for each in drawing.occurrences if is_name(each.name) and is_name(each.component)),
    )


def _others(drawing: Drawing) -> Iterator[str]:
    """Yields every name in a drawing but that of its own node."""
    for node in drawing.mentioned:
        yield node.name
    for edge in drawing.edges:
        yield edge.from_name
        yield edge.to_name
    for each in drawing.occurrences:
        yield each.name
        yield each.component


def is_name(name: str) -> bool:
    # A longer name would not fit the index over both ends of an edge, and PostgreSQL keeps no NUL in text.
    return 0 < len(name.encode()) <= LONGEST_NAME_BYTES and "\0" not in name
