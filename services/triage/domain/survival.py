"""Survival: how long incidents last when some are still open, by the product-limit estimate (Kaplan and Meier, 1958).

An open incident is right-censored: it lasted at least so long. Leaving it out would flatter every figure. What the history is too
small for, or does not reach, cannot be told, and the estimate says so:

- a quantile or a mean needs five incidents that ended, and a curve that comes down to the quantile, or reaches the horizon;
- the chance of missing a target needs five incidents that lasted as long as this one has, and a curve that reaches the target.

Written out rather than taken from lifelines 0.30, which has all but the conditional chance: with pandas and what else it needs it
weighs 304 MB, takes 2.9 s to import and 145 MB of memory (measured on two cores), for the hundred lines below. The tests hold them
to SciPy's curve and to lifelines' figures.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import NormalDist

from services.triage.domain.estimate import Estimate, untold

FEWEST = 5
_RAREST = 0.025
_Z = NormalDist().inv_cdf(1 - _RAREST)
_ROUNDING = 1e-12  # a curve that comes down to exactly the share is there, whatever its products rounded to


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long an incident lasted; still open when it has not `ended`."""

    length: float  # minutes, as are all lengths here
    ended: bool

    def __post_init__(self) -> None:
        if not (math.isfinite(self.length) and self.length >= 0):
            raise ValueError(f"length is {self.length}; an incident lasts a number from 0 up")


@dataclass(frozen=True, slots=True)
class Curve:
    """The share of incidents that last longer than a time: a step down at each of `times`."""

    times: tuple[float, ...]  # at which incidents ended, rising
    survivals: tuple[float, ...]  # from each of the times on
    hazards: tuple[float, ...]  # Greenwood's addend d / (n · (n − d)) at each of the times; infinite where all that were left ended
    spreads: tuple[float, ...]  # the addends summed up to each of the times
    count: int
    censored_count: int
    longest: float
    fewest_ended: int

    def at(self, time: float) -> float:
        """Returns the share that lasts longer than `time`."""
        passed = bisect_right(self.times, time)
        return self.survivals[passed - 1] if passed else 1.0

    def interval_at(self, time: float) -> tuple[float, float]:
        """Returns the interval of `at(time)` on the log-log scale, on which it stays between 0 and 1; (1, 1) and (0, 0) at the ends."""
        passed = bisect_right(self.times, time)
        survival = self.at(time)
        if survival in {0.0, 1.0}:
            return survival, survival
        reach = _Z * math.sqrt(self.spreads[passed - 1]) / -math.log(survival)
        return survival ** math.exp(reach), survival ** math.exp(-reach)

    def quantile(self, share: float) -> Estimate:
        """Returns the time by which this share has ended, with the interval by inverting that of the curve (Brookmeyer and Crowley)."""
        if self._too_few:
            return self._untold(self._too_few)
        left = 1 - share + _ROUNDING
        reached = self._first(lambda time: self.at(time) <= left)
        if reached is None:
            return self._untold(f"{self.censored_count} of {self.count} are still open, so {share:.0%} have not been seen to end")
        low = self._first(lambda time: self.interval_at(time)[0] <= left)
        # Where the curve ends at nothing it has no interval, so the upper bound is not known there either.
        high = self._first(lambda time: self.at(time) > 0 and self.interval_at(time)[1] <= left)
        return Estimate(reached, self.count, self.censored_count, low, high)

    def restricted_mean(self, horizon: float) -> Estimate:
        """Returns how long an incident lasts on average when what goes beyond `horizon` counts as that long: the area below the curve."""
        if self._too_few:
            return self._untold(self._too_few)
        if not self.reaches(horizon):
            return self._untold(self.beyond(horizon))
        area, *rights = self._areas(horizon)
        # To the right of a step down to nothing there is no area, so its infinite addend does not count.
        variance = sum(right * right * hazard for right, hazard in zip(rights, self.hazards, strict=False) if right)
        reach = _Z * math.sqrt(variance)
        return Estimate(area, self.count, self.censored_count, max(0.0, area - reach), min(horizon, area + reach))

    def reaches(self, time: float) -> bool:
        """Says whether the curve is known at `time`: up to the longest seen, and from there on only when nothing was left."""
        return time <= self.longest or (bool(self.survivals) and self.survivals[-1] == 0)

    def beyond(self, time: float) -> str:
        return f"the history reaches only to {self.longest:g} min, where some were still open, and not to {time:g} min"

    @property
    def _too_few(self) -> str:
        ended = self.count - self.censored_count
        return "" if ended >= self.fewest_ended else f"{ended} incidents ended; {self.fewest_ended} are needed"

    def _untold(self, why: str) -> Estimate:
        return untold(why, self.count, self.censored_count)

    def _first(self, holds: Callable[[float], bool]) -> float | None:
        return next((time for time in self.times if holds(time)), None)

    def _areas(self, horizon: float) -> list[float]:
        """Returns the areas below the curve up to `horizon`: from 0, and from each time before it."""
        before = self.times[: bisect_left(self.times, horizon)]
        pieces = [(right - left) * self.at(left) for left, right in pairwise((0.0, *before, horizon))]
        return list(accumulate(reversed(pieces)))[::-1]


def curve(observed: Iterable[Lifetime], *, fewest_ended: int = FEWEST) -> Curve:
    """Returns the curve of a history, in whatever order. What was censored at a time was at risk of ending at it."""
    history = list(observed)
    ended = Counter(each.length for each in history if each.ended)
    lengths = sorted(each.length for each in history)
    times = tuple(sorted(ended))
    at_risk = [len(lengths) - bisect_left(lengths, time) for time in times]
    risks = [(risk, ended[time]) for risk, time in zip(at_risk, times, strict=True)]
    hazards = tuple(count / (risk * (risk - count)) if risk > count else math.inf for risk, count in risks)
    return Curve(
        times=times,
        survivals=tuple(accumulate(((risk - count) / risk for risk, count in risks), lambda left, share: left * share)),
        hazards=hazards,
        spreads=tuple(accumulate(hazards)),
        count=len(history),
        censored_count=len(history) - ended.total(),
        longest=lengths[-1] if lengths else 0.0,
        fewest_ended=fewest_ended,
    )


def chance_of_exceeding(history: Iterable[Lifetime], target: float, *, after: float, fewest_at_risk: int = FEWEST) -> Estimate:
    """Returns the chance that an incident which has lasted `after` lasts longer than `target`: P(X > target | X > after).

    The history are incidents of its class. Only those that lasted longer than `after` say anything: the estimate counts them.
    """
    lasting = [each for each in history if each.length > after]
    alike = curve(lasting)
    if target <= after:
        return Estimate(1.0, alike.count, alike.censored_count, 1.0, 1.0)
    if alike.count < fewest_at_risk:
        why = f"{alike.count} incidents of the history lasted longer than {round(after, 1):g} min; {fewest_at_risk} are needed"
        return untold(why, alike.count, alike.censored_count)
    if not alike.reaches(target):
        return untold(alike.beyond(target), alike.count, alike.censored_count)
    low, high = _bounds(alike, target, sum(each.length >= target for each in lasting))
    return Estimate(alike.at(target), alike.count, alike.censored_count, low, high)


def _bounds(alike: Curve, target: float, seen_at_target: int) -> tuple[float, float]:
    """Returns the interval of the curve at `target`; where all or none lasted it has no width, and the exact binomial one stands in."""
    chance = alike.at(target)
    if chance == 1:
        return _RAREST ** (1 / seen_at_target), 1.0
    if chance == 0:
        return 0.0, 1 - _RAREST ** (1 / (alike.count - alike.censored_count))
    return alike.interval_at(target)
