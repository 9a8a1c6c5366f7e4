"""Business hours to protobuf and back."""

from datetime import date, time

from ballast.triage.v1 import business_hours_pb2 as pb
from google.type.date_pb2 import Date
from google.type.timeofday_pb2 import TimeOfDay

from shared.business_hours import BusinessHours
from shared.errors import invalid_field

_MIDNIGHT = 24


def hours_from_pb(message: pb.BusinessHours, field: str) -> BusinessHours:
    """Raises InvalidInput for what is no time of day or no date; the rest is the domain's to judge."""
    return BusinessHours(
        message.time_zone,
        tuple(sorted({day - 1 for day in message.days})),
        _time(message.opens, f"{field}.opens"),
        _time(message.closes, f"{field}.closes", allows_midnight=True),
        tuple(sorted({_date(day, f"{field}.holidays[{index}]") for index, day in enumerate(message.holidays)})),
    )


def hours_to_pb(hours: BusinessHours) -> pb.BusinessHours:
    return pb.BusinessHours(
        time_zone=hours.time_zone,
        days=[day + 1 for day in hours.days],  # Monday is 1 in google.type.DayOfWeek
        opens=TimeOfDay(hours=hours.opens.hour, minutes=hours.opens.minute),
        closes=TimeOfDay(hours=hours.closes.hour, minutes=hours.closes.minute),
        holidays=[Date(year=day.year, month=day.month, day=day.day) for day in hours.holidays],
    )


def _time(message: TimeOfDay, field: str, *, allows_midnight: bool = False) -> time:
    if message.seconds or message.nanos:
        raise invalid_field(field, "has seconds; business hours count in minutes, leave them out")
    if allows_midnight and message.hours == _MIDNIGHT and not message.minutes:
        return time(0)
    try:
        return time(message.hours, message.minutes)
    except ValueError:
        raise invalid_field(field, f"is {message.hours}:{message.minutes:02}; give hours 0 to 23 and minutes 0 to 59") from None


def _date(message: Date, field: str) -> date:
    try:
        return date(message.year, message.month, message.day)
    except ValueError:
        raise invalid_field(field, f"is {message.year}-{message.month}-{message.day}, which is no date; give year, month and day") from None
