"""Planned work as far as budgets are concerned: which components a maintenance window takes out of their budgets, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.triage.domain.budget_report import Exclusion
from services.triage.domain.budget_window import Span
from shared.recurrence import expand, utc_of


@dataclass(frozen=True, slots=True)
class PlannedWork:
    """A maintenance window at one version; `components` are those that it names, and nothing else does it match by."""

    name: str  # maintenanceWindows/{uuid}
    version: int
    components: tuple[str, ...]  # components/{id}
    starts_at: datetime  # without a zone
    time_zone: str
    duration: timedelta
    rrule: str
    reason: str
    approver: str
    cancelled_at: datetime | None
    made_at: datetime  # this version


def exclusions_of(work: PlannedWork) -> list[Exclusion]:
    """Returns what this version takes out of budgets: nothing before it was made, for an edit changes nothing that has passed.

    Raises Unusable for a recurrence rule that intake would not have taken.
    """
    zone = ZoneInfo(work.time_zone)
    starts = expand(work.rrule, work.starts_at, zone) if work.rrule else (utc_of(work.starts_at, zone),)
    spans = [_cut(work, start) for start in starts]
    return [
        Exclusion(work.name, component, span, work.reason, work.approver)
        for component in work.components
        for span in spans
        if span.starts_at < span.ends_at
    ]


def _cut(work: PlannedWork, start: datetime) -> Span:
    end = start + work.duration
    return Span(max(start, work.made_at), min(end, work.cancelled_at) if work.cancelled_at else end)


def in_component(exclusions: Sequence[Exclusion], span: Span) -> list[Exclusion]:
    """Returns those that share time with the span."""
    return [each for each in exclusions if each.span.cut(span)]
