"""Arrivals: an event as it comes in, for the ledger and for the lineage at once."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.governance.domain.access import Access
from services.governance.domain.ledger import SALT_BYTES, Content, End, LedgerEntry, RecordedEvent, entries_after
from services.governance.domain.lineage import Drawing, RecordedEdge, TitledNode
from shared.transparency.merkle import Peaks
from shared.transparency.tiles import Growth, grown


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event, the version of the resource it is about, and what it shows of lineage, None for nothing, and of calls."""

    event: RecordedEvent
    version: int
    drawing: Drawing | None = None
    accesses: tuple[Access, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the event for good."""
        return self.event.source, self.event.event_id


@dataclass(frozen=True, slots=True)
class Appendix:
    """What is to be written, all of it or nothing: entries with their contents, how the tree grows, nodes and edges."""

    growth: Growth
    entries: tuple[LedgerEntry, ...]
    contents: tuple[Content, ...]
    nodes: tuple[TitledNode, ...]
    edges: tuple[RecordedEdge, ...]


Randomness = Callable[[int], bytes]
"""Gives so many random bytes."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What is there already: the tree, which of the events by their keys, and the last position of each of their subjects."""

    head: Peaks
    known: Collection[tuple[str, str]] = ()
    last_of: Mapping[str, int] = field(default_factory=dict)


def appendix_of(ground: Ground, arrivals: Sequence[Arrival], now: datetime, randomness: Randomness) -> Appendix:
    """Returns what follows: one entry for each event that is neither known nor a repeat within `arrivals`."""
    first: dict[tuple[str, str], Arrival] = {}
    for each in arrivals:
        if each.key not in ground.known:
            first.setdefault(each.key, each)
    fresh = tuple(first.values())
    salts = randomness(SALT_BYTES * len(fresh))  # at once: asking the system for each costs more than the rest of a content
    contents = tuple(
        Content(salts[number * SALT_BYTES : (number + 1) * SALT_BYTES], each.event.principal, each.event.payload, each.event.reason)
        for number, each in enumerate(fresh)
    )
    entries = entries_after(End(ground.head.size, ground.last_of), [each.event for each in fresh], contents, now)
    return Appendix(
        growth=grown(ground.head, [entry.hash for entry in entries]),
        entries=entries,
        contents=contents,
        nodes=_nodes(fresh),
        edges=_edges(fresh, entries),
    )


def _nodes(arrivals: Iterable[Arrival]) -> tuple[TitledNode, ...]:
    """Each node once, by name, with the title of its highest version; of equal versions the later, and never an empty one."""
    merged: dict[str, TitledNode] = {}
    for titled in _titled(arrivals):
        held = merged.get(titled.node.name)
        if held is None or (titled.node.title and titled.title_version >= held.title_version):
            merged[titled.node.name] = titled
    return tuple(merged[name] for name in sorted(merged))


def _titled(arrivals: Iterable[Arrival]) -> Iterable[TitledNode]:
    for arrival in arrivals:
        if arrival.drawing is not None:
            # A source that tells no version still speaks for its own resource: above any mention.
            yield TitledNode(arrival.drawing.own, max(arrival.version, 1))
            yield from (TitledNode(node, 0) for node in arrival.drawing.mentioned)


def _edges(arrivals: Sequence[Arrival], entries: Sequence[LedgerEntry]) -> tuple[RecordedEdge, ...]:
    """Each edge once, as the first entry shows it."""
    first: dict[tuple[str, str, str], RecordedEdge] = {}
    for arrival, entry in zip(arrivals, entries, strict=True):
        for edge in arrival.drawing.edges if arrival.drawing else ():
            recorded = RecordedEdge(edge, entry.trace_id, entry.sequence, entry.record_time)
            first.setdefault((edge.from_name, edge.to_name, edge.relation), recorded)
    return tuple(first.values())
