"""Times, spans and numbers as people type them."""

import math
import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from shared.errors import invalid_field

_SPAN = re.compile(r"(?=.)(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")


def read_time(option: str, text: str) -> Timestamp | None:
    """Reads an RFC 3339 time with a zone; None for an empty text. Raises InvalidInput naming the option."""
    if not text:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise invalid_field(option, f"{text!r} is not a time; write it as 2026-03-02T09:00:00Z", reason="TIME_INVALID") from None
    if value.tzinfo is None:
        raise invalid_field(option, f"{text!r} has no zone; end it with Z for UTC, or with an offset such as +02:00", reason="TIME_INVALID")
    stamp = Timestamp()
    stamp.FromDatetime(value)
    return stamp


def read_day(option: str, text: str) -> Date:
    """Reads a day such as 2026-05-01. Raises InvalidInput naming the option."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise invalid_field(option, f"{text!r} is no day; write it as 2026-05-01", reason="DAY_INVALID") from None
    return Date(year=day.year, month=day.month, day=day.day)


def read_span(option: str, text: str) -> timedelta:
    """Reads a span such as `90s`, `5m`, `2h30m` or `1d`. Raises InvalidInput naming the option."""
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise invalid_field(option, f"{text!r} is no span; write whole numbers with units, as 90s, 5m, 2h30m or 1d", reason="SPAN_INVALID")
    days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def typed_span(span: timedelta) -> str:
    """Returns a span, to the second, as `read_span` takes it: `1d`, `2h30m`."""
    seconds = round(span.total_seconds())
    counts = ((seconds // 86_400, "d"), (seconds // 3_600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    return "".join(f"{count}{unit}" for count, unit in counts if count) or "0s"


def finite(option: str, number: float) -> float:
    """Returns the number; `nan` and `inf`, which Python reads as numbers, are refused naming the option."""
    if not math.isfinite(number):
        raise invalid_field(option, f"is {number}; give a number", reason="NUMBER_INVALID")
    return number


def read_duration(option: str, text: str) -> Duration | None:
    """Reads a span as a message; None for an empty text. Raises InvalidInput naming the option."""
    if not text:
        return None
    return read_durations(option, [text])[0]


def read_durations(option: str, texts: Iterable[str]) -> list[Duration]:
    """Reads spans as messages. Raises InvalidInput naming the option."""
    found = []
    for each in texts:
        found.append(Duration())
        found[-1].FromTimedelta(read_span(option, each))
    return found
