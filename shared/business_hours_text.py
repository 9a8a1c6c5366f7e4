"""Business hours as people write them in one line: `Mon-Fri 09:00-17:30 Europe/Berlin`, and holidays as a list of dates."""

import re
from datetime import date, time

from shared.business_hours import MOST_HOLIDAYS, BusinessHours, is_zone

EXAMPLE = "Mon-Fri 09:00-17:30 Europe/Berlin"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LINE = re.compile(r"(\S+)\s+(\d{1,2}:\d{2})\s*-\s*(\d{1,2}:\d{2})\s+(\S+)")
_MIDNIGHT = "24:00"


class TextRefused(ValueError):
    """What is wrong with the text, and what to write."""


def hours_from_text(text: str, holidays: tuple[date, ...] = ()) -> BusinessHours:
    """Raises TextRefused for what is no line of business hours."""
    found = _LINE.fullmatch(text.strip())
    if found is None:
        raise TextRefused(f"is no line of business hours; write it as {EXAMPLE}")
    days, opens, closes, zone = found.groups()
    if not is_zone(zone):
        raise TextRefused(f"names {zone!r}, no time zone of the IANA database; write it as Europe/Berlin, or UTC")
    return BusinessHours(zone, _days(days.lower()), _time(opens), _time(closes), holidays)


def holidays_from_text(text: str) -> tuple[date, ...]:
    """Reads dates between commas or blanks. Raises TextRefused for what is no date, and for more than MOST_HOLIDAYS."""
    found = set()
    for part in re.split(r"[,\s]+", text.strip(" ,\t\n")):
        try:
            found.add(date.fromisoformat(part))
        except ValueError:
            raise TextRefused(f"holds {part[:32]!r}, which is no date; write dates as 2026-12-25, with commas between") from None
    if len(found) > MOST_HOLIDAYS:
        raise TextRefused(f"holds {len(found)} days; {MOST_HOLIDAYS} are allowed, leave out those long past")
    return tuple(sorted(found))


def text_from_hours(hours: BusinessHours) -> str:
    """Returns the line that reads as these hours; holidays are no part of it."""
    closes = _MIDNIGHT if hours.closes == time(0) else f"{hours.closes:%H:%M}"
    return f"{','.join(_runs(hours.days))} {hours.opens:%H:%M}-{closes} {hours.time_zone}"


def _runs(days: tuple[int, ...]) -> list[str]:
    """Returns days by name, those that follow each other as a range."""
    found: list[tuple[int, int]] = []
    for day in days:
        if found and found[-1][1] == day - 1:
            found[-1] = found[-1][0], day
        else:
            found.append((day, day))
    return [_name(first) if first == last else f"{_name(first)}-{_name(last)}" for first, last in found]


def _name(day: int) -> str:
    return _DAYS[day].capitalize()


def _days(text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first not in _DAYS or (dash and last not in _DAYS):
            raise TextRefused(f"names {part[:32]!r}, which are no weekdays; write Mon, Mon-Fri or Mon,Wed,Fri")
        begin = _DAYS.index(first)
        length = (_DAYS.index(last) - begin) % 7 if dash else 0
        found.update((begin + step) % 7 for step in range(length + 1))
    return tuple(sorted(found))


def _time(text: str) -> time:
    if text == _MIDNIGHT:
        return time(0)
    hour, minute = text.split(":")
    try:
        return time(int(hour), int(minute))
    except ValueError:
        raise TextRefused(f"holds {text}, which is no time of day; write 00:00 to 24:00") from None
