"""How a contender did: loss, coverage, backlog, what stayed with the roadmap, and how often the share moved."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from services.allocation.domain.backtest_cells import Cells, Conduct, Flags
from services.allocation.domain.backtest_cohort import Floats
from services.allocation.domain.backtest_interval import Estimate, estimate
from services.allocation.domain.forecast_score import kupiec

FEWEST_FOR_KUPIEC = 20
_DOUBT = 0.05


class Promise(IntEnum):
    """What Kupiec's test says of a promise; the numbers are the contract's."""

    KEPT = 1
    BROKEN = 2
    EXCEEDED = 3
    CANNOT_TELL = 4


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often what was set aside sufficed, against the level."""

    covered: Estimate
    breaches: int
    ratio: float
    p_value: float
    verdict: Promise


@dataclass(frozen=True, slots=True)
class Score:
    """How a contender did in some cells; hours are person-hours of a period."""

    count: int
    mean_share: float
    loss: Estimate
    coverage: Coverage
    backlog_chance: float
    backlog_mean: Estimate
    backlog_most: float
    roadmap_hours: Estimate
    roadmap_value: Estimate | None
    changes: int
    flips: int
    rebounds: int
    raises: int
    false_alarms: int


def losses(cells: Cells, conduct: Conduct, level: float) -> Floats:
    """Returns the pinball loss of each cell: level for each hour too few, 1 − level for each too many."""
    missed = cells.demand - conduct.share * cells.capacity
    return np.maximum(level * missed, (level - 1) * missed)


def roadmap_hours(cells: Cells, conduct: Conduct) -> Floats:
    return (1 - conduct.share) * cells.capacity


def roadmap_worth(cells: Cells, conduct: Conduct) -> Floats:
    """Returns the value that stays with the roadmap, or the hours where the worth of one is not known everywhere."""
    hours = roadmap_hours(cells, conduct)
    return hours * cells.worth if cells.has_worth else hours


def score(cells: Cells, conduct: Conduct, level: float, chosen: Flags | None = None) -> Score:
    """Scores a contender, in the cells chosen or in all."""
    where = np.ones(len(cells), bool) if chosen is None else chosen
    period = cells.period[where]

    def mean(values: Floats) -> Estimate:
        return estimate(values[where], period)

    backlog = conduct.backlog[where]
    return Score(
        count=int(where.sum()),
        mean_share=float(conduct.share[where].mean()),
        loss=mean(losses(cells, conduct, level)),
        coverage=coverage(mean((cells.demand <= conduct.share * cells.capacity + 1e-9).astype(float)), int(where.sum()), level),
        backlog_chance=float((backlog > 1e-9).mean()),
        backlog_mean=mean(conduct.backlog),
        backlog_most=float(backlog.max()),
        roadmap_hours=mean(roadmap_hours(cells, conduct)),
        roadmap_value=mean(roadmap_worth(cells, conduct)) if cells.has_worth else None,
        changes=int(conduct.change[where].sum()),
        flips=int(conduct.flip[where].sum()),
        rebounds=int(conduct.rebound[where].sum()),
        raises=int(conduct.rise[where].sum()),
        false_alarms=int(conduct.false_alarm[where].sum()),
    )


def coverage(covered: Estimate, count: int, level: float) -> Coverage:
    """Returns what Kupiec's test says of so many team-periods of which that share was covered."""
    covered = covered.of_share
    breaches = round(count * (1 - covered.value))
    ratio, p_value = kupiec(breaches, count, 1 - level)
    if count < FEWEST_FOR_KUPIEC:
        return Coverage(covered, breaches, ratio, p_value, Promise.CANNOT_TELL)
    if p_value >= _DOUBT:
        return Coverage(covered, breaches, ratio, p_value, Promise.KEPT)
    return Coverage(covered, breaches, ratio, p_value, Promise.BROKEN if covered.value < level else Promise.EXCEEDED)
