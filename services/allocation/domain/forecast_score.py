"""Whether forecasts kept what they promised: coverage, pinball loss and Kupiec's test.

A quantile of hours that are often exactly none cannot be exceeded with exactly the chance asked for: the fewest hours that suffice in
half of the sprints may suffice in two thirds of them. What is compared with the level is therefore the transform of each outcome that
is even when the forecast is true, the mean of a draw between P(D < y) and P(D ≤ y) (Czado, Gneiting and Held, 2009).
"""

from scipy.special import xlogy
from scipy.stats import chi2

from services.allocation.domain.demand_distribution import DemandDistribution


def pinball(level: float, quantile: float, outcome: float) -> float:
    """Returns the loss of a quantile: level for each hour it was too low, 1 − level for each it was too high."""
    return max(level * (outcome - quantile), (level - 1) * (outcome - quantile))


def coverage_of(level: float, demand: DemandDistribution, outcome: float) -> float:
    """Returns the part of an outcome, 0 to 1, within the lowest `level` of its forecast: `level` on average, for true forecasts."""
    place = round(outcome / demand.step)
    upper = demand.chance_up_to(place * demand.step)
    lower = demand.chance_up_to((place - 1) * demand.step)
    if level >= upper:
        return 1.0
    return 0.0 if level <= lower else (level - lower) / (upper - lower)


def kupiec(breaches: int, periods: int, chance: float) -> tuple[float, float]:
    """Returns the likelihood ratio of a promise to be broken with this chance, and its p-value, by χ² with one degree (Kupiec, 1995)."""
    kept = periods - breaches
    seen = breaches / periods
    expected = xlogy(kept, 1 - chance) + xlogy(breaches, chance)
    found = xlogy(kept, 1 - seen) + xlogy(breaches, seen)
    ratio = float(max(-2 * (expected - found), 0.0))
    return ratio, float(chi2.sf(ratio, 1))
