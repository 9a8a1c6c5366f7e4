"""Events of every service, governance's own among them, on their way into the ledger."""

import structlog

from services.governance.domain.arrival import Arrival
from services.governance.domain.fact import drawing_of
from services.governance.domain.ledger import RecordedEvent
from services.governance.domain.lineage import Drawing
from services.governance.transport.facts import FactUnreadable, fact_from_event
from services.governance.usecases.record_events import RecordEvents
from shared.events.event import Outcome, ReceivedEvent
from shared.events.sink import EVERY_TYPE, Handler
from shared.telemetry import context_from_traceparent, trace_ids

_log = structlog.get_logger(__name__)


class Arrivals:
    """Takes every event: known or unknown, new or of an old version."""

    def __init__(self, record_events: RecordEvents) -> None:
        self._record_events = record_events

    def handlers(self) -> dict[str, Handler]:
        return {EVERY_TYPE: self.record}

    async def record(self, event: ReceivedEvent) -> Outcome:
        """Records the event. Always ACCEPTED: nothing is stale to a ledger."""
        await self._record_events([arrival_from_event(event)])
        return Outcome.ACCEPTED


def arrival_from_event(event: ReceivedEvent) -> Arrival:
    recorded = RecordedEvent(
        event_id=event.id,
        source=event.source,
        type=event.type,
        subject=event.subject,
        principal=event.principal,
        event_time=event.time,
        trace_id=trace_ids(context_from_traceparent(event.traceparent))[0],
        payload=event.data.value,
    )
    return Arrival(recorded, event.version, _drawing(event))


def _drawing(event: ReceivedEvent) -> Drawing | None:
    """An event whose data cannot be read is evidence all the same: it is recorded, and only the lineage goes without it."""
    try:
        fact = fact_from_event(event)
    except FactUnreadable as error:
        _log.warning("no lineage is drawn from an event", reason=str(error))
        return None
    return drawing_of(fact) if fact else None
