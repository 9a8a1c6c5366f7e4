"""SLI series: samples of good and total events into minutes, in whatever order they come and however often."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

AHEAD = timedelta(minutes=10)  # senders' clocks differ; further ahead is a mistake
LATE = timedelta(hours=1)  # how far behind the newest minute of its SLO a sample may come


@dataclass(frozen=True, slots=True)
class Sample:
    """What a source counted of an SLO at a time: totals that only rise, or what came since its sample before.

    `is_reset` marks the first sample after the counter began anew from zero.
    """

    slo: str  # slos/{id}
    source: str
    at: datetime
    good: float
    total: float
    is_reset: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one item of a batch was refused: a stable reason, the field of the item at fault, and the rule with its remedy."""

    reason: str
    field: str
    description: str


@dataclass(frozen=True, slots=True)
class Gain:
    """Events that came in one minute; negative where a sample between two others takes its share of the later one's."""

    minute: int  # since 1970
    good: float
    total: float


@dataclass(frozen=True, slots=True)
class Point:
    """All events from the first sample up to the end of a minute."""

    minute: int
    good: float
    total: float


Gains = Mapping[int, tuple[float, float]]


def minute_of(when: datetime) -> int:
    return int(when.timestamp() // 60)


def fault_of(sample: Sample, newest: int | None, now: datetime) -> Refusal | None:
    """Returns why a sample cannot be taken whatever else its source sent; `newest` is the last minute its SLO has events of."""
    if not (0 <= sample.good < float("inf") and 0 <= sample.total < float("inf")):
        return Refusal("SAMPLE_INVALID", "good", "is negative or no number; send counts from 0 up")
    if sample.good > sample.total:
        return Refusal("SAMPLE_INVALID", "good", f"is {sample.good:g} of a total of {sample.total:g}; good cannot be more than all")
    if sample.at > now + AHEAD:
        return Refusal("SAMPLE_IN_FUTURE", "occurred_at", "lies more than 10 min ahead; mend the sender's clock")
    if newest is not None and minute_of(sample.at) < newest - LATE // timedelta(minutes=1):
        return Refusal(
            "SAMPLE_TOO_LATE", "occurred_at", "lies more than 1 h before the newest sample of its SLO; it can no longer be added"
        )
    return None


def take(held: Sequence[Sample], sample: Sample, *, is_counter: bool) -> list[Gain] | Refusal:
    """Returns what a sample adds, given those held of its source by time; nothing for one that is held already.

    A counter's rise counts in the minute of the later sample, so that the result is the same in any order. Its first sample only
    says where it stands, unless it is marked as a reset: then it began from zero.
    """
    place = bisect_left(held, sample.at, key=lambda each: each.at)
    if place < len(held) and held[place].at == sample.at:
        if held[place] == sample:
            return []
        return Refusal("SAMPLE_DIFFERS", "good", "is another than this source sent for this very time; a sample is not changed afterwards")
    if not is_counter:
        return [Gain(minute_of(sample.at), sample.good, sample.total)]
    before = held[place - 1] if place else None
    after = held[place] if place < len(held) else None
    if fallen := _fall(before, sample) or (_fall(sample, after) if after else None):
        return fallen
    gains = [_rise(before, sample)]
    if after and not after.is_reset:
        was, becomes = _rise(before, after), _rise(sample, after)
        gains.append(Gain(becomes.minute, becomes.good - was.good, becomes.total - was.total))
    return gains


def _fall(before: Sample | None, after: Sample) -> Refusal | None:
    if before is None or after.is_reset:
        return None
    for field, low, high in (("good", after.good, before.good), ("total", after.total, before.total)):
        if low < high:
            description = f"falls from {high:g} to {low:g}; a counter only rises: mark the first sample after a restart with `reset`"
            return Refusal("COUNTER_FELL", field, description)
    if after.total - before.total < after.good - before.good:
        return Refusal("COUNTER_FELL", "good", "rises by more than total does; bad events cannot be taken back")
    return None


def _rise(before: Sample | None, after: Sample) -> Gain:
    minute = minute_of(after.at)
    if after.is_reset:
        return Gain(minute, after.good, after.total)
    if before is None:
        return Gain(minute, 0.0, 0.0)
    return Gain(minute, after.good - before.good, after.total - before.total)


def summed(gains: Sequence[Gain]) -> dict[int, tuple[float, float]]:
    """Returns gains by minute."""
    found: dict[int, tuple[float, float]] = {}
    for gain in gains:
        good, total = found.get(gain.minute, (0.0, 0.0))
        found[gain.minute] = (good + gain.good, total + gain.total)
    return found


def accumulate(points: Sequence[Point], gains: Gains) -> list[Point]:
    """Returns the points from the first minute that gains on. `points` are the last before that minute, and all from it on."""
    first = min(gains)
    base = max((each for each in points if each.minute < first), key=lambda each: each.minute, default=Point(first - 1, 0.0, 0.0))
    held = {each.minute: each for each in points if each.minute >= first}
    made, good, total = [], 0.0, 0.0
    reached = base
    for minute in sorted(held.keys() | gains.keys()):
        more = gains.get(minute, (0.0, 0.0))
        good, total = good + more[0], total + more[1]
        reached = held.get(minute, Point(minute, reached.good, reached.total))
        made.append(Point(minute, reached.good + good, reached.total + total))
    return made
