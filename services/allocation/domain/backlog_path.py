"""The backlog sprint by sprint: B' = max(0, B + D − R) from today's on, as a distribution on the demand's own grid of hours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import fftconvolve

from services.allocation.domain.demand_distribution import DemandDistribution, Floats

_MOST_STEPS = 1 << 17  # beyond them what is left over is put into the last: no backlog that matters is as large


@dataclass(frozen=True, slots=True)
class BacklogState:
    """What is left over at the end of a sprint, in person-hours."""

    chance: float  # of anything
    mean: float
    p90: float


def backlog_path(demands: Sequence[DemandDistribution], reserves: Sequence[float], backlog: float) -> list[BacklogState]:
    """Returns the backlog after each sprint, in order; all demands are on one grid, which reserves are rounded down to."""
    if not demands:
        return []
    step = demands[0].step
    left = np.zeros(min(round(backlog / step), _MOST_STEPS - 1) + 1)
    left[-1] = 1.0
    found = []
    for demand, reserve in zip(demands, reserves, strict=True):
        total = np.maximum(fftconvolve(left, demand.masses), 0.0)
        left = _after(total / total.sum(), int(reserve / step + 1e-9))
        found.append(_state(DemandDistribution(step, left)))
    return found


def _after(total: Floats, reserved: int) -> Floats:
    kept = total[reserved:].copy() if reserved < len(total) else np.zeros(1)
    kept[0] += total[:reserved].sum()
    if len(kept) > _MOST_STEPS:
        kept[_MOST_STEPS - 1] += kept[_MOST_STEPS:].sum()
    return np.asarray(kept[:_MOST_STEPS])


def _state(left: DemandDistribution) -> BacklogState:
    return BacklogState(max(left.chance_above(0.0), 0.0), left.mean, left.quantile(0.9))
