"""Taking events of CDEvents that somebody hands in: good ones become entries and edges, bad ones say why."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from services.governance.domain.arrival import Arrival
from services.governance.domain.errors import EventMalformed
from services.governance.domain.ledger import check_event
from services.governance.storage.ledger_store import LedgerStore
from services.governance.usecases.record_events import RecordEvents

ReadDocument = Callable[[str], Arrival]
"""Reads a document. Raises ValueError with what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Linked:
    """What became of a document: the node it is about and how many edges it shows, or why it was refused.

    `is_known` where an event of its source and id was there already with other content, which was kept.
    """

    node: str = ""
    link_count: int = 0
    error: str = ""
    is_known: bool = False


class LinkEvents:
    """Records all good documents of a call together."""

    def __init__(self, record_events: RecordEvents, ledger: LedgerStore, read: ReadDocument) -> None:
        self._record_events = record_events
        self._ledger = ledger
        self._read = read

    async def __call__(self, documents: Sequence[str]) -> list[Linked]:
        """Returns one for each document, in their order; durable by then. Raises Overloaded."""
        results: list[Linked] = []
        good: dict[int, Arrival] = {}
        for number, each in enumerate(documents):
            try:
                arrival = self._read(each)
                check_event(arrival.event)
            except (ValueError, EventMalformed) as error:
                results.append(Linked(error=str(error)))
                continue
            good[number] = arrival
            results.append(_linked(arrival))
        if good:
            await self._record_events(list(good.values()))
            kept = await self._ledger.payloads([each.key for each in good.values()])
            for number, arrival in good.items():
                held = kept.get(arrival.key)
                if held is not None and not _same(held, arrival.event.payload):
                    results[number] = replace(results[number], link_count=0, is_known=True)
        return results


def _same(one: bytes, other: bytes) -> bool:
    """Spaces and the order of fields make no other content."""
    return one == other or bool(json.loads(one) == json.loads(other))


def _linked(arrival: Arrival) -> Linked:
    drawing = arrival.drawing
    if drawing is None:
        return Linked()
    return Linked(drawing.own.name if drawing.own else "", len(drawing.edges))
