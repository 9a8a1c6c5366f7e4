"""Recurrence rules of RFC 5545, as far as planned work needs them: checked by part, always with an end, in local wall time."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

MOST_OCCURRENCES = 1000
LONGEST_SPAN = timedelta(days=3660)  # from the first occurrence to the last: ten years
LONGEST_RULE = 512
_CYCLE = timedelta(days=146_097)  # of the Gregorian calendar: 400 years, after which dates have their weekdays again
_LAST_YEAR = 9999
_YEARS = (1900, 2299)  # in which a rule may end
_FREQUENCIES = ("HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?")
_WEEKDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_NUMBERS: Mapping[str, tuple[int, int, bool]] = {  # least, most, and whether it may count from the end
    "BYMONTH": (1, 12, False),
    "BYMONTHDAY": (1, 31, True),
    "BYYEARDAY": (1, 366, True),
    "BYWEEKNO": (1, 53, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
    "BYSETPOS": (1, 366, True),
}
# Parts that RFC 5545 forbids beside a frequency.
_FORBIDDEN = {
    "HOURLY": {"BYWEEKNO", "BYSETPOS"},
    "DAILY": {"BYWEEKNO", "BYYEARDAY"},
    "WEEKLY": {"BYWEEKNO", "BYYEARDAY", "BYMONTHDAY"},
    "MONTHLY": {"BYWEEKNO", "BYYEARDAY"},
    "YEARLY": set[str](),
}


class Unusable(ValueError):
    """A rule that cannot be used; the message says what is wrong and what to write instead."""


def read_rrule(text: str) -> dict[str, str]:
    """Returns the rule's parts by name, each one valid. Raises Unusable.

    Finer frequencies than hours are refused, and seconds: occurrences begin at whole minutes, or at the second of the first.
    """
    if len(text) > LONGEST_RULE:
        raise Unusable(f"is longer than {LONGEST_RULE} characters")
    parts: dict[str, str] = {}
    for part in text.upper().removeprefix("RRULE:").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise Unusable(f"has {part!r}, which is no part of a rule; write it as FREQ=WEEKLY;BYDAY=SU;COUNT=26")
        if name in parts:
            raise Unusable(f"has {name} twice; give it once, with commas between values")
        parts[name] = value
    _check_frequency(parts)
    for name, value in parts.items():
        _check_part(name, value)
    _check_weekdays(parts)
    if "BYSETPOS" in parts and not any(name.startswith("BY") and name != "BYSETPOS" for name in parts):
        raise Unusable("has BYSETPOS without another BY… part to choose from")
    if ("UNTIL" in parts) is ("COUNT" in parts):
        raise Unusable("needs an end, one of UNTIL and COUNT: add for example COUNT=26 or UNTIL=20271231T220000Z")
    return parts


def expand(rrule: str, starts_at: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Returns when the occurrences begin, in UTC, rising, none twice; at least one and at most MOST_OCCURRENCES. Raises Unusable.

    The rule counts in the zone's wall time from `starts_at`, which has no zone of its own and is an occurrence only if the rule
    gives it. See `utc_of` for wall times that a change of the clocks leaves out or has twice.
    """
    parts = read_rrule(rrule)
    begins = list(islice(_begins(parts, starts_at, zone), MOST_OCCURRENCES + 1))
    if len(begins) > MOST_OCCURRENCES:
        raise Unusable(f"gives more than {MOST_OCCURRENCES:,} occurrences; let it end earlier, or come less often")
    if not begins:
        raise Unusable("gives no occurrence; check it against the begin and its end")
    if ("COUNT" in parts and len(begins) < int(parts["COUNT"])) or begins[-1] - begins[0] > LONGEST_SPAN:
        raise Unusable("goes on for more than ten years; let it end earlier")
    return tuple(sorted(set(begins)))


def utc_of(local: datetime, zone: ZoneInfo) -> datetime:
    """Returns a wall time as RFC 5545 reads it: one that the clocks skip counts with the offset before the change, so that 02:30
    in a spring night becomes 03:30; of one that comes twice the first is meant."""
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _begins(parts: Mapping[str, str], starts_at: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    # The library is given neither end of the rule: it refuses a count beside an until, and one in UTC without a zone. It looks at
    # its own only where something occurs, so that a rule that never does (30 February) has it count the days to the year 9999;
    # the same calendar lies some 400-year cycles later, where that is not far.
    rule = ";".join(f"{name}={value}" for name, value in parts.items() if name not in {"COUNT", "UNTIL"})
    horizon = starts_at + LONGEST_SPAN + timedelta(days=366)  # a year for the first occurrence, which may be some way off
    shift = _CYCLE * ((_LAST_YEAR - horizon.year) // 400)
    found = rrulestr(f"{rule};UNTIL={horizon + shift:%Y%m%dT%H%M%S}", dtstart=starts_at + shift)
    locals_ = (each - shift for each in found)
    if "COUNT" in parts:
        yield from (utc_of(each, zone) for each in islice(locals_, int(parts["COUNT"])))
        return
    until = _until(parts["UNTIL"], zone)
    for each in locals_:
        begin = utc_of(each, zone)
        if begin > until:
            return
        yield begin


def _until(text: str, zone: ZoneInfo) -> datetime:
    """Reads the end: a UTC time, a wall time, or a date, which includes all of that day."""
    date, time, utc = _UNTIL.fullmatch(text).groups()  # type: ignore[union-attr]  # checked before
    read = _read(date, time)
    return read.replace(tzinfo=UTC) if utc else utc_of(read, zone)


def _check_frequency(parts: Mapping[str, str]) -> None:
    frequency = parts.get("FREQ", "")
    if frequency not in _FREQUENCIES:
        raise Unusable(f"has the frequency {frequency or 'none'}; FREQ must be one of {', '.join(_FREQUENCIES)}")
    forbidden = _FORBIDDEN[frequency] & parts.keys()
    if forbidden:
        raise Unusable(f"has {', '.join(sorted(forbidden))}, which does not go with FREQ={frequency}")


def _check_part(name: str, value: str) -> None:
    if name in _NUMBERS:
        least, most, signed = _NUMBERS[name]
        for each in value.split(","):
            number = _number(each, signed=signed)
            if number is None or not least <= abs(number) <= most:
                sign = " or, from the end, as negative" if signed else ""
                raise Unusable(f"has {name}={value}: {each!r} is not a number from {least} to {most}{sign}")
    elif name in {"INTERVAL", "COUNT"}:
        most = 9999 if name == "INTERVAL" else MOST_OCCURRENCES
        number = _number(value, signed=False)
        if number is None or not 1 <= number <= most:
            raise Unusable(f"has {name}={value}, which must be a whole number from 1 to {most:,}")
    elif name == "UNTIL":
        _check_until(value)
    elif name == "WKST":
        if value not in {"MO", "TU", "WE", "TH", "FR", "SA", "SU"}:
            raise Unusable(f"has WKST={value}, which must be one of MO TU WE TH FR SA SU")
    elif name not in {"FREQ", "BYDAY"}:
        known = ", ".join(["FREQ", "UNTIL", "COUNT", "INTERVAL", "BYDAY", *_NUMBERS, "WKST"])
        raise Unusable(f"has {name}, which is not among the parts known: {known}")


def _check_until(value: str) -> None:
    found = _UNTIL.fullmatch(value)
    try:
        end = _read(found[1], found[2]) if found else None
    except ValueError:
        end = None
    if end is None:
        raise Unusable(f"has UNTIL={value}, which is no time; write it as 20271231T220000Z (UTC)")
    # Far from both ends of the calendar, where a change of zone leaves it.
    if not _YEARS[0] <= end.year <= _YEARS[1]:
        raise Unusable(f"has UNTIL={value}, which lies outside the years {_YEARS[0]} to {_YEARS[1]}; let it end within ten years")


def _read(date: str, time: str | None) -> datetime:
    return datetime.strptime(date + (time or "235959"), "%Y%m%d%H%M%S")  # noqa: DTZ007 - a wall time, or the zone follows


def _check_weekdays(parts: Mapping[str, str]) -> None:
    for each in parts.get("BYDAY", "").split(",") if "BYDAY" in parts else ():
        found = _WEEKDAY.fullmatch(each)
        if found is None:
            raise Unusable(f"has BYDAY={parts['BYDAY']}: {each!r} is no weekday; write MO, or 1SU and -1FR for the first and last")
        if found[1] is None:
            continue
        if parts["FREQ"] not in {"MONTHLY", "YEARLY"} or "BYWEEKNO" in parts:
            raise Unusable(f"has BYDAY={parts['BYDAY']}: a numbered weekday goes with FREQ=MONTHLY, or YEARLY without BYWEEKNO")
        if not 1 <= abs(int(found[1])) <= 53:
            raise Unusable(f"has BYDAY={parts['BYDAY']}: {each!r} must be numbered from 1 to 53, or from -1 to -53")


def _number(text: str, *, signed: bool) -> int | None:
    digits = text.lstrip("+-") if signed else text
    sign = len(text) - len(digits)
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 5 and sign <= 1 else None
