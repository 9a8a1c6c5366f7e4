"""Planned work as far as budgets are concerned: which components a maintenance window takes out of their budgets, and when."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.triage.domain.budget_window import Span
from services.triage.domain.component_selection import ComponentSelection
from shared.recurrence import expand, utc_of


@dataclass(frozen=True, slots=True)
class PlannedWork:
    """A maintenance window at one version; `selection` says which components it covers as a whole."""

    name: str  # maintenanceWindows/{uuid}
    version: int
    selection: ComponentSelection
    starts_at: datetime  # without a zone
    time_zone: str
    duration: timedelta
    rrule: str
    reason: str
    approver: str
    cancelled_at: datetime | None
    made_at: datetime  # this version


def excluded_spans(work: PlannedWork) -> list[Span]:
    """Returns the times this version takes out of budgets: nothing before it was made, for an edit changes nothing that has passed.

    Raises Unusable for a recurrence rule that intake would not have taken.
    """
    zone = ZoneInfo(work.time_zone)
    starts = expand(work.rrule, work.starts_at, zone) if work.rrule else (utc_of(work.starts_at, zone),)
    spans = [_cut(work, start) for start in starts]
    return [span for span in spans if span.starts_at < span.ends_at]


def _cut(work: PlannedWork, start: datetime) -> Span:
    end = start + work.duration
    return Span(max(start, work.made_at), min(end, work.cancelled_at) if work.cancelled_at else end)
