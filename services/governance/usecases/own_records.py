"""Recording what governance itself did to ledger or lineage, with who, by which call and in which trace: those of the call under way."""

from datetime import datetime

from services.governance.domain.ledger import RecordedEvent
from services.governance.domain.own_record import OwnRecord
from shared.ids import new_id
from shared.principal import current_cause, current_principal_name
from shared.telemetry import trace_ids


def event_of(record: OwnRecord, reason: str, now: datetime) -> RecordedEvent:
    """Returns the event that is an entry of its own; an id of its own makes it another one with each call."""
    return RecordedEvent(
        event_id=str(new_id(now)),
        source=record.source,
        type=record.type,
        subject=record.subject,
        principal=current_principal_name(),
        event_time=now,
        trace_id=trace_ids()[0],
        payload=record.payload,
        method=current_cause().method,
        reason=reason,
    )
