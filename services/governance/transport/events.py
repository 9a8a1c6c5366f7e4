"""Events of every service, governance's own among them, on their way into the ledger."""

import structlog

from services.governance.domain.arrival import Arrival
from services.governance.domain.fact import drawing_of
from services.governance.domain.ledger import RecordedEvent
from services.governance.domain.lineage import Drawing
from services.governance.transport.access_convert import accesses_from_event
from services.governance.transport.facts import FactUnreadable, fact_from_event
from shared.events.event import ReceivedEvent
from shared.telemetry import trace_id_of

_log = structlog.get_logger(__name__)


def arrival_from_event(event: ReceivedEvent) -> Arrival:
    recorded = RecordedEvent(
        event_id=event.id,
        source=event.source,
        type=event.type,
        subject=event.subject,
        principal=event.principal,
        event_time=event.time,
        trace_id=trace_id_of(event.traceparent),
        payload=event.data.value,
        method=event.method,
        reason=event.reason,
    )
    return Arrival(recorded, event.version, _drawing(event), accesses_from_event(event))


def _drawing(event: ReceivedEvent) -> Drawing | None:
    """An event whose data cannot be read is evidence all the same: it is recorded, and only the lineage goes without it."""
    try:
        fact = fact_from_event(event)
    except FactUnreadable as error:
        _log.warning("no lineage is drawn from an event", reason=str(error))
        return None
    return drawing_of(fact) if fact else None
