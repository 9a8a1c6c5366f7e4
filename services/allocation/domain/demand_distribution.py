"""The hours a period will ask for: the sum of a random number of random efforts, exact on a grid of hours.

With the characteristic function of an effort φ and counts of mean m and variance-to-mean ratio v the sum has
`exp(m(φ − 1))` for v = 1 and `(1 − β(φ − 1))^(−m/β)` with β = v − 1 otherwise (decision-maths, 2; Panjer, 1981, is the other way to
the same figures, and the tests'). It is read off by the fast Fourier transform, on twice as many steps as an effort may have, so that
what would fall beyond the grid, and come back at its beginning, is below what the figures show.
"""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Floats = NDArray[np.float64]

EFFORT_STEPS = 2_048
SUM_STEPS = 2 * EFFORT_STEPS
_REACH = 8.0  # standard deviations above the mean that an effort's part of the grid must hold
_FINEST = 0.01  # person-hours
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_ROUNDING = 1e-12
_ON_GRID = 1e-9  # hours that are a whole number of steps, whatever the division rounded to


@dataclass(frozen=True)
class DemandDistribution:
    """The chances of 0, 1, … steps of person-hours."""

    step: float
    masses: Floats

    @cached_property
    def cumulated(self) -> Floats:
        return np.minimum(np.cumsum(self.masses), 1.0)

    @property
    def hours(self) -> Floats:
        return _hours(self.step, len(self.masses))

    @cached_property
    def mean(self) -> float:
        return float(self.masses @ self.hours)

    @cached_property
    def deviation(self) -> float:
        """The standard deviation."""
        return math.sqrt(max(float(self.masses @ (self.hours - self.mean) ** 2), 0.0))

    def quantile(self, level: float) -> float:
        """Returns the fewest hours that suffice with this chance."""
        return self.step * min(int(np.searchsorted(self.cumulated, level - _ROUNDING)), len(self.masses) - 1)

    def chance_above(self, hours: float) -> float:
        """Returns P(D > hours)."""
        return float(1 - self.chance_up_to(hours))

    def chance_up_to(self, hours: float) -> float:
        place = self._place(hours)
        return 0.0 if place < 0 else float(self.cumulated[min(place, len(self.masses) - 1)])

    def _place(self, hours: float) -> int:
        return math.floor(hours / self.step + _ON_GRID)

    def short(self, reserve: float) -> float:
        """Returns the hours expected beyond a reserve."""
        place = self._place(reserve) + 1
        return float(self.masses[place:] @ (self.hours[place:] - reserve))

    def idle(self, reserve: float) -> float:
        """Returns the hours of a reserve expected to be left."""
        place = self._place(reserve) + 1
        return float(self.masses[:place] @ (reserve - self.hours[:place]))


@lru_cache(maxsize=64)
def _hours(step: float, size: int) -> Floats:
    return np.arange(size, dtype=float) * step


def step_for(mean: float, deviation: float, maximum: float) -> float:
    """Returns the grid's step, a round number: the largest effort and the sum's upper tail have room on it."""
    wanted = max((mean + _REACH * deviation) / EFFORT_STEPS, maximum / EFFORT_STEPS, _FINEST)
    scale = 10.0 ** np.floor(np.log10(wanted) + 1e-9)
    return float(next(scale * each for each in _STEPS if scale * each >= wanted * (1 - 1e-9)))


def aggregated(efforts: Floats, means: Floats, ratios: Floats, size: int = SUM_STEPS) -> Floats:
    """Returns the chances of sums of 0 to size − 1 steps, a row each; `efforts` holds at most half as many steps, a row each."""
    exponent = fft.rfft(efforts, size, axis=-1)
    exponent -= 1
    beta = ratios[..., None] - 1
    clustered = beta > _ROUNDING
    # The logarithm's argument lies right of 1, so its main branch is the right one.
    logarithm = np.log(1 - np.where(clustered, beta, 0.0) * exponent)
    factor = -means[..., None] / np.where(clustered, beta, 1.0)
    exponent = np.where(clustered, factor * logarithm, means[..., None] * exponent)
    return np.asarray(np.maximum(fft.irfft(np.exp(exponent), size, axis=-1), 0.0))


def moments(efforts: Floats, step: float, mean: float, ratio: float) -> tuple[float, float]:
    """Returns mean and variance of the sum, by those of one effort: `E[N]·m₁` and `E[N](m₂ − m₁²) + Var[N]·m₁²`."""
    hours = _hours(step, efforts.shape[-1])
    first, second = float(efforts @ hours), float(efforts @ hours**2)
    return mean * first, mean * (second - first**2) + ratio * mean * first**2
