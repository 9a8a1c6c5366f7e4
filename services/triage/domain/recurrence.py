"""Recurrence: which incidents are of one class, and how those before it ended.

There is one meaning of class: assessments count recurrence by it, escalation learns from it, and the duties of budgets add up by it.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.triage.domain.incident import Incident
from services.triage.domain.severity import Severity

SHORT, LONG = timedelta(days=28), timedelta(days=90)
MOST_NAMED = 5
_VARYING = re.compile(r"[0-9a-f]{8,}|\d+")


@dataclass(frozen=True, slots=True)
class SimilarIncident:
    """An incident of the same class that was opened before, and how it ended."""

    incident: str  # incidents/{uuid}
    title: str
    severity: Severity
    opened_at: datetime
    resolved_at: datetime | None  # None: it was not over when this was found


@dataclass(frozen=True, slots=True)
class Recurrence:
    """How often incidents of the class were opened in the time before this one, and the latest of them, newest first."""

    last_28_days: int = 0
    last_90_days: int = 0
    similar: tuple[SimilarIncident, ...] = ()


def class_of(incident: Incident) -> str:
    """Returns the class: the same signal of the same components. 16 hex digits; the same for the same, in any process.

    The signal is what monitoring calls the alert where the incident's alerts share that, else the title without what varies in it.
    """
    told = json.dumps([sorted(set(incident.components)), _signal(incident)], separators=(",", ":"))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def class_title(incident: Incident) -> str:
    """Returns the class in words, such as `HighErrorRate of cart, checkout`: the same for incidents of one class."""
    components = ", ".join(sorted(set(incident.components)))
    return f"{_signal(incident)} of {components}" if components else _signal(incident)


def _signal(incident: Incident) -> str:
    return incident.signal or _VARYING.sub("#", incident.title.lower())


def recurrence(opened_at: datetime, before: Sequence[SimilarIncident]) -> Recurrence:
    """Counts the incidents of one class; those not opened before this one do not count, whatever the order they come in."""
    earlier = sorted(
        (each for each in before if each.opened_at < opened_at), key=lambda each: (each.opened_at, each.incident), reverse=True
    )
    short, long = (sum(each.opened_at >= opened_at - length for each in earlier) for length in (SHORT, LONG))
    return Recurrence(short, long, tuple(earlier[:MOST_NAMED]))
