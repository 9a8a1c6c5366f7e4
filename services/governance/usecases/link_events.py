"""Taking events of CDEvents that somebody hands in: good ones become entries and edges, bad ones say why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.governance.domain.arrival import Arrival
from services.governance.domain.errors import EventMalformed
from services.governance.domain.ledger import check_event
from services.governance.usecases.record_events import RecordEvents

ReadDocument = Callable[[str], Arrival]
"""Reads a document. Raises ValueError with what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Linked:
    """What became of a document: the node it is about and how many edges it shows, or why it was refused."""

    node: str = ""
    link_count: int = 0
    error: str = ""


class LinkEvents:
    """Records all good documents of a call together."""

    def __init__(self, record_events: RecordEvents, read: ReadDocument) -> None:
        self._record_events = record_events
        self._read = read

    async def __call__(self, documents: Sequence[str]) -> list[Linked]:
        """Returns one for each document, in their order; durable by then. Raises Overloaded."""
        results: list[Linked] = []
        good: list[Arrival] = []
        for each in documents:
            try:
                arrival = self._read(each)
                check_event(arrival.event)
            except (ValueError, EventMalformed) as error:
                results.append(Linked(error=str(error)))
                continue
            good.append(arrival)
            results.append(_linked(arrival))
        if good:
            await self._record_events(good)
        return results


def _linked(arrival: Arrival) -> Linked:
    drawing = arrival.drawing
    if drawing is None:
        return Linked()
    return Linked(drawing.own.name if drawing.own else "", len(drawing.edges))
