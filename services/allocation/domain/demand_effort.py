"""What one incident takes: log-efforts with a Normal–Inverse-Gamma prior pooled over teams, and the efforts seen.

The predictive of an effort is Student's in its logarithm, cut off at a stated maximum, because uncut it has no mean (decision-maths, 2).
People's efforts are seldom quite lognormal: they are estimated in steps, and small ones differ in kind from large ones. So the efforts
a team has seen stand beside it, with `n/(n + CONCENTRATION)` of the weight: the predictive of a Dirichlet process around the
Student's (Ferguson, 1973), which tends to the lognormal where little was seen and to what was seen where much was.

An incident still open is a right-censored effort. In the Student's it counts as what it may come to, given that it takes at least what it
took so far (expectation and maximisation); beside it, it passes its weight on to the longer ones (Kaplan and Meier, 1958), and where
there are none back to the Student's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, stdtr

from services.allocation.domain.demand_history import Effort

Floats = NDArray[np.float64]

USUAL_SPREAD = 0.85  # standard deviation of log-efforts: between 0.75 and 1.0 (decision-maths, 2)
CONCENTRATION = 10.0  # efforts that the Student's counts for beside those seen
_USUAL_WEIGHT = 10.0  # efforts the usual spread counts for in the pool's
_SHAPE = 4.0  # of the prior of a team's spread: eight efforts' worth
_SOLE_WEIGHT = 0.5  # efforts the pool counts for where there is nobody to learn from how teams differ
_FEWEST, _MOST = 0.5, 50.0  # efforts the pool may count for in a team's centre
_ROUNDS = 8  # of expectation and maximisation
_HEADROOM = 4.0  # the maximum effort is this many times the largest seen, where it is not stated
SMALLEST_MAXIMUM, LARGEST_MAXIMUM = 40.0, 10_000.0  # person-hours
_NODES = np.linspace(-15.0, 15.0, 4_001)


@dataclass(frozen=True, slots=True)
class EffortRows:
    """Efforts of several teams in one column, with the row of the team each belongs to."""

    logs: Floats
    ended: NDArray[np.bool_]
    rows: NDArray[np.intp]
    team_count: int

    @classmethod
    def of(cls, efforts: Sequence[Sequence[Effort]]) -> "EffortRows":
        # Sorted, so that the order in which efforts are given changes no bit of a sum.
        flat = [(row, each.hours, each.ended) for row, some in enumerate(efforts) for each in sorted(some, key=_order)]
        hours = np.array([hours for _, hours, _ in flat], float)
        return cls(
            np.log(hours),
            np.array([ended for *_, ended in flat], bool),
            np.array([row for row, *_ in flat], np.intp),
            len(efforts),
        )

    def sums(self, values: Floats) -> Floats:
        return np.asarray(np.bincount(self.rows, values, self.team_count), float)

    @property
    def lengths(self) -> Floats:
        return self.sums(np.ones_like(self.logs))

    @property
    def ended_counts(self) -> Floats:
        return self.sums(self.ended.astype(float))


@dataclass(frozen=True, slots=True)
class EffortPool:
    """What the teams' efforts have in common: centre and spread of log-efforts, and how much they say of one team's."""

    centre: float  # of log-hours
    spread: float  # variance of log-hours within a team
    weight: float  # efforts the pool counts for in a team's centre
    maximum: float  # person-hours no effort exceeds
    effort_count: int


@dataclass(frozen=True, slots=True)
class EffortModel:
    """The predictive of an effort for each team: Student's parameters in log-hours, and the efforts seen with their weights."""

    centres: Floats
    scales: Floats
    freedoms: Floats
    maximum: float
    seen: tuple[tuple[Floats, Floats], ...]  # hours and weights, which sum to less than 1

    def masses(self, row: int, step: float, size: int) -> Floats:
        """Returns the chances of 0, 1, … steps, the last one's with all above."""
        masses = self._cumulated(row, _log_edges(step, size, self.maximum))
        masses[1:] -= masses[:-1].copy()
        hours, weights = self.seen[row]
        masses *= 1 - weights.sum()
        # A seen effort between two steps is shared out between them so that its mean stays.
        places = np.minimum(hours / step, size - 1)
        below = np.floor(places).astype(np.intp)
        rest = places - below
        np.add.at(masses, below, weights * (1 - rest))
        np.add.at(masses, np.minimum(below + 1, size - 1), weights * rest)
        return masses

    def _cumulated(self, row: int, logs: Floats) -> Floats:
        """Returns the Student's chance of at most such logarithms of hours, cut off at the maximum, which the last of them is."""
        found = np.interp((logs - self.centres[row]) / self.scales[row], _NODES, _student(float(self.freedoms[row])))
        return np.asarray(found / found[-1])


@lru_cache(maxsize=256)
def _student(freedom: float) -> Floats:
    """Returns Student's distribution at the nodes: read off between them it is right to 2e-6."""
    return np.asarray(stdtr(freedom, _NODES))


@lru_cache(maxsize=256)
def _log_edges(step: float, size: int, maximum: float) -> Floats:
    """Returns the logarithms of the hours at which each step ends."""
    edges = np.minimum((np.arange(size) + 0.5) * step, maximum)
    edges[-1] = maximum
    return np.asarray(np.log(edges))


def learned(rows: EffortRows, typical_hours: float | None, maximum: float | None) -> EffortPool | None:
    """Returns what the teams have in common; None where no effort was seen and none is given as typical.

    `typical_hours` is the median to take where none was seen; `maximum` the most that any takes, four times the largest when None.
    """
    if not len(rows.logs):
        if typical_hours is None:
            return None
        largest = maximum or float(np.clip(_HEADROOM**2 * typical_hours, SMALLEST_MAXIMUM, LARGEST_MAXIMUM))
        return EffortPool(float(np.log(typical_hours)), USUAL_SPREAD**2, _SOLE_WEIGHT, largest, 0)
    logs, squares = rows.logs, np.zeros_like(rows.logs)
    largest_seen = float(np.exp(rows.logs.max()))
    top = max(maximum or float(np.clip(_HEADROOM * largest_seen, SMALLEST_MAXIMUM, LARGEST_MAXIMUM)), largest_seen)
    pool = EffortPool(0.0, USUAL_SPREAD**2, _SOLE_WEIGHT, top, len(rows.logs))
    for _ in range(_ROUNDS):
        pool = _pooled(rows, logs, squares, pool)
        if rows.ended.all():
            break
        logs, squares = _completed(rows, np.full(len(logs), pool.centre), np.full(len(logs), pool.spread))
    return pool


def modelled(rows: EffortRows, pool: EffortPool, concentration: float = CONCENTRATION) -> EffortModel:
    """Returns each team's predictive."""
    logs, squares = rows.logs, np.zeros_like(rows.logs)
    for _ in range(_ROUNDS):
        centres, scales, freedoms, spreads = _posterior(rows, logs, squares, pool)
        if rows.ended.all():
            break
        logs, squares = _completed(rows, centres[rows.rows], spreads[rows.rows])
    begins = np.searchsorted(rows.rows, np.arange(rows.team_count + 1))
    seen = tuple(_seen(rows.logs[low:high], rows.ended[low:high], concentration) for low, high in pairwise(begins.tolist()))
    return EffortModel(centres, scales, freedoms, pool.maximum, seen)


def _pooled(rows: EffortRows, logs: Floats, squares: Floats, pool: EffortPool) -> EffortPool:
    counts = rows.lengths
    means = rows.sums(logs) / np.maximum(counts, 1)
    centre = float(logs.mean())
    within = float(((logs - means[rows.rows]) ** 2 + squares).sum())
    spare = max(len(logs) - int((counts > 0).sum()), 0)
    spread = (within + _USUAL_WEIGHT * USUAL_SPREAD**2) / (spare + _USUAL_WEIGHT)
    weight = _SOLE_WEIGHT
    if (counts > 0).sum() > 1:
        observed = float((counts * (means - centre) ** 2).sum() / counts.sum())
        between = max(observed - spread * (counts > 0).sum() / counts.sum(), 0.0)
        weight = float(np.clip(spread / between if between else np.inf, _FEWEST, _MOST))
    return EffortPool(centre, float(spread), weight, pool.maximum, pool.effort_count)


def _posterior(rows: EffortRows, logs: Floats, squares: Floats, pool: EffortPool) -> tuple[Floats, Floats, Floats, Floats]:
    """Returns the Student's centre, scale and degrees of freedom of each team, and its expected spread."""
    counts = rows.lengths
    means = rows.sums(logs) / np.maximum(counts, 1)
    deviations = rows.sums((logs - means[rows.rows]) ** 2 + squares)
    weights = pool.weight + counts
    centres = (pool.weight * pool.centre + counts * means) / weights
    # What is only known to be longer says little of how far efforts spread: the ended ones count.
    shapes = _SHAPE + rows.ended_counts / 2
    rates = _SHAPE * pool.spread + deviations / 2 + pool.weight * counts * (means - pool.centre) ** 2 / (2 * weights)
    rates *= shapes / (_SHAPE + counts / 2)
    spreads = rates / shapes
    return centres, np.sqrt(spreads * (weights + 1) / weights), 2 * shapes, spreads


def _completed(rows: EffortRows, centres: Floats, spreads: Floats) -> tuple[Floats, Floats]:
    """Returns the expected log-efforts of incidents still open, given what they took so far, with their variances."""
    still = ~rows.ended
    logs, squares = rows.logs.copy(), np.zeros_like(rows.logs)
    deviations = np.sqrt(spreads[still])
    standard = (logs[still] - centres[still]) / deviations
    # The inverse Mills ratio, by logarithms: far out the density and the chance of more are both below what a float holds.
    ratio = np.exp(-(standard**2) / 2 - np.log(2 * np.pi) / 2 - log_ndtr(-standard))
    logs[still] = centres[still] + deviations * ratio
    squares[still] = np.maximum(spreads[still] * (1 + standard * ratio - ratio**2), 0.0)
    return logs, squares


def _seen(logs: Floats, ended: NDArray[np.bool_], concentration: float) -> tuple[Floats, Floats]:
    """Returns the hours that ended with their weights; what is open passes its own on to those longer."""
    order = np.lexsort((~ended, logs))  # of equal ones those that ended first: the others lasted at least as long
    logs, ended = logs[order], ended[order]
    at_risk = len(logs) - np.arange(len(logs))
    survival = np.cumprod(np.where(ended, 1 - 1 / at_risk, 1.0))
    steps = np.where(ended, np.concatenate(([1.0], survival[:-1])) - survival, 0.0)
    total = len(logs) / (len(logs) + concentration)
    return np.exp(logs[ended]), total * steps[ended]


def _order(effort: Effort) -> tuple[float, bool]:
    return effort.hours, effort.ended
