"""Events of muting in their wire form."""

from ballast.intake.v1 import muting_events_pb2 as pb

from services.intake.domain.muting_events import MaintenanceWindowChanged, MutingEvent, SilenceChanged
from services.intake.storage.inhibit_store import NAME
from services.intake.transport.muting_convert import rules_to_pb, silence_to_pb, window_to_pb
from shared.events.event import EncodedEvent


def encode_muting(event: MutingEvent) -> EncodedEvent:
    """Returns the event as it is recorded; what it tells of stands as it did at the change."""
    if isinstance(event, SilenceChanged):
        silence = event.silence
        told = pb.SilenceChanged(silence=silence_to_pb(silence, silence.updated_at))
        return EncodedEvent(silence.name, silence.version, told, silence.updated_at)
    if isinstance(event, MaintenanceWindowChanged):
        window = event.window
        planned = pb.MaintenanceWindowChanged(maintenance_window=window_to_pb(window, window.updated_at))
        return EncodedEvent(window.name, window.version, planned, window.updated_at)
    rules = event.rules
    return EncodedEvent(NAME, rules.revision, pb.InhibitRulesChanged(inhibit_rules=rules_to_pb(rules)), rules.created_at)
