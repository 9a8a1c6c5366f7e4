"""False alarms of the chart of counts: how often it alarms when nothing changed, at the rates and the clustering that were seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.forecast_evaluation import Series
from services.allocation.domain.demand_change import DemandChange, Watch, changes
from services.allocation.domain.demand_history import DemandHistory

WATCH = Watch(watched_periods=12, rise=2.0, run_length=104.0)


@dataclass(frozen=True, slots=True)
class Alarms:
    """Charts that could be drawn, and those that alarmed within the watched periods."""

    charts: int
    alarmed: int
    cannot_tell: int
    designed: float  # share that may alarm within the watched periods, by the run length

    @property
    def share(self) -> float:
        return self.alarmed / self.charts if self.charts else 0.0


@dataclass(frozen=True, slots=True)
class TeamRate:
    """What was seen of one team: incidents a period, and their variance over that."""

    mean: float
    clustering: float


def seen(series: Sequence[Series]) -> list[TeamRate]:
    """Returns the rates of the whole year, and the clustering the chart itself would allow for."""
    found = changes([each.history(len(each.periods)) for each in series], WATCH)
    means = [sum(len(each) for each in one.periods) / len(one.periods) for one in series]
    return [TeamRate(mean, each.clustering) for mean, each in zip(means, found, strict=True)]


def on_the_year(series: Sequence[Series]) -> list[DemandChange]:
    """Returns what the charts say of the newest periods; whether something changed there nobody knows."""
    return changes([each.history(len(each.periods)) for each in series], WATCH)


def simulated(rates: Sequence[TeamRate], periods: int, years: int, seed: int = 1) -> Alarms:
    """Draws years in which no rate changes, and counts the alarms."""
    chance = np.random.default_rng(seed)
    charts = alarmed = untold = 0
    for _ in range(years):
        histories = [DemandHistory(tuple(_counts(chance, each, periods)), period_days=7.0) for each in rates]
        for found in changes(histories, WATCH):
            charts += not found.cannot_tell
            untold += bool(found.cannot_tell)
            alarmed += found.alarm_period is not None
    return Alarms(charts, alarmed, untold, WATCH.watched_periods / WATCH.run_length)


def _counts(chance: np.random.Generator, of: TeamRate, periods: int) -> list[int]:
    excess = of.clustering - 1
    rates = chance.gamma(of.mean / excess, excess, periods) if excess > 1e-3 else np.full(periods, of.mean)
    return [int(each) for each in chance.poisson(rates)]
