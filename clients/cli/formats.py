"""How values read: times, spans, money, shares, names of enum members, and columns of figures that visibly add up."""

from collections.abc import Sequence
from datetime import UTC
from decimal import Decimal

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from shared.money import Money
from shared.span import span_text

_MOST_DIGITS = 6


def time_text(message: Message, field: str) -> str:
    """Returns the time in `field` to the second, in UTC; empty when it is absent."""
    return stamp_text(getattr(message, field)) if message.HasField(field) else ""


def stamp_text(stamp: Timestamp) -> str:
    return stamp.ToDatetime(tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def day_text(day: Date) -> str:
    """Returns `2026-05-01`."""
    return f"{day.year:04}-{day.month:02}-{day.day:02}"


def duration_text(duration: Duration) -> str:
    return span_text(duration.ToTimedelta())


def money_text(message: Message, field: str) -> str:
    """Returns the amount in `field`; empty when it is absent."""
    if not message.HasField(field):
        return ""
    amount = getattr(message, field)
    return str(Money.from_units_and_nanos(amount.units, amount.nanos, amount.currency_code))


def percent_text(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def number_text(value: float) -> str:
    """Returns a figure with at most four decimals and no trailing zeros."""
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def hours_text(hours: float) -> str:
    return f"{hours:,.1f} h"


def count_text(count: int, noun: str, nouns: str = "") -> str:
    """Returns `1 incident`, `2 incidents`."""
    return f"{count} {noun if count == 1 else nouns or noun + 's'}"


def enum_text(message: Message, field: str) -> str:
    """Returns the member in `field` as a word: `INCIDENT_STATE_OPEN` reads `open`; a number this contract does not know stays one."""
    return member_text(message.DESCRIPTOR.fields_by_name[field].enum_type, getattr(message, field))


def member_text(enum: object, number: int) -> str:
    values = enum.values_by_number  # type: ignore[attr-defined]  # an EnumDescriptor, whose type the stubs keep to themselves
    if number not in values:
        return str(number)
    prefix = values[0].name.removesuffix("UNSPECIFIED")
    return str(values[number].name).removeprefix(prefix).lower().replace("_", " ")


def severity_text(number: int) -> str:
    return f"SEV{number}" if number else "unknown"


def digits_that_add_up(parts: Sequence[float], total: float, fewest: int = 1) -> int:
    """Returns the fewest decimals, at most six, at which the rounded parts sum exactly to the rounded total."""
    for digits in range(fewest, _MOST_DIGITS + 1):
        if not rounding_gap(parts, total, digits):
            return digits
    return _MOST_DIGITS


def rounding_gap(parts: Sequence[float], total: float, digits: int) -> float:
    """Returns what rounding to `digits` decimals takes from the sum; zero when the figures shown add up."""

    def shown(value: float) -> Decimal:
        # As formatting rounds, not as round() does: of a half the two may go different ways.
        return Decimal(f"{value:.{digits}f}")

    return float(shown(total) - sum(shown(part) for part in parts))
