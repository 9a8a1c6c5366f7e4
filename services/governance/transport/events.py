"""Events of every service, governance's own among them, on their way into the ledger."""

import structlog

from services.governance.domain.arrival import Arrival
from services.governance.domain.drawing import Drawing
from services.governance.domain.fact_drawing import drawing_of
from services.governance.domain.ledger import RecordedEvent
from services.governance.transport.access_convert import accesses_from_event
from services.governance.transport.cd_documents import drawing_of_document
from services.governance.transport.facts import FactUnreadable, fact_from_event, fact_from_payload
from shared.events.event import ReceivedEvent
from shared.telemetry import trace_id_of

_log = structlog.get_logger(__name__)


def arrival_from_event(event: ReceivedEvent) -> Arrival:
    id_, source, type_, subject, _, time, principal, traceparent, data, method, reason = event
    trace_id = trace_id_of(traceparent)
    recorded = RecordedEvent(id_, source, type_, subject, principal, time, trace_id, data.value, method, reason)
    return Arrival(recorded, event.version, _drawing(event), accesses_from_event(event))


def _drawing(event: ReceivedEvent) -> Drawing | None:
    """An event whose data cannot be read is evidence all the same: it is recorded, and only the lineage goes without it."""
    try:
        fact = fact_from_event(event)
    except FactUnreadable as error:
        _log.warning("no lineage is drawn from an event", reason=str(error))
        return None
    return drawing_of(fact) if fact else None


def drawing_of_payload(type_: str, payload: bytes) -> Drawing | None:
    """Returns what an entry of the ledger shows, by what was written of it."""
    fact = fact_from_payload(type_, payload)
    return drawing_of(fact) if fact else drawing_of_document(type_, payload)
