"""Cost of delay over time: so much a week, other from certain moments on, or fading."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import log

_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class CostChange:
    """From a moment on a week of waiting costs this much; with a half-life it fades from there."""

    from_at: datetime
    per_week: Decimal
    half_life: timedelta | None = None


def cost_between(per_week: Decimal, changes: Sequence[CostChange], begin: datetime, end: datetime) -> Decimal:
    """Returns what waiting from `begin` to `end` costs, which is the integral of the cost in force; `changes` are ordered by time."""
    total, since, held = Decimal(0), begin, CostChange(datetime.min.replace(tzinfo=begin.tzinfo), per_week)
    for change in changes:
        if change.from_at >= end:
            break
        if change.from_at > since:
            total += _cost(held, since, change.from_at)
            since = change.from_at
        held = change
    return total + _cost(held, since, end)


def _cost(held: CostChange, begin: datetime, end: datetime) -> Decimal:
    """Returns the integral of one stretch; of a fading cost to a hundredth, for the last digits of powers differ between machines."""
    if held.half_life is None:
        return held.per_week * _weeks(end - begin)
    fades = held.half_life / _WEEK
    left = 2 ** (-((begin - held.from_at) / held.half_life)) - 2 ** (-((end - held.from_at) / held.half_life))
    return Decimal(str(round(float(held.per_week) * fades / log(2) * left, 2)))


def _weeks(length: timedelta) -> Decimal:
    """Exact for whole days of whole weeks, else to 28 digits."""
    return Decimal(length // timedelta(microseconds=1)) / Decimal(_WEEK // timedelta(microseconds=1))
