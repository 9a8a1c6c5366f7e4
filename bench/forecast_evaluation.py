"""How good forecasts of hours are on periods that they did not know: each is forecast from those before it, and then compared.

Nothing is set by the periods forecast. Beside the forecast stand what planning does without one: a fixed share of capacity, and the
quantile of the last twelve periods.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.allocation.domain.backtest_interval import Estimate, estimate
from services.allocation.domain.demand_forecast import Question, SprintDemand, Wanted, forecasts, pooled
from services.allocation.domain.demand_history import DemandHistory, Effort
from services.allocation.domain.forecast_score import coverage_of, pinball

TRAILING = 12


@dataclass(frozen=True, slots=True)
class Series:
    """A team's past: the efforts of the incidents that came in each period, and the hours a fixed share would set aside."""

    periods: tuple[tuple[float, ...], ...]
    fixed_hours: float
    period_days: float = 7.0

    def history(self, until: int) -> DemandHistory:
        """Returns what was known when period `until`, from 0, began."""
        known = self.periods[:until]
        efforts = tuple(Effort(hours) for each in known for hours in each)
        return DemandHistory(tuple(len(each) for each in known), efforts, self.period_days)

    def total(self, period: int) -> float:
        return math.fsum(self.periods[period])


@dataclass(frozen=True, slots=True)
class LevelScore:
    """How the quantile of one level did."""

    level: float
    coverage: float  # by the transform that is even for true forecasts: to be compared with the level
    interval: Estimate  # of `coverage`; periods are drawn, each with all its teams
    kept: float  # share of periods in which the quantile sufficed
    promised: float  # the chance of that by the forecasts
    loss: float  # mean pinball loss, hours
    fixed_loss: float
    trailing_loss: float
    over_fixed: Estimate  # the loss less that of the fixed share
    over_trailing: Estimate


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was found over all teams and periods forecast."""

    forecast_count: int
    period_count: int
    scores: tuple[LevelScore, ...]

    def score(self, level: float) -> LevelScore:
        return next(each for each in self.scores if each.level == level)


def evaluated(series: Sequence[Series], wanted: Wanted, first: int = TRAILING) -> Evaluation:
    """Forecasts each period from `first` on, of teams with equally many periods, by those before it. Raises ValueError for fewer."""
    lengths = {len(each.periods) for each in series}
    if len(lengths) != 1 or first < TRAILING or min(lengths) <= first:
        raise ValueError(f"give teams with equally many periods, more than {max(first, TRAILING)} each")
    rows = np.array(
        [[_row(each, team, wanted, period) for team, each in _forecast(series, wanted, period)] for period in range(first, lengths.pop())]
    )
    return Evaluation(
        rows.shape[0] * rows.shape[1], rows.shape[0], tuple(_score(level, rows[:, :, place]) for place, level in enumerate(wanted.levels))
    )


def _forecast(series: Sequence[Series], wanted: Wanted, period: int) -> list[tuple[Series, SprintDemand]]:
    histories = [each.history(period) for each in series]
    found = forecasts([Question(each) for each in histories], pooled(histories, wanted), wanted)
    return [(team, each.sprints[0]) for team, each in zip(series, found, strict=True)]


def _row(demand: SprintDemand, team: Series, wanted: Wanted, period: int) -> list[list[float]]:
    return [_compared(level, quantile, demand, team, period) for level, quantile in zip(wanted.levels, demand.quantiles, strict=True)]


def _compared(level: float, quantile: float, demand: SprintDemand, team: Series, period: int) -> list[float]:
    assert demand.hours is not None
    outcome = team.total(period)
    past = [team.total(each) for each in range(period - TRAILING, period)]
    return [
        coverage_of(level, demand.hours, outcome),
        outcome <= quantile + demand.hours.step / 2,  # as far as the grid tells them apart
        demand.hours.chance_up_to(quantile),
        pinball(level, quantile, outcome),
        pinball(level, team.fixed_hours, outcome),
        pinball(level, float(np.quantile(past, level)), outcome),
    ]


def _score(level: float, rows: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> LevelScore:
    coverage, kept, promised, loss, fixed, trailing = rows.mean((0, 1)).tolist()
    periods = np.repeat(np.arange(rows.shape[0]), rows.shape[1])

    def interval(values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> Estimate:
        return estimate(values.reshape(-1), periods)

    over = [interval(rows[:, :, 3] - rows[:, :, place]) for place in (4, 5)]
    return LevelScore(level, coverage, interval(rows[:, :, 0]).of_share, kept, promised, loss, fixed, trailing, *over)
