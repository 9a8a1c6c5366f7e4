"""Forecasts judged on years drawn from known laws: whether they are right in general, and what chance does to one year."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.forecast_evaluation import Evaluation, Series, evaluated
from services.allocation.domain.demand_forecast import USUAL_LEVELS, Wanted

TEAMS, WEEKS = 7, 52
_MOST = 20.0  # incidents a week


@dataclass(frozen=True, slots=True)
class Law:
    """How a year is drawn: negative binomial counts about rates that wander, lognormal efforts."""

    name: str
    drift: float  # standard deviation of a week's step of the logarithm of a rate, each team's own
    together: float  # the same, of all teams in common
    clustering: float  # variance to mean
    spread: float  # standard deviation of log-efforts


LAWS = (
    Law("rates stand still", 0.0, 0.0, 1.6, 0.85),
    Law("rates wander", 0.08, 0.0, 1.6, 0.85),
    Law("rates wander together, clustered, wide efforts", 0.06, 0.06, 2.5, 1.2),
)


@dataclass(frozen=True, slots=True)
class LawScore:
    """Coverage and loss over many years of one law, cut into periods of so many weeks."""

    law: Law
    weeks: int
    coverage: tuple[float, ...]  # mean over the years, of each level
    error: tuple[float, ...]  # its standard error
    deviation: tuple[float, ...]  # of one year's coverage from it
    over_trailing: tuple[float, ...]  # loss over that of the trailing quantile


def drawn(law: Law, seed: int, weeks: int) -> list[Series]:
    """Draws the year of that number."""
    chance = np.random.default_rng(seed)
    together = np.cumsum(chance.normal(0, law.together, WEEKS))
    return [_team(law, chance, together, weeks) for _ in range(TEAMS)]


def judged(law: Law, weeks: int, years: int) -> LawScore:
    """Judges forecasts over so many years."""
    found = [evaluated(drawn(law, year, weeks), Wanted()) for year in range(years)]
    coverage = np.array([[each.coverage for each in one.scores] for one in found])
    deviation = coverage.std(0, ddof=1)
    return LawScore(
        law,
        weeks,
        tuple(coverage.mean(0).tolist()),
        tuple((deviation / np.sqrt(years)).tolist()),
        tuple(deviation.tolist()),
        tuple(_ratio(found, level) for level in USUAL_LEVELS),
    )


def _ratio(found: list[Evaluation], level: float) -> float:
    return sum(each.score(level).loss for each in found) / sum(each.score(level).trailing_loss for each in found)


def _team(law: Law, chance: np.random.Generator, together: NDArray[np.float64], weeks: int) -> Series:
    base, centre = chance.gamma(2, 0.35), chance.normal(2.3, 0.3)
    own = np.cumsum(chance.normal(0, law.drift, WEEKS))
    rates = np.minimum(base * np.exp(own + together), _MOST)
    counts = chance.poisson(chance.gamma(rates / (law.clustering - 1), law.clustering - 1))
    efforts = [tuple(chance.lognormal(centre, law.spread, count).tolist()) for count in counts]
    periods = tuple(sum(efforts[low : low + weeks], ()) for low in range(0, WEEKS, weeks))
    return Series(periods, 60.0 * weeks, 7.0 * weeks)
