"""Maintenance windows: planned work, once or recurring, in the wall time of the place where it is done."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from services.intake.domain.errors import MaintenanceWindowOver, MutingRefused, RecurrenceRefused
from services.intake.domain.matcher import Matchers, check_matchers
from shared.errors import Violation
from shared.recurrence import Unusable, expand, utc_of

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=7)
LONGEST_TEXT = 2000  # characters of a reason
LONGEST_NAME = 200
MOST_IN_FORCE = 1000  # at once, those that have not begun among them
_EARLIEST, _LATEST = datetime(2000, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001 - wall times


class WindowState(IntEnum):
    """Where a window stands, seen at some time."""

    PENDING = 1
    IN_FORCE = 2
    BETWEEN = 3
    OVER = 4


class WindowChange(IntEnum):
    CREATED = 1
    EDITED = 2
    CANCELLED = 3


@dataclass(frozen=True, slots=True)
class Schedule:
    """When planned work takes place: from `starts_at`, a wall time in the zone, for `duration` of elapsed time, again as `rrule` says.

    Without a rule it takes place once.
    """

    starts_at: datetime  # without a zone
    time_zone: str  # of the IANA database
    duration: timedelta
    rrule: str = ""


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """Planned work whose alerts are muted: who planned it, who approved it, and why. One version of it."""

    id: UUID
    version: int
    matchers: Matchers
    schedule: Schedule
    reason: str
    approver: str
    author: str  # of the window
    change: WindowChange
    changed_by: str  # the author of this version
    change_reason: str
    cancelled_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def name(self) -> str:
        return f"maintenanceWindows/{self.id}"

    @property
    def ends_at(self) -> datetime:
        """When its last occurrence ends, in UTC; earlier when it is cancelled."""
        end = starts_of(self.schedule)[-1] + self.schedule.duration
        return min(end, self.cancelled_at) if self.cancelled_at else end


@dataclass(frozen=True, slots=True)
class WindowEdit:
    """What is to be changed; None leaves it as it is."""

    matchers: Matchers | None = None
    starts_at: datetime | None = None
    time_zone: str | None = None
    duration: timedelta | None = None
    rrule: str | None = None
    reason: str | None = None
    approver: str | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that a window is in force: from `starts_at` until just before `ends_at`, in UTC."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class PlannedOccurrence:
    """An occurrence and the version of the window it was held under."""

    window: MaintenanceWindow
    occurrence: Occurrence


def check_window(window: MaintenanceWindow, planner: str) -> None:
    """Raises MatchersRefused, RecurrenceRefused or MutingRefused, naming every field at fault; `planner` may not be the approver."""
    schedule = window.schedule
    violations = [*_schedule_faults(schedule), *_text_faults(window)]
    if window.approver.strip().casefold() == planner.strip().casefold():
        violations.append(Violation("approver", "is the one who plans it; name another person, who agreed"))
    if violations:
        raise MutingRefused(violations)
    check_matchers(window.matchers, "matchers")
    try:
        starts_of(schedule)
    except Unusable as error:
        raise RecurrenceRefused([Violation("rrule", str(error))]) from None


def check_not_over(window: MaintenanceWindow, now: datetime) -> None:
    """Raises MaintenanceWindowOver when it can no longer mute anything."""
    if window.ends_at <= now:
        raise MaintenanceWindowOver(window.name, window.ends_at)


def edit(window: MaintenanceWindow, changed: WindowEdit, reason: str, who: str, now: datetime) -> MaintenanceWindow:
    """Returns the next version; the same one where nothing changes. Raises MaintenanceWindowOver, and what `check_window` does.

    Who approved one plan has not approved another: an edit of more than the reason names its approver. A reason for no change is
    refused, for no version would keep it, and so is a plan that is over already: what has been in force is a fact.
    """
    if reason.strip() and changed == WindowEdit():
        description = "comes with no change and would be lost; change matchers, times, reason or approver with it, or leave it out"
        raise MutingRefused([Violation("change_reason", description)])
    check_not_over(window, now)
    schedule = window.schedule
    planned = Schedule(
        starts_at=schedule.starts_at if changed.starts_at is None else changed.starts_at,
        time_zone=schedule.time_zone if changed.time_zone is None else changed.time_zone,
        duration=schedule.duration if changed.duration is None else changed.duration,
        rrule=schedule.rrule if changed.rrule is None else changed.rrule,
    )
    after = replace(
        window,
        matchers=window.matchers if changed.matchers is None else changed.matchers,
        schedule=planned,
        reason=window.reason if changed.reason is None else changed.reason,
        approver=window.approver if changed.approver is None else changed.approver,
    )
    if after == window:
        return window
    is_replanned = (after.matchers, after.schedule) != (window.matchers, window.schedule)
    if is_replanned and changed.approver is None:
        raise MutingRefused([Violation("approver", f"is missing; {window.approver} approved another plan: name who approved this one")])
    check_window(after, who if is_replanned or after.approver != window.approver else "")
    if after.ends_at <= now:
        description = f"ends the window at {after.ends_at.isoformat()}, which has passed; cancel the window to end it now"
        raise MutingRefused([Violation("starts_at" if changed.duration is None else "duration", description)])
    return _next(after, WindowChange.EDITED, reason, who, now)


def cancel(window: MaintenanceWindow, reason: str, who: str, now: datetime) -> MaintenanceWindow:
    """Returns the window ended at `now`, an occurrence under way with it. Twice changes nothing. Raises MaintenanceWindowOver."""
    if window.cancelled_at is not None:
        return window
    check_not_over(window, now)
    return _next(replace(window, cancelled_at=now), WindowChange.CANCELLED, reason, who, now)


def state_of(window: MaintenanceWindow, now: datetime) -> WindowState:
    if window.ends_at <= now:
        return WindowState.OVER
    if occurrence_at(window, now):
        return WindowState.IN_FORCE
    return WindowState.PENDING if now < starts_of(window.schedule)[0] else WindowState.BETWEEN


@lru_cache(maxsize=2048)
def starts_of(schedule: Schedule) -> tuple[datetime, ...]:
    """Returns when the occurrences begin, in UTC, rising. Raises Unusable. Costs about 10 µs an occurrence the first time."""
    zone = ZoneInfo(schedule.time_zone)
    return expand(schedule.rrule, schedule.starts_at, zone) if schedule.rrule else (utc_of(schedule.starts_at, zone),)


def occurrence_at(window: MaintenanceWindow, when: datetime) -> Occurrence | None:
    """Returns the occurrence in force at `when`, the one that ends last where they overlap."""
    if window.cancelled_at is not None and when >= window.cancelled_at:
        return None
    starts = starts_of(window.schedule)
    index = bisect_right(starts, when) - 1
    return _cut(window, starts[index]) if index >= 0 and when < starts[index] + window.schedule.duration else None


def upcoming(window: MaintenanceWindow, after: datetime, count: int) -> tuple[Occurrence, ...]:
    """Returns the next `count` occurrences that end after `after`, the one under way included."""
    starts = starts_of(window.schedule)
    first = _first_ending_after(window, after)
    found = (_cut(window, each) for each in starts[first : first + count])
    return tuple(each for each in found if each.starts_at < each.ends_at)


def occurrences_between(versions: Sequence[MaintenanceWindow], after: datetime, before: datetime) -> Iterator[PlannedOccurrence]:
    """Yields what of a window lay between two times, each part under the version that held then, in their order.

    `versions` are those of one window, oldest first. A version holds from when it was made until the next was: an edit changes
    nothing that has passed, and a window made afterwards plans nothing.
    """
    ends = [*(following.updated_at for _, following in pairwise(versions)), datetime.max.replace(tzinfo=UTC)]
    for version, until in zip(versions, ends, strict=True):
        held_from, held_until = max(version.updated_at, after), min(until, before)
        starts = starts_of(version.schedule)
        for start in starts[_first_ending_after(version, held_from) :]:
            if start >= held_until:
                break
            whole = _cut(version, start)
            part = Occurrence(max(whole.starts_at, version.updated_at), min(whole.ends_at, until))
            if part.starts_at < part.ends_at and part.ends_at > after:
                yield PlannedOccurrence(version, part)


def _first_ending_after(window: MaintenanceWindow, when: datetime) -> int:
    # By the ends, not by a time reckoned back from `when`, which may be the first there is.
    return bisect_right(starts_of(window.schedule), when, key=lambda each: each + window.schedule.duration)


def _next(window: MaintenanceWindow, change: WindowChange, reason: str, who: str, now: datetime) -> MaintenanceWindow:
    return replace(window, version=window.version + 1, change=change, changed_by=who, change_reason=reason, updated_at=now)


def _cut(window: MaintenanceWindow, start: datetime) -> Occurrence:
    end = start + window.schedule.duration
    return Occurrence(start, min(end, window.cancelled_at) if window.cancelled_at else end)


def _schedule_faults(schedule: Schedule) -> list[Violation]:
    found = []
    if not _EARLIEST <= schedule.starts_at < _LATEST:
        found.append(Violation("starts_at", "must lie between the years 2000 and 2199"))
    if not SHORTEST <= schedule.duration <= LONGEST:
        found.append(Violation("duration", "must be at least 1 min and at most 7 days; plan longer work as several windows"))
    if not is_zone(schedule.time_zone):
        description = f"{schedule.time_zone!r} is no time zone of the IANA database; write it as Europe/Berlin, or UTC"
        found.append(Violation("time_zone", description))
    return found


def _text_faults(window: MaintenanceWindow) -> list[Violation]:
    found = []
    for name, value, limit in (("reason", window.reason, LONGEST_TEXT), ("approver", window.approver, LONGEST_NAME)):
        if not value.strip():
            found.append(Violation(name, "is empty; it stays with the planned downtime for good"))
        elif len(value) > limit:
            found.append(Violation(name, f"is longer than {limit:,} characters"))
        elif "\0" in value:
            found.append(Violation(name, "holds a NUL character; take it out"))
    return found


def is_zone(name: str) -> bool:
    """Says whether the name is a zone of the IANA database, the same on every machine."""
    return name in _zones()


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime", "Factory"})
