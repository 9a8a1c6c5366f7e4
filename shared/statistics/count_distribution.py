"""Distributions of counts: how often something happens in a period, or whether one thing of many went wrong."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

_TAIL = 1e-13  # what the longest counts left out may weigh together
_LARGEST_MEAN = 500.0  # beyond it the chance of no event at all is below what a float holds


@dataclass(frozen=True)
class Poisson:
    """Events that come independently: the variance is the mean."""

    mean: float

    def __post_init__(self) -> None:
        _check_mean(self.mean)

    @cached_property
    def chances(self) -> NDArray[np.float64]:
        """The chance of each count from 0 up."""
        return _chances(math.exp(-self.mean), lambda count: self.mean / (count + 1))


@dataclass(frozen=True)
class NegativeBinomial:
    """Events that come in clusters: the variance is `mean + mean² / size`, so a smaller size is more clustered."""

    mean: float
    size: float

    def __post_init__(self) -> None:
        _check_mean(self.mean)
        if not (math.isfinite(self.size) and self.size > 0):
            raise ValueError(f"size is {self.size}; give a number above 0")

    @cached_property
    def chances(self) -> NDArray[np.float64]:
        odds = self.mean / (self.size + self.mean)
        return _chances((1 - odds) ** self.size, lambda count: (count + self.size) / (count + 1) * odds)


@dataclass(frozen=True)
class Bernoulli:
    """One thing that goes wrong or does not."""

    mean: float

    def __post_init__(self) -> None:
        if not 0 < self.mean < 1:
            raise ValueError(f"mean is {self.mean}; give a chance between 0 and 1")

    @property
    def chances(self) -> NDArray[np.float64]:
        return np.array([1 - self.mean, self.mean])


Counts = Poisson | NegativeBinomial | Bernoulli


def counts_of(mean: float, variance_to_mean: float) -> Poisson | NegativeBinomial:
    """Returns the distribution with this mean and variance-to-mean ratio; Poisson for a ratio of 1 or less."""
    if variance_to_mean <= 1:
        return Poisson(mean)
    return NegativeBinomial(mean, mean / (variance_to_mean - 1))


def _chances(first: float, ratio: Callable[[int], float]) -> NDArray[np.float64]:
    found, total = [first], first
    while 1 - total > _TAIL and (found[-1] > _TAIL**2 or total < 0.5):
        found.append(found[-1] * ratio(len(found) - 1))
        total += found[-1]
    return np.array(found)


def _check_mean(mean: float) -> None:
    if not 0 < mean <= _LARGEST_MEAN:
        raise ValueError(f"mean is {mean}; give a number above 0 and up to {_LARGEST_MEAN:g}")
