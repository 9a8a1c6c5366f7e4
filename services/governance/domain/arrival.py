"""Arrivals: an event as it comes in, for the ledger and for the lineage at once."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from services.governance.domain.access import Access
from services.governance.domain.conclusion import Conclusions
from services.governance.domain.drawing import Drawing, Occurrence, TitledNode
from services.governance.domain.ledger import SALT_BYTES, Content, Draft, End, LedgerEntry, RecordedEvent, draft_of, entries_after
from services.governance.domain.lineage import Edge, Link, Node, RecordedEdge, Standing, stronger
from shared.transparency.merkle import Peaks
from shared.transparency.tiles import Growth, grown


class Arrival(NamedTuple):
    """An event, the version of the resource it is about, and what it shows of lineage, None for nothing, and of calls."""

    event: RecordedEvent
    version: int
    drawing: Drawing | None = None
    accesses: tuple[Access, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the event for good."""
        return self.event.source, self.event.event_id


Randomness = Callable[[int], bytes]
"""Gives so many random bytes."""


@dataclass(frozen=True, slots=True)
class Drafts:
    """Arrivals, each event once, and what is to be written of them wherever their entries will stand: contents and nodes."""

    arrivals: tuple[Arrival, ...]
    contents: tuple[Content, ...]
    entries: tuple[Draft, ...]
    nodes: tuple[TitledNode, ...]

    def without(self, known: Collection[tuple[str, str]]) -> "Drafts":
        """Returns those that are not known, by their keys."""
        rest = [place for place, each in enumerate(self.arrivals) if each.key not in known]
        arrivals = tuple(self.arrivals[place] for place in rest)
        contents, entries = tuple(self.contents[place] for place in rest), tuple(self.entries[place] for place in rest)
        return Drafts(arrivals, contents, entries, _nodes(arrivals))


def drafts_of(arrivals: Sequence[Arrival], randomness: Randomness) -> Drafts:
    """Returns all that can be made of arrivals before it is known what is there already."""
    first: dict[tuple[str, str], Arrival] = {}
    for each in arrivals:
        first.setdefault(each.key, each)
    once = tuple(first.values())
    salts = randomness(SALT_BYTES * len(once))  # at once: asking the system for each costs more than the rest of a content
    contents = tuple(
        Content(salts[number * SALT_BYTES : (number + 1) * SALT_BYTES], each.event.principal, each.event.payload, each.event.reason)
        for number, each in enumerate(once)
    )
    entries = tuple(draft_of(each.event, content) for each, content in zip(once, contents, strict=True))
    return Drafts(once, contents, entries, _nodes(once))


@dataclass(frozen=True, slots=True)
class Ground:
    """What is there already: the tree, which of the events by their keys, the last position of each of their subjects, and what
    happened to the same components at about the same time, or to what is told of now; and the edges inferred from what is corrected now,
    unless people have judged them.
    """

    head: Peaks
    known: Collection[tuple[str, str]] = ()
    last_of: Mapping[str, int] = field(default_factory=dict)
    occurrences: tuple[Occurrence, ...] = ()
    inferred: tuple[Edge, ...] = ()


@dataclass(frozen=True, slots=True)
class Appendix:
    """What is to be written, with what the drafts say and all of it or nothing: entries, how the tree grows, what is shown of lineage."""

    growth: Growth
    entries: tuple[LedgerEntry, ...]
    edges: tuple[RecordedEdge, ...]
    occurrences: tuple[Occurrence, ...] = ()


def appendix_of(ground: Ground, drafts: Drafts, now: datetime) -> Appendix:
    """Returns what follows: one entry for each draft, none of which is known."""
    entries = entries_after(End(ground.head.size, ground.last_of), drafts.entries, now)
    return Appendix(
        growth=grown(ground.head, [entry.hash for entry in entries]),
        entries=entries,
        edges=_edges(drafts.arrivals, entries, Conclusions(ground.occurrences, ground.inferred)),
        occurrences=_occurrences(drafts.arrivals),
    )


def _nodes(arrivals: Iterable[Arrival]) -> tuple[TitledNode, ...]:
    """Each node once, by name, with the title of its highest version; of equal versions the later, and never an empty one."""
    merged: dict[str, TitledNode] = {}
    for titled in _titled(arrivals):
        held = merged.get(titled.node.name)
        merged[titled.node.name] = titled if held is None else _merged(held, titled)
    return tuple(merged[name] for name in sorted(merged))


def _merged(held: TitledNode, told: TitledNode) -> TitledNode:
    chosen = told if told.node.title and told.title_version >= held.title_version else held
    is_known = held.node.is_known or told.node.is_known
    return chosen if chosen.node.is_known == is_known else chosen._replace(node=_known(chosen.node))


def _titled(arrivals: Iterable[Arrival]) -> Iterable[TitledNode]:
    for arrival in arrivals:
        if arrival.drawing is not None:
            # A source that tells no version still speaks for its own resource: above any mention.
            if arrival.drawing.own is not None:
                yield TitledNode(_known(arrival.drawing.own), max(arrival.version, 1))
            yield from (TitledNode(node, 0) for node in arrival.drawing.mentioned)


def _known(node: Node) -> Node:
    return node if node.is_known else Node(node.name, node.kind, node.title, is_known=True)


def _edges(arrivals: Sequence[Arrival], entries: Sequence[LedgerEntry], conclusions: Conclusions) -> tuple[RecordedEdge, ...]:
    """Each edge once, at the first entry that shows it, by the best account of it; what is concluded, at the entry that allows it."""
    first: dict[Link, RecordedEdge] = {}
    for arrival, entry in zip(arrivals, entries, strict=True):
        for edge in _shown(arrival.drawing, conclusions) if arrival.drawing else ():
            link = edge.link
            held = first.get(link)
            first[link] = (
                held._replace(edge=stronger(held.edge, edge))
                if held
                else RecordedEdge(edge, entry.trace_id, entry.sequence, entry.record_time)
            )
    return tuple(each._replace(standing=Standing.WITHDRAWN) if each.edge.is_withdrawn else each for each in first.values())


def _shown(drawing: Drawing, conclusions: Conclusions) -> Iterable[Edge]:
    """Yields the edges of a drawing, and what follows from it and from what came before."""
    yield from drawing.edges
    if drawing.occurrences:
        yield from conclusions.after(drawing.occurrences)


def _occurrences(arrivals: Iterable[Arrival]) -> tuple[Occurrence, ...]:
    """Each once by node and component, at the earliest time told: reports of a begin only ever correct it to an earlier one."""
    first: dict[tuple[str, str], Occurrence] = {}
    for arrival in arrivals:
        for each in arrival.drawing.occurrences if arrival.drawing else ():
            held = first.get((each.name, each.component))
            first[each.name, each.component] = each if held is None else min(held, each, key=lambda one: one.time)
    return tuple(first.values())
