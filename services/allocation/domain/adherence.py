"""Adherence: what was planned for a sprint, against what was recorded in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from services.allocation.domain.quantity import WHOLE, share_of
from services.allocation.domain.sprint import Sprint

LEAST_COVERAGE = 0.5  # of capacity, of which something must be recorded before shares are told


@dataclass(frozen=True, slots=True)
class Held:
    """A share of remediation, in millionths, and since when it was in force."""

    since: datetime
    share: int


def planned_share(held: Sequence[Held], begin: datetime, end: datetime) -> int | None:
    """Returns the share in force between the two, weighted by how long each was; None when none was.

    `held` in the order in which they came in force. Time before the first of them has no weight.
    """
    total, weight = timedelta(0), timedelta(0)
    ends = [*(each.since for each in held[1:]), end]
    for each, until in zip(held, ends, strict=False):
        span = max(min(until, end) - max(each.since, begin), timedelta(0))
        total += span * each.share
        weight += span
    return round(total / weight) if weight else None


@dataclass(frozen=True, slots=True)
class SprintWork:
    """Planned and recorded hours of a sprint up to `until`, and what became of incidents and roadmap items meanwhile."""

    sprint: Sprint
    until: datetime
    capacity_hours: Decimal
    planned_share: int | None  # of remediation, in millionths
    remediation_hours: Decimal
    roadmap_hours: Decimal
    other_hours: Decimal
    incidents_begun: int = 0
    incidents_ended: int = 0
    incidents_open: int = 0
    items_late: int = 0
    least_coverage: float = LEAST_COVERAGE

    @property
    def is_finished(self) -> bool:
        return self.until >= self.sprint.end_at

    @property
    def planned_remediation_hours(self) -> Decimal:
        return share_of(self.capacity_hours, self.planned_share or 0)

    @property
    def planned_roadmap_hours(self) -> Decimal:
        return self.capacity_hours - self.planned_remediation_hours if self.planned_share is not None else Decimal(0)

    @property
    def recorded_hours(self) -> Decimal:
        """Of capacity: other work stands outside of it, which the focus factor has freed of it."""
        return self.remediation_hours + self.roadmap_hours

    @property
    def unrecorded_hours(self) -> Decimal:
        return max(self.capacity_hours - self.recorded_hours, Decimal(0))

    @property
    def coverage(self) -> float:
        """Recorded hours as a part of capacity; 0 without capacity."""
        return float(self.recorded_hours / self.capacity_hours) if self.capacity_hours else 0.0

    @property
    def is_silent(self) -> bool:
        """Whether there was something to record, and too little was."""
        return bool(self.capacity_hours) and self.coverage < self.least_coverage

    @property
    def recorded_share(self) -> int | None:
        """Remediation's share of what was recorded, in millionths; None when nothing was."""
        return round(self.remediation_hours / self.recorded_hours * WHOLE) if self.recorded_hours > 0 else None

    @property
    def difference(self) -> int | None:
        """Recorded minus planned share, in millionths; None when either is missing."""
        if self.planned_share is None or self.recorded_share is None:
            return None
        return self.recorded_share - self.planned_share

    @property
    def tells(self) -> bool:
        """Whether enough is known to compare plan and record."""
        return bool(self.capacity_hours) and self.difference is not None and not self.is_silent
