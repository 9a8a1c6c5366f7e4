"""Demand as decision-maths.md, 2, prints it, and builders of histories."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import lognorm

from services.allocation.domain.demand_distribution import DemandDistribution, aggregated
from services.allocation.domain.demand_history import DemandHistory, Effort

STEP = 0.25


def efforts(sigma: float, size: int, step: float = STEP) -> NDArray[np.float64]:
    """Returns efforts rounded to steps, as printed: f₀ = F(½h), fⱼ = F((j+½)h) − F((j−½)h)."""
    edges = (np.arange(size) + 0.5) * step
    edges[-1] = np.inf
    return np.asarray(np.diff(lognorm.cdf(edges, sigma, scale=8), prepend=0))


def demand(sigma: float = 1.0, mean: float = 3.0, ratio: float = 1.0, size: int = 16_384) -> DemandDistribution:
    return DemandDistribution(STEP, aggregated(efforts(sigma, size)[None], np.array([mean]), np.array([ratio]), 2 * size)[0])


def history(*counts: int, efforts: tuple[float, ...] = (), still_open: tuple[float, ...] = (), days: float = 14.0) -> DemandHistory:
    """Builds a history of periods, oldest first."""
    known = tuple(Effort(hours) for hours in efforts) + tuple(Effort(hours, ended=False) for hours in still_open)
    return DemandHistory(counts, known, days)


def drawn(seed: int, mean: float = 3.0, size: float = 1.0, periods: int = 40, spread: float = 1.0) -> DemandHistory:
    """Draws a history: negative binomial counts of that mean and size, lognormal efforts with a median of 8 h."""
    chance = np.random.default_rng(seed)
    counts = chance.negative_binomial(size, size / (size + mean), periods)
    hours = chance.lognormal(np.log(8), spread, int(counts.sum()))
    return history(*counts.tolist(), efforts=tuple(hours.tolist()))
