"""Business hours: the weekdays and the wall time at which people are there, where they are; and waits that count only these."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from shared.errors import Violation

MOST_HOLIDAYS = 400
MONDAY, SUNDAY = 0, 6
LONGEST_WAIT = timedelta(days=3660)  # ten years: hours that never open would be waited for without end
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """From `opens` until before `closes` of each of these days, in the wall time of the zone, whatever the clocks do there.

    Hours that close at or before they open go on past midnight and belong to the day they began; equal ones are the whole day.
    """

    time_zone: str  # of the IANA database
    days: tuple[int, ...]  # 0 is Monday, as datetime has it; rising
    opens: time
    closes: time
    holidays: tuple[date, ...] = ()  # days that do not open; rising

    def hold(self, at: datetime) -> bool:
        """Says whether people are there at this moment."""
        local = at.astimezone(ZoneInfo(self.time_zone))
        began = local.date()
        if self.opens < self.closes:
            is_open = self.opens <= local.time() < self.closes
        else:
            is_open = local.time() >= self.opens or local.time() < self.closes
            if local.time() < self.opens:
                began -= timedelta(days=1)
        return is_open and began.weekday() in self.days and began not in self.holidays

    def after(self, begin: datetime, span: timedelta) -> datetime:
        """Returns the moment at which they have been open for `span` since `begin`. Raises ValueError beyond LONGEST_WAIT."""
        if span <= timedelta(0):
            return begin
        for opened, closed in self._openings(begin):
            length = closed - max(opened, begin)
            if length >= span:
                return max(opened, begin) + span
            span -= max(length, timedelta(0))
        raise ValueError(f"they are not open for so long within {LONGEST_WAIT.days} days")

    def _openings(self, begin: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yields when they open and close, from the opening under way at `begin` on."""
        zone = ZoneInfo(self.time_zone)
        day = begin.astimezone(zone).date() - _DAY
        for _ in range(LONGEST_WAIT // _DAY):
            if day.weekday() in self.days and day not in self.holidays:
                closing = day if self.opens < self.closes else day + _DAY
                yield (
                    datetime.combine(day, self.opens, zone).astimezone(UTC),
                    datetime.combine(closing, self.closes, zone).astimezone(UTC),
                )
            day += _DAY

    def violations(self, field: str) -> list[Violation]:
        """Returns what is wrong with them; `field` is where they stand in the request."""
        found = []
        if not is_zone(self.time_zone):
            rule = f"is {self.time_zone!r}, no time zone of the IANA database; write it as Europe/Berlin, or UTC"
            found.append(Violation(f"{field}.time_zone", rule))
        if not self.days:
            found.append(Violation(f"{field}.days", "are missing; name the weekdays, or leave business hours out"))
        if len(self.holidays) > MOST_HOLIDAYS:
            rule = f"are {len(self.holidays)} days; {MOST_HOLIDAYS} are allowed, leave out those long past"
            found.append(Violation(f"{field}.holidays", rule))
        return found


def is_zone(name: str) -> bool:
    """Says whether the name is a zone of the IANA database, the same on every machine."""
    return name in _zones()


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime", "Factory"})
