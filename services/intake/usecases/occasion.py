"""Occasions: when a person's change happened, on which version of the incident, and with which words and evidence."""

from dataclasses import dataclass
from datetime import datetime

from services.intake.domain.alert import EARLIEST, LARGEST_SKEW
from services.intake.domain.events import IncidentChanged
from services.intake.domain.incident import Incident, IncidentChange, TimelineEntry, TimelineKind
from shared.errors import invalid_field
from shared.ids import new_id
from shared.principal import current_principal_name


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a caller says beside the change itself; `text` is a note or a reason, for the time-line."""

    etag: str = ""
    at: datetime | None = None
    text: str = ""
    evidence_url: str = ""

    def happened(self, now: datetime) -> datetime:
        """Returns when it happened, now unless said. Raises InvalidInput for a time ahead of the clock."""
        return checked_time("occurred_at", self.at, now)

    def entry(self, incident: Incident, kind: TimelineKind, at: datetime, text: str, now: datetime) -> TimelineEntry:
        """Returns a line of the time-line by the present caller, with the occasion's evidence."""
        return TimelineEntry(new_id(now), incident.id, at, current_principal_name(), kind, text, self.evidence_url, now)


def checked_time(field: str, at: datetime | None, now: datetime) -> datetime:
    """Returns `at`, or now without one. Raises InvalidInput for what has not happened yet or lies before anything kept here."""
    if at is not None and at > now + LARGEST_SKEW:
        raise invalid_field(field, f"{at.isoformat()} lies in the future; leave it out if it happens now")
    if at is not None and at < now - EARLIEST:
        raise invalid_field(field, f"{at.isoformat()} lies more than 20 years back; leave it out if it is unknown")
    return at or now


def changed(incident: Incident, what: IncidentChange) -> IncidentChanged:
    """Returns the event that tells of a change by the present caller."""
    return IncidentChanged(incident, what, (), current_principal_name())


def with_note(line: str, note: str) -> str:
    """Returns the line with a person's words after it."""
    return f"{line}: {note}" if note else line
