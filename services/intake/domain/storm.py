"""Storms: when alerts come faster than people can read incidents, and when that is over."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID


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
