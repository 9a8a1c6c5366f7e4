"""Change detection in counts: cumulative sums that trip when the mean rose, with the run length each was designed for.

    S ← max(0, S + slope · count + shift)        an alarm when S ≥ limit

Slope and shift come from the logarithm of the likelihood ratio of the risen mean to the mean in control, which no other chart beats
at finding that rise (Lorden, 1971; Moustakides, 1986). Only the sum is kept, so a chart is cheap to keep for every team.

The mean number of counts until an alarm (the run length: ARL0 in control, ARL1 after the rise) is that of the Markov chain the sums
are. In units of the slope a sum moves by whole counts and back by the reference value; that value is taken as the nearest fraction
with a denominator up to 32, so that the sums stay on a grid and the chain is exact for it. Near 0 and 1, where a chart of single things
has it, the denominator doubles until the fraction is within half a percent; and it is kept so small that there are at most 1,200 states.
Against finer grids and simulations this is off by less than one in a thousand in the cases tested.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from shared.statistics.count_distribution import Bernoulli, Counts, NegativeBinomial, Poisson

_USUAL_DENOMINATOR = 32
_CLOSE_ENOUGH = 0.005
_MOST_STATES = 1_200
_STEPS = 24  # halvings in the search for a limit: finer than any grid


@dataclass(frozen=True, slots=True)
class Cusum:
    """A chart: what it adds for a count, and where it trips."""

    slope: float
    shift: float
    limit: float = 0.0

    def __post_init__(self) -> None:
        if not (self.slope > 0 > self.shift):
            raise ValueError("the sum must rise with the counts and fall without them: give a slope above 0 and a shift below 0")

    def after(self, total: float, count: float) -> float:
        return max(0.0, total + self.slope * count + self.shift)

    def is_alarm(self, total: float) -> bool:
        return total >= self.limit

    def first_alarm(self, counts: Iterable[float]) -> int | None:
        """Returns at which count, from 1, the chart first trips."""
        total = 0.0
        for number, count in enumerate(counts, 1):
            total = self.after(total, count)
            if self.is_alarm(total):
                return number
        return None


@dataclass(frozen=True, slots=True)
class Design:
    """A chart with its limit set, and its run lengths: the promise a trigger makes."""

    chart: Cusum
    in_control: float  # mean counts between false alarms
    after_change: float  # mean counts until the rise it is designed for is found


def cusum_for(before: Counts, after: Counts, limit: float = 0.0) -> Cusum:
    """Returns the log-likelihood chart for a rise from one mean to another of the same kind and, if clustered, size."""
    if not after.mean > before.mean:
        raise ValueError(f"the risen mean {after.mean:g} must lie above the mean in control, {before.mean:g}")
    if isinstance(before, Poisson) and isinstance(after, Poisson):
        return Cusum(math.log(after.mean / before.mean), before.mean - after.mean, limit)
    if isinstance(before, NegativeBinomial) and isinstance(after, NegativeBinomial) and before.size == after.size:
        milder = math.log((before.size + before.mean) / (before.size + after.mean))
        return Cusum(math.log(after.mean / before.mean) + milder, before.size * milder, limit)
    if isinstance(before, Bernoulli) and isinstance(after, Bernoulli):
        milder = math.log((1 - after.mean) / (1 - before.mean))
        return Cusum(math.log(after.mean / before.mean) - milder, milder, limit)
    raise ValueError("both distributions must be of one kind, and clustered ones of one size")


def run_length(chart: Cusum, counts: Counts) -> float:
    """Returns the mean number of counts until the chart trips, begun at 0."""
    return _mean_steps(_Grid.of(chart), counts)


def designed(before: Counts, after: Counts, wanted_in_control: float) -> Design:
    """Returns the chart with the lowest limit at which false alarms are at least `wanted_in_control` counts apart on average."""
    if not 1 < wanted_in_control <= 1e6:
        raise ValueError(f"the wanted run length is {wanted_in_control:g}; give a number above 1 and up to a million")
    chart = cusum_for(before, after)
    limit = lowest(lambda limit: run_length(replace(chart, limit=limit), before) >= wanted_in_control)
    chart = replace(chart, limit=limit)
    return Design(chart, run_length(chart, before), run_length(chart, after))


def lowest(is_enough: Callable[[float], bool]) -> float:
    """Returns the lowest limit that is enough, where a higher one always is."""
    high = 1.0
    while not is_enough(high):
        high *= 2
    low = 0.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


@dataclass(frozen=True, slots=True)
class _Grid:
    """The sums a chart can stand at below its limit, in steps of one `denominator`th of the slope."""

    denominator: int
    back: int  # steps that each count's reference value takes back
    states: int

    @classmethod
    def of(cls, chart: Cusum) -> "_Grid":
        limit = chart.limit / chart.slope
        reference = -chart.shift / chart.slope
        largest = max(1, int(_MOST_STATES / max(limit, 1.0)))
        taken = Fraction(reference).limit_denominator(min(largest, _USUAL_DENOMINATOR))
        finer = _USUAL_DENOMINATOR
        # To either side of these lies a sum that never falls, or never rises.
        while abs(taken - reference) > _CLOSE_ENOUGH * min(reference, abs(1 - reference) or 1) and finer < largest:
            finer *= 2
            taken = Fraction(reference).limit_denominator(min(largest, finer))
        # 1e-9: a limit that lies on the grid is an alarm, whatever the division rounded to.
        return cls(taken.denominator, taken.numerator, math.ceil(limit * taken.denominator - 1e-9))

    def moves(self, chances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the chance of going from each state (row) to each (column); what is missing in a row is the chance of an alarm."""
        states = np.arange(self.states)
        moves = np.zeros((self.states, self.states))
        for count, chance in enumerate(chances):
            to = np.maximum(0, states + count * self.denominator - self.back)
            stays = to < self.states
            moves[states[stays], to[stays]] += chance
        return moves


# The limits tried while one is looked for differ by less than a step of the grid in the end.
@lru_cache(maxsize=64)
def _mean_steps(grid: _Grid, counts: Counts) -> float:
    """Returns the mean number of counts until the sum leaves the grid."""
    if not grid.states:
        return 1.0
    moves = grid.moves(counts.chances)
    if np.allclose(moves.sum(1), 1.0, rtol=0, atol=1e-12):
        return math.inf  # no count there is can trip it
    return float(np.linalg.solve(np.eye(grid.states) - moves, np.ones(grid.states))[0])
