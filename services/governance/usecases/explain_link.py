"""Explaining an edge: the entries that show it are read again, so that the ledger itself says why it is there."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from services.governance.domain.correction import CORRECTION_TYPE
from services.governance.domain.drawing import Drawing
from services.governance.domain.errors import LinkNotFound
from services.governance.domain.inference import RULES
from services.governance.domain.lineage import Link, RecordedEdge, Source
from services.governance.storage.ledger_store import EntryFilter, KeptEntry, LedgerStore
from services.governance.storage.link_store import LinkStore
from shared.paging import Page, PageQuery, encode_token

Draw = Callable[[str, bytes], Drawing | None]
"""Reads what an entry of a type with some data shows; None where it shows nothing, or cannot be read."""

_AT_ONCE = 500
_MOST_LOOKED_AT = 5000  # for one page: about a second


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an edge is there: a page of the entries that show it, and on the first page what people said of it."""

    recorded: RecordedEdge
    entries: Page[KeptEntry]
    rule: str  # in a sentence; empty unless it was inferred
    corrections: tuple[KeptEntry, ...]


class ExplainLink:
    """Looks at all entries about either end, page by page: an event that shows an edge is about one of them."""

    def __init__(self, links: LinkStore, ledger: LedgerStore, draw: Draw) -> None:
        self._links = links
        self._ledger = ledger
        self._draw = draw

    async def __call__(self, link: Link, paging: PageQuery) -> Explanation:
        """Raises LinkNotFound."""
        recorded = await self._links.link(link)
        if recorded is None:
            raise LinkNotFound(link)
        page = await self._page(recorded, paging)
        return Explanation(recorded, page, RULES.get(recorded.edge.rule, ""), () if paging.cursor else await self._corrections(link))

    async def _page(self, recorded: RecordedEdge, paging: PageQuery) -> Page[KeptEntry]:
        position = int(paging.cursor[0]) if paging.cursor else 0
        found: list[KeptEntry] = []
        looked_at = 0
        while len(found) < paging.limit and looked_at < _MOST_LOOKED_AT:
            batch = await self._after(position, recorded)
            if not batch:
                return paging.page(found, [(str(each.entry.sequence),) for each in found])
            position, looked_at = batch[-1].entry.sequence, looked_at + len(batch)
            found += [each for each in batch if self._shows(each, recorded)]
        if len(found) > paging.size:
            return paging.page(found, [(str(each.entry.sequence),) for each in found])
        return Page(tuple(found), encode_token(paging.digest, (str(position),)))

    async def _after(self, position: int, recorded: RecordedEdge) -> list[KeptEntry]:
        """Returns the next entries about either end in their order, and among them the one that first showed the edge.

        One question for each name: asked for all at once, the database would read the ledger from the position on.
        """
        found: dict[int, KeptEntry] = {}
        for name in _told_under(recorded.edge.link):
            about = await self._ledger.kept([EntryFilter(subject=name)], (position + 1, None), _AT_ONCE)
            found |= {each.entry.sequence: each for each in about}
        first = recorded.ledger_sequence
        if first > position:
            found |= {each.entry.sequence: each for each in await self._ledger.kept([EntryFilter()], (first, first), 1)}
        return [found[sequence] for sequence in sorted(found)[:_AT_ONCE]]

    async def _corrections(self, link: Link) -> tuple[KeptEntry, ...]:
        wanted, found = [EntryFilter(subject=link.name, type=CORRECTION_TYPE)], list[KeptEntry]()
        while more := await self._ledger.kept(wanted, (found[-1].entry.sequence + 1 if found else 1, None), _AT_ONCE):
            found += more
        return tuple(found)

    def _shows(self, kept: KeptEntry, recorded: RecordedEdge) -> bool:
        if kept.entry.sequence == recorded.ledger_sequence:
            return True
        drawing = self._draw(kept.entry.type, kept.content.payload) if kept.content else None
        if drawing is None:
            return False
        if recorded.edge.source is Source.INFERRED:
            component = recorded.edge.attributes.get("component")
            return any(each.component == component for each in drawing.occurrences)
        return any(edge.link == recorded.edge.link for edge in drawing.edges)


def _told_under(link: Link) -> Iterable[str]:
    """A version of a document is told of in events about the document."""
    ends = (link.from_name, link.to_name)
    return dict.fromkeys((*ends, *(each.partition("@")[0] for each in ends)))
