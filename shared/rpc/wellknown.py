"""Protobuf's well-known types to Python's and back: times in UTC, durations, money."""

from datetime import UTC, datetime, timedelta
from typing import overload

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type import money_pb2

from shared.money import Money


@overload
def time_to_pb(value: datetime) -> Timestamp: ...
@overload
def time_to_pb(value: datetime | None) -> Timestamp | None: ...
def time_to_pb(value: datetime | None) -> Timestamp | None:
    """Returns the time; None stays None, which leaves a field absent."""
    if value is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(value)
    return stamp


def time_from_pb(message: Message, field: str) -> datetime | None:
    """Returns the time in `field`, or None when it is absent."""
    return getattr(message, field).ToDatetime(tzinfo=UTC) if message.HasField(field) else None


def duration_to_pb(value: timedelta) -> Duration:
    duration = Duration()
    duration.FromTimedelta(value)
    return duration


@overload
def money_to_pb(money: Money) -> money_pb2.Money: ...
@overload
def money_to_pb(money: Money | None) -> money_pb2.Money | None: ...
def money_to_pb(money: Money | None) -> money_pb2.Money | None:
    """Returns the money; None stays None, which leaves a field absent."""
    if money is None:
        return None
    units, nanos = money.units_and_nanos
    return money_pb2.Money(currency_code=money.currency, units=units, nanos=nanos)


def money_from_pb(money: money_pb2.Money) -> Money:
    return Money.from_units_and_nanos(money.units, money.nanos, money.currency_code)
