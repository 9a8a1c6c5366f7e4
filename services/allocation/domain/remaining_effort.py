"""What an incident still takes, given the hours recorded on it: the mean of the team's effort distribution beyond them.

`E[X − h | X > h] = Σ_{x > h} (x − h) p(x) / P(X > h)`, the mean residual life, over the same predictive of an effort that the forecast
sums. With h = 0 it is the mean effort. Of lognormal efforts what is left grows with what was spent: long incidents are seldom nearly
over.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.allocation.domain import demand_effort
from services.allocation.domain.demand_distribution import EFFORT_STEPS, Floats
from services.allocation.domain.demand_effort import EffortPool, EffortRows
from services.allocation.domain.demand_history import Effort


@dataclass(frozen=True)
class RemainingEffort:
    """The distribution of an effort on a grid of hours."""

    step: float
    masses: Floats

    def expected(self, spent: float) -> float:
        """Returns the person-hours expected to be left after `spent`; none beyond the largest effort that may be."""
        hours = np.arange(len(self.masses)) * self.step
        beyond = hours > spent
        chance = float(self.masses[beyond].sum())
        return float(self.masses[beyond] @ (hours[beyond] - spent)) / chance if chance > 0 else 0.0


def remaining_effort(efforts: Sequence[Effort], pool: EffortPool) -> RemainingEffort:
    """Returns it for a team with these efforts, among all teams'."""
    model = demand_effort.modelled(EffortRows.of([efforts]), pool)
    step = model.maximum / (EFFORT_STEPS - 1)
    return RemainingEffort(step, model.masses(0, step, EFFORT_STEPS))
