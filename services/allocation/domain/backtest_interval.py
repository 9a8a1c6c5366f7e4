"""Intervals of means over periods that depend on each other: the circular block bootstrap, in the limit of all resamples.

Teams of one organisation are hit together, and a backlog drags on, so team-periods are no independent draws. What is drawn are blocks of
periods in a row, each with all its teams (Politis and Romano, 1992). Of a mean the bootstrap's variance has a closed form, that of the
means of all blocks over the number of blocks, so nothing is drawn at all: it is what endless resamples with any seed tend to. Blocks
grow with the series and with how much a period says of the next (Carlstein, 1986, for an autoregression: ((2ρ/(1−ρ²))² T)^⅓). With few
blocks the variance is itself a guess: the interval is Student's with as many degrees of freedom as there are blocks less one.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

FEWEST_PERIODS = 8
CHANCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its interval; without one where there are too few periods."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def of_share(self) -> "Estimate":
        """The same of what cannot lie outside 0 and 1."""
        return self if self.low is None or self.high is None else Estimate(self.value, max(self.low, 0.0), min(self.high, 1.0))

    @property
    def is_above(self) -> bool:
        return self.low is not None and self.low > 0

    @property
    def is_below(self) -> bool:
        return self.high is not None and self.high < 0


def estimate(values: Floats, periods: Places, shortest_block: int = 1) -> Estimate:
    """Returns the mean over team-periods, with an interval for what it would be in other periods of the same kind."""
    if not len(values):
        return Estimate(math.nan)
    mean = float(values.mean())
    places = periods - periods.min()
    sums, counts = np.bincount(places, values - mean), np.bincount(places)
    width = half_width(sums * len(sums) / counts.sum(), shortest_block)
    return Estimate(mean) if width is None else Estimate(mean, mean - width, mean + width)


def half_width(series: Floats, shortest_block: int = 1) -> float | None:
    """Returns half the interval of the mean of a series about its mean; None where it is too short."""
    length = len(series)
    if length < max(FEWEST_PERIODS, 2 * shortest_block):
        return None
    centred = series - series.mean()
    block = max(block_length(centred), shortest_block)
    ring = np.concatenate((centred, centred[: block - 1]))
    means = np.convolve(ring, np.ones(block), "valid") / block
    # Blocks of a series about its own mean vary less than about the true one, by the part that one block is of it.
    variance = float((means**2).mean()) * block / length * length / (length - block)
    return float(student.ppf((1 + CHANCE) / 2, length / block - 1)) * math.sqrt(variance)


def block_length(centred: Floats) -> int:
    """Returns how many periods a block holds: at most a quarter of them."""
    length = len(centred)
    power = float(centred @ centred)
    follows = float(centred[1:] @ centred[:-1]) / power if power > 0 else 0.0
    follows = min(max(follows + (1 + 3 * follows) / length, 0.0), 0.95)  # estimates fall short by as much (Kendall, 1954)
    wanted = max(((2 * follows / (1 - follows**2)) ** 2 * length) ** (1 / 3), length ** (1 / 3) / 2)
    return int(np.clip(math.ceil(wanted), 1, max(length // 4, 1)))
