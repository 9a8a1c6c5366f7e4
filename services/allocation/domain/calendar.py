"""Working calendars: when in the week people work, in their own time zone, and the days on which nobody does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from zoneinfo import ZoneInfo

from services.allocation.domain.errors import DayInvalid, FieldRefused, TimeZoneUnknown, WorkingDayInvalid
from services.allocation.domain.sprint import FIRST_YEAR, LAST_YEAR
from shared.business_hours import is_zone

_DAY = timedelta(days=1)
_MIDNIGHT = datetime.combine(date(2000, 1, 1), time())
_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class WorkingDay:
    """Hours of one weekday (0 is Monday): from when, and how long by the clock on the wall."""

    day: int
    begins: time
    length: timedelta

    @property
    def offset(self) -> timedelta:
        """Since midnight."""
        return datetime.combine(_MIDNIGHT.date(), self.begins) - _MIDNIGHT


@dataclass(frozen=True)
class WorkCalendar:
    """The working days of a place, in the order of the week, and its holidays, rising."""

    name: str
    display_name: str
    time_zone: str
    days: tuple[WorkingDay, ...]
    holidays: tuple[date, ...] = ()
    version: int = 0
    updated_at: datetime | None = None

    @property
    def week(self) -> timedelta:
        """What is worked in a week without holidays in which no clocks change."""
        return sum((each.length for each in self.days), timedelta(0))

    @cached_property
    def closed(self) -> frozenset[date]:
        return frozenset(self.holidays)

    @cached_property
    def _hash(self) -> int:
        return hash((self.name, self.time_zone, self.days, self.holidays))

    def __hash__(self) -> int:  # asked for with every sprint: hundreds of dates are hashed once
        return self._hash


@dataclass(frozen=True, slots=True)
class Shift:
    """What is worked from one day on: on a holiday it would be."""

    day: date
    begin_at: datetime
    end_at: datetime
    length: timedelta  # by the clock on the wall
    is_holiday: bool

    def within(self, begin: datetime, end: datetime) -> timedelta:
        """Returns how much of it lies between the two."""
        return max(min(self.end_at, end) - max(self.begin_at, begin), timedelta(0))


@lru_cache(maxsize=8192)
def shifts(calendar: WorkCalendar, begin: datetime, end: datetime) -> tuple[Shift, ...]:
    """Returns the shifts that overlap with the time between, holidays included."""
    zone, by_day = ZoneInfo(calendar.time_zone), {each.day: each for each in calendar.days}
    day, last = begin.astimezone(zone).date() - _DAY, end.astimezone(zone).date()
    found = []
    while day <= last:
        if working := by_day.get(day.weekday()):
            shift = _shift(calendar, day, working, zone)
            if shift.begin_at < end and shift.end_at > begin:
                found.append(shift)
        day += _DAY
    return tuple(found)


@lru_cache(maxsize=8192)
def hours_between(calendar: WorkCalendar, begin: datetime, end: datetime) -> tuple[timedelta, timedelta]:
    """Returns what would be worked between the two if no day were a holiday, and what is."""
    everything = [(shift.within(begin, end), shift.is_holiday) for shift in shifts(calendar, begin, end)]
    nothing = timedelta(0)
    return sum((some for some, _ in everything), nothing), sum((some for some, is_holiday in everything if not is_holiday), nothing)


def _shift(calendar: WorkCalendar, day: date, working: WorkingDay, zone: ZoneInfo) -> Shift:
    # Both ends are times on the wall: in a night in which the clocks change an hour more or less is worked, and shifts never overlap.
    opens = datetime.combine(day, working.begins)
    begin, end = (moment.replace(tzinfo=zone).astimezone(UTC) for moment in (opens, opens + working.length))
    return Shift(day, begin, max(begin, end), working.length, day in calendar.closed)


def check_day(field: str, day: date) -> None:
    """Raises DayInvalid for a day outside the years that can be computed with."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise DayInvalid.at(field, f"{day.isoformat()} must lie between the years {FIRST_YEAR} and {LAST_YEAR}")


def check_calendars(calendars: Sequence[WorkCalendar]) -> None:
    """Raises TimeZoneUnknown, WorkingDayInvalid, DayInvalid or FieldRefused, naming the field."""
    seen: dict[str, int] = {}
    for index, calendar in enumerate(calendars):
        field = f"calendars[{index}]"
        if calendar.name in seen:
            raise FieldRefused.at(f"{field}.name", f"repeats {calendar.name} of calendars[{seen[calendar.name]}]; name each once")
        seen[calendar.name] = index
        if not is_zone(calendar.time_zone):
            rule = f"is {calendar.time_zone!r}, no time zone of the IANA database; write it as Europe/Berlin, or UTC"
            raise TimeZoneUnknown.at(f"{field}.time_zone", rule)
        _check_days(calendar, f"{field}.days")
        for place, day in enumerate(calendar.holidays):
            check_day(f"{field}.holidays[{place}]", day)


def _check_days(calendar: WorkCalendar, field: str) -> None:
    by_day: dict[int, WorkingDay] = {}
    for each in calendar.days:
        if each.day in by_day:
            raise WorkingDayInvalid.at(field, f"name {_NAMES[each.day]} twice; give each weekday once, with all its hours")
        by_day[each.day] = each
    for each in calendar.days:
        following = by_day.get((each.day + 1) % 7)
        if following and each.offset + each.length > _DAY + following.offset:
            rule = f"of {_NAMES[each.day]} go on when those of {_NAMES[following.day]} begin; shorten them, or begin later"
            raise WorkingDayInvalid.at(field, rule)


def revise_calendar(sent: WorkCalendar, held: WorkCalendar | None, now: datetime) -> WorkCalendar:
    """Returns the calendar as it is to be stored: `held` itself when nothing changes, else its next version."""
    if held is not None and replace(sent, version=held.version, updated_at=held.updated_at) == held:
        return held
    return replace(sent, version=held.version + 1 if held else 1, updated_at=now)
