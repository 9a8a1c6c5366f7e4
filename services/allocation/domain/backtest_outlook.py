"""The forecast of one past period for all teams of a cohort at once, from what was known when it began."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from services.allocation.domain import demand_effort, demand_rate
from services.allocation.domain.backtest_cohort import Cohort, Floats, Places
from services.allocation.domain.demand_distribution import EFFORT_STEPS, DemandDistribution, aggregated
from services.allocation.domain.demand_forecast import effort_step

_AT_ONCE = 64  # teams whose sums are transformed together: a few MB


@dataclass(frozen=True, slots=True)
class Outlook:
    """The hours that remediation will ask of each team in one period; None for teams that are not in it."""

    demand: tuple[DemandDistribution | None, ...]

    def quantiles(self, level: float) -> Floats:
        """Returns the hours that suffice with this chance, a row each; NaN where nothing can be told."""
        return np.array([np.nan if each is None else each.quantile(level) for each in self.demand])


def outlook(cohort: Cohort, column: int) -> Outlook:
    """Returns what was to be expected of that column's period: the same figures as `demand_forecast.forecasts` gives."""
    chosen = np.nonzero(cohort.known[:, column] & cohort.known[:, :column].any(1))[0]
    found: list[DemandDistribution | None] = [None] * len(cohort.teams)
    if column and len(chosen):
        for row, demand in _distributions(cohort, column, chosen):
            found[row] = demand
    return Outlook(tuple(found))


def _distributions(cohort: Cohort, column: int, chosen: Places) -> Iterator[tuple[int, DemandDistribution]]:
    rows = cohort.incident_counts(column)
    efforts = cohort.efforts(column)
    pool = demand_effort.learned(efforts, None, None)
    if pool is None:
        return
    rates = demand_rate.rates(rows, demand_rate.learned(rows), 1)
    model = demand_effort.modelled(efforts, pool)
    for low in range(0, len(chosen), _AT_ONCE):
        some = chosen[low : low + _AT_ONCE]
        means, ratios = rates.means[some, 0], rates.ratios[some, 0]
        steps = [effort_step(model, int(row), float(mean), float(ratio)) for row, mean, ratio in zip(some, means, ratios, strict=True)]
        masses = np.stack([model.masses(int(row), step, EFFORT_STEPS) for row, step in zip(some, steps, strict=True)])
        sums = aggregated(masses, means, ratios)
        for place, row in enumerate(some.tolist()):
            yield row, DemandDistribution(steps[place], sums[place])
