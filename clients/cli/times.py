"""Times and spans as people type them."""

import re
from datetime import datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from shared.errors import invalid_field

_SPAN = re.compile(r"(\d{1,6})(s|m|h|d)")
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


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


def read_span(option: str, text: str) -> timedelta:
    """Reads a span such as `90s`, `5m`, `2h` or `1d`. Raises InvalidInput naming the option."""
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise invalid_field(option, f"{text!r} is no span; write a whole number and a unit, as 90s, 5m, 2h or 1d", reason="SPAN_INVALID")
    return int(found[1]) * _UNITS[found[2]]
