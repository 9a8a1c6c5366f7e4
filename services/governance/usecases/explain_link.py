"""Explaining an edge: the entries that show it are read again, so that the ledger itself says why it is there."""

from collections.abc import Callable
from dataclasses import dataclass

from services.governance.domain.correction import CORRECTION_TYPE
from services.governance.domain.drawing import Drawing
from services.governance.domain.errors import LinkNotFound
from services.governance.domain.inference import RULES
from services.governance.domain.lineage import Link, RecordedEdge, Source
from services.governance.storage.ledger_store import EntryFilter, KeptEntry, LedgerStore
from services.governance.storage.link_store import LinkStore

Draw = Callable[[str, bytes], Drawing | None]
"""Reads what an entry of a type with some data shows; None where it shows nothing, or cannot be read."""

_MOST_OF_AN_END = 200
_MOST_CORRECTIONS = 200


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an edge is there."""

    recorded: RecordedEdge
    entries: tuple[KeptEntry, ...]
    rule: str  # in a sentence; empty unless it was inferred
    corrections: tuple[KeptEntry, ...]


class ExplainLink:
    """Looks at the entries about either end: an event that shows an edge is about one of them."""

    def __init__(self, links: LinkStore, ledger: LedgerStore, draw: Draw) -> None:
        self._links = links
        self._ledger = ledger
        self._draw = draw

    async def __call__(self, link: Link) -> Explanation:
        """Raises LinkNotFound."""
        recorded = await self._links.link(link)
        if recorded is None:
            raise LinkNotFound(link)
        found: dict[int, KeptEntry] = {}
        for name in (link.from_name, link.to_name):
            about = await self._ledger.kept(_about(name), (1, None), _MOST_OF_AN_END)
            found |= {each.entry.sequence: each for each in about if self._shows(each, recorded)}
        first = recorded.ledger_sequence
        found |= {each.entry.sequence: each for each in await self._ledger.kept([EntryFilter()], (first, first), 1)}
        corrections = await self._ledger.kept([EntryFilter(subject=link.name, type=CORRECTION_TYPE)], (1, None), _MOST_CORRECTIONS)
        entries = tuple(found[sequence] for sequence in sorted(found))
        return Explanation(recorded, entries, RULES.get(recorded.edge.rule, ""), tuple(corrections))

    def _shows(self, kept: KeptEntry, recorded: RecordedEdge) -> bool:
        drawing = self._draw(kept.entry.type, kept.content.payload) if kept.content else None
        if drawing is None:
            return False
        if recorded.edge.source is Source.INFERRED:
            component = recorded.edge.attributes.get("component")
            return any(each.component == component for each in drawing.occurrences)
        return any(edge.link == recorded.edge.link for edge in drawing.edges)


def _about(name: str) -> list[EntryFilter]:
    """A version of a document is told of in events about the document."""
    document = name.partition("@")[0]
    return [EntryFilter(subject=each) for each in dict.fromkeys((name, document))]
