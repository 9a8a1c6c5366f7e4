"""What is carried over: the backlog B' = max(0, B + D − R) in the long run under one reserve.

It is the maximum of a random walk with the steps D − R (Lindley, 1952), whose generating function is the positive half of
−log(1 − φ) (Spitzer, 1956). That logarithm has a pole at 1, which belongs to the way down and is divided out; what is left is smooth,
so that its halves are read off by two fast Fourier transforms, for any number of teams at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from services.allocation.domain.demand_distribution import DemandDistribution

Floats = NDArray[np.float64]

_LARGEST_LOAD = 0.98  # beyond it the backlog outgrows any grid before it settles
_LIGHT_LOAD = 0.75  # up to it twice the steps of the demand hold the backlog, beyond it take sixteen times as many


@dataclass(frozen=True, slots=True)
class LongRun:
    """The backlog after a sprint, if each were like this one."""

    chance: float  # of one: P(B > 0)
    mean_hours: float
    backlog: DemandDistribution | None  # None where it never settles


def long_run(demand: DemandDistribution, reserve_hours: float) -> LongRun:
    """Returns the backlog in the long run; without bound where the reserve hardly exceeds the hours expected."""
    steps = int(np.floor(reserve_hours / demand.step + 1e-9))
    if reserve_hours <= 0 or demand.mean > _LARGEST_LOAD * steps * demand.step:
        return LongRun(1.0, np.inf, None)
    room = 2 if demand.mean <= _LIGHT_LOAD * reserve_hours else 16
    settled = DemandDistribution(demand.step, _maximum(demand.masses, steps, room * len(demand.masses)))
    return LongRun(settled.chance_above(0.0), settled.mean, settled)


def _maximum(masses: Floats, reserve: int, size: int) -> Floats:
    """Returns the distribution of the maximum of a walk whose steps are `masses` less `reserve`."""
    angles = 2 * np.pi * np.arange(size // 2 + 1) / size
    steps = fft.rfft(masses, size) / masses.sum() * np.exp(1j * angles * reserve)
    drift = reserve - float(masses @ np.arange(len(masses))) / masses.sum()
    left = np.empty_like(steps)
    left[1:] = (1 - steps[1:]) / (1 - np.exp(1j * angles[1:]))
    left[0] = drift  # the limit at 1, where both have a simple zero
    logarithm = np.log(np.abs(left)) + 1j * np.unwrap(np.angle(left))
    cepstrum = -fft.irfft(logarithm, size)
    positive = np.zeros(size)
    positive[1 : size // 2] = cepstrum[1 : size // 2]
    found = fft.irfft(np.exp(fft.rfft(positive) - positive.sum()), size)[: size // 2]
    return np.asarray(np.maximum(found, 0.0))
