"""Events of calendars, leave, corrections of work and drift in their wire form."""

from ballast.allocation.v1 import allocation_events_pb2 as pb

from services.allocation.domain.events import CalendarChanged, DriftDetected, DriftEnded, LeaveChanged, WorkCorrected
from services.allocation.transport.adherence_convert import drift_to_pb
from services.allocation.transport.capacity_convert import calendar_to_pb, leave_to_pb
from services.allocation.transport.work_convert import record_to_pb
from shared.events.event import EncodedEvent

PresenceEvent = WorkCorrected | CalendarChanged | LeaveChanged | DriftDetected | DriftEnded


def encode_presence(event: PresenceEvent) -> EncodedEvent:
    """Returns the event as it is recorded."""
    match event:
        case WorkCorrected():
            stands = record_to_pb(event.replacement) if event.replacement else None
            corrected = pb.WorkCorrected(original=record_to_pb(event.original), reversal=record_to_pb(event.reversal), replacement=stands)
            return EncodedEvent(event.original.name, 2, corrected, event.corrected_at)
        case CalendarChanged():
            calendar = event.calendar
            assert calendar.updated_at is not None
            return EncodedEvent(calendar.name, calendar.version, pb.CalendarChanged(calendar=calendar_to_pb(calendar)), calendar.updated_at)
        case LeaveChanged():
            changed = pb.LeaveChanged(leave=leave_to_pb(event.leave), deleted=event.deleted)
            return EncodedEvent(event.leave.name, event.leave.version, changed, event.changed_at)
        case DriftDetected():
            drift = event.drift
            return EncodedEvent(drift.name, drift.version, pb.DriftDetected(drift=drift_to_pb(drift)), drift.detected_at)
        case DriftEnded():
            drift = event.drift
            return EncodedEvent(drift.name, drift.version, pb.DriftEnded(drift=drift_to_pb(drift)), drift.ended_at or drift.detected_at)
