"""Windows of error budgets in time: which window holds a moment, through changes of the clocks and months of unequal length."""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from services.triage.domain.slo import CalendarUnit, CalendarWindow, RollingWindow, Window

_DAYS = {CalendarUnit.DAY: 1, CalendarUnit.WEEK: 7}
_MONTHS = {CalendarUnit.MONTH: 1, CalendarUnit.QUARTER: 3, CalendarUnit.YEAR: 12}
# Elapsed time, which no change of the clocks shortens.
_ELAPSED = {CalendarUnit.MINUTE: timedelta(minutes=1), CalendarUnit.HOUR: timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class Span:
    """From `starts_at` until just before `ends_at`."""

    starts_at: datetime
    ends_at: datetime

    @property
    def length(self) -> timedelta:
        return max(self.ends_at - self.starts_at, timedelta(0))

    def cut(self, other: "Span") -> "Span | None":
        """Returns what both have in common; None where that is nothing."""
        found = Span(max(self.starts_at, other.starts_at), min(self.ends_at, other.ends_at))
        return found if found.starts_at < found.ends_at else None


def window_at(window: Window, now: datetime) -> Span:
    """Returns the window that holds `now`, whole: a rolling one ends with `now`, a calendar one when the next begins.

    Before a calendar window's `starts_at` it is the first one, which has not begun.
    """
    if isinstance(window, RollingWindow):
        return Span(now - window.length, now)
    if window.unit in _ELAPSED:
        first, length = _utc(window.starts_at, window), _ELAPSED[window.unit] * window.count
        begin = first + length * max((now - first) // length, 0)
        return Span(begin, begin + length)
    number = max(_number(window, now.astimezone(ZoneInfo(window.time_zone)).replace(tzinfo=None)), 0)
    while _begin(window, number) > now and number > 0:  # the clocks went back over the begin
        number -= 1
    return Span(_begin(window, number), _begin(window, number + 1))


def united(spans: list[Span]) -> list[Span]:
    """Returns the spans in their order, those that touch or overlap as one: no time counts twice."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda each: each.starts_at):
        if found and span.starts_at <= found[-1].ends_at:
            found[-1] = Span(found[-1].starts_at, max(found[-1].ends_at, span.ends_at))
        else:
            found.append(span)
    return found


def without(span: Span, taken: Sequence[Span]) -> list[Span]:
    """Returns what is left of a span without the others, in order."""
    left, begin = [], span.starts_at
    for each in united(list(taken)):
        if each.ends_at <= begin or each.starts_at >= span.ends_at:
            continue
        if each.starts_at > begin:
            left.append(Span(begin, each.starts_at))
        begin = each.ends_at
    if begin < span.ends_at:
        left.append(Span(begin, span.ends_at))
    return left


def span_text(length: timedelta) -> str:
    """Returns a length in its largest units, such as `28 d`, `1 h 30 min` or `5 min`."""
    minutes = round(length / timedelta(minutes=1))
    counts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min"))
    return " ".join(f"{count} {unit}" for count, unit in counts if count) or "0 min"


def _number(window: CalendarWindow, local: datetime) -> int:
    """Returns how many whole windows lie before this wall time; negative before the first."""
    start = window.starts_at
    if window.unit in _DAYS:
        return int((local - start) // timedelta(days=_DAYS[window.unit] * window.count))
    step = _MONTHS[window.unit] * window.count
    number = ((local.year - start.year) * 12 + local.month - start.month) // step
    return number - 1 if _local_begin(window, number) > local else number


def _begin(window: CalendarWindow, number: int) -> datetime:
    return _utc(_local_begin(window, number), window)


def _utc(local: datetime, window: CalendarWindow) -> datetime:
    # A wall time that the clocks skip counts with the offset before the change, of one that comes twice the first is meant (RFC 5545).
    return local.replace(tzinfo=ZoneInfo(window.time_zone), fold=0).astimezone(UTC)


def _local_begin(window: CalendarWindow, number: int) -> datetime:
    start = window.starts_at
    if window.unit in _DAYS:
        return start + timedelta(days=_DAYS[window.unit] * window.count * number)
    months = start.year * 12 + start.month - 1 + _MONTHS[window.unit] * window.count * number
    year, month = divmod(months, 12)
    # A window that begins on the 31st begins on the last day of a shorter month.
    return start.replace(year=year, month=month + 1, day=min(start.day, calendar.monthrange(year, month + 1)[1]))
