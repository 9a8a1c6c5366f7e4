"""Storms: when alerts come faster than people can read incidents, and when that is over."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.intake.domain.evidence import NO_EVIDENCE
from services.intake.domain.incident import Incident, IncidentKind, IncidentState


@dataclass(frozen=True, slots=True)
class StormRule:
    """A storm begins when `enter_count` new alerts came within `window`; it ends when fewer than `leave_count` did, for `calm`."""

    enter_count: int
    leave_count: int
    window: timedelta
    calm: timedelta


@dataclass(frozen=True, slots=True)
class Storm:
    """A storm, under way or over: its summary incident, and what came with it."""

    id: UUID
    incident_id: UUID
    started_at: datetime
    ended_at: datetime | None
    last_high_at: datetime
    alert_count: int
    entered_count: int

    @property
    def name(self) -> str:
        return f"storms/{self.id}"


class Gauge:
    """Counts new alerts in a sliding window of ten steps."""

    def __init__(self, window: timedelta) -> None:
        self._step = window / 10
        self._steps: deque[tuple[datetime, int]] = deque()
        self._window = window
        self.count = 0

    def add(self, count: int, now: datetime) -> int:
        """Adds alerts received at `now`; returns how many came within the window."""
        self.at(now)
        if count:
            if self._steps and now - self._steps[-1][0] < self._step:
                self._steps[-1] = (self._steps[-1][0], self._steps[-1][1] + count)
            else:
                self._steps.append((now, count))
            self.count += count
        return self.count

    def at(self, now: datetime) -> int:
        """Returns how many came within the window before `now`."""
        while self._steps and now - self._steps[0][0] >= self._window:
            self.count -= self._steps.popleft()[1]
        return self.count


def is_beginning(rule: StormRule, count: int) -> bool:
    return count >= rule.enter_count


def is_over(rule: StormRule, storm: Storm, now: datetime) -> bool:
    """Whether nothing was high for long enough; `last_high_at` is when the count was last at or above `leave_count`, at any replica."""
    return now - storm.last_high_at >= rule.calm


def summary_of(storm_id: UUID, incident_id: UUID, rule: StormRule, count: int, now: datetime) -> Incident:
    """Returns the incident that stands for all that a storm brings."""
    seconds = round(rule.window.total_seconds())
    return Incident(
        id=incident_id,
        version=1,
        state=IncidentState.OPEN,
        title=f"Storm of alerts: {count:,} new ones within {seconds} s",
        summary=(
            f"At least {rule.enter_count:,} new alerts came within {seconds} s. Until it is over, alerts of groups without an open "
            "incident are gathered here. Every one of them is kept: list this incident's alerts, and split from it what needs people of "
            "its own."
        ),
        group_key=f"storm:{storm_id}",
        group_labels=(),
        components=(),
        opened_at=now,
        acknowledged_at=None,
        resolved_at=None,
        last_ended_at=None,
        alert_count=0,
        firing_count=0,
        evidence=NO_EVIDENCE,
        created_at=now,
        updated_at=now,
        kind=IncidentKind.STORM,
        rule="storm",
    )
