"""Whether incidents come more often than they did: a chart of counts with the false-alarm rate it was designed for.

The periods before the watched ones say what is usual. They are few, so their mean is not the true one, and a chart built on it would
alarm far more often than designed for every second team. It is built on the upper end of what the mean may be, which keeps its promise
with a chance of 80 % (as Gandy and Kvaløy, 2013, guarantee the performance of charts from estimates), and for the clustering seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.stats import gamma

from services.allocation.domain.demand_history import DemandHistory
from services.allocation.domain.quantity import counted
from services.allocation.domain.rate_change import RateChange, rate_change
from shared.errors import Violation
from shared.statistics.change_detection import Cusum, Design, designed
from shared.statistics.count_distribution import NegativeBinomial, Poisson

FEWEST_PERIODS = 8  # before the watched ones
FEWEST_INCIDENTS = 5  # in them
LARGEST_MEAN = 100.0  # incidents a period: beyond it a chart of counts is no use
_GUARANTEE = 0.8
_POOL_WEIGHT = 20.0  # periods the pool's clustering counts for in a team's
_USUAL_CLUSTERING = 1.5
_USUAL_WEIGHT = 12.0


@dataclass(frozen=True, slots=True)
class Watch:
    """What to look for, and how seldom to be wrong."""

    watched_periods: int = 12
    rise: float = 2.0  # times the usual rate
    run_length: float = 104.0  # periods between false alarms, on average


@dataclass(frozen=True, slots=True)
class DemandChange:
    """What the chart says. Without a chart it cannot tell, and says why."""

    reference_periods: int
    reference_mean: float
    clustering: float
    design: Design | None
    assumed_mean: float  # that the chart takes for usual: the upper end of what the mean may be
    total: float  # where the chart stands
    alarm_period: int | None  # position of the first alarm among the periods given, from 0
    since_period: int | None  # from which on the chart rose to it
    change: RateChange | None  # the watched periods against those before
    cannot_tell: str = ""


def watch_violations(watch: Watch) -> list[Violation]:
    """Returns every rule that a watch breaks."""
    found = []
    if not 1 <= watch.watched_periods <= 104:
        found.append(Violation("watched_periods", f"is {watch.watched_periods}; give 1 to 104"))
    if not 1.1 <= watch.rise <= 10:
        found.append(Violation("rise", f"is {watch.rise:g}; give how many times the usual rate to look for, 1.1 to 10"))
    if not 4 <= watch.run_length <= 10_000:
        found.append(Violation("false_alarm_periods", f"is {watch.run_length:g}; give the periods between false alarms, 4 to 10,000"))
    return found


def changes(histories: Sequence[DemandHistory], watch: Watch) -> list[DemandChange]:
    """Returns what the chart of each team says; how clustered counts are is learned of all together."""
    references = [np.array(each.counts[: max(len(each.counts) - watch.watched_periods, 0)], float) for each in histories]
    squares, spare = np.array([_squares(each) for each in references]).reshape(-1, 2).T
    common = (squares.sum() + _USUAL_WEIGHT * _USUAL_CLUSTERING) / (spare.sum() + _USUAL_WEIGHT)
    clustering = np.maximum(1.0, (squares + _POOL_WEIGHT * max(1.0, common)) / (spare + _POOL_WEIGHT))
    return [
        _change(each, int(reference.sum()), float(cluster), watch)
        for each, reference, cluster in zip(histories, references, clustering, strict=True)
    ]


def chart_for(mean: float, clustering: float, watch: Watch) -> Design:
    """Returns the chart for this mean and clustering, both to three digits, so that teams alike share one."""
    return _designed(float(f"{mean:.3g}"), float(f"{clustering:.3g}"), watch.rise, watch.run_length)


def _change(history: DemandHistory, seen: int, clustering: float, watch: Watch) -> DemandChange:
    length = len(history.counts) - watch.watched_periods
    mean = seen / length if length > 0 else 0.0
    # Clustered incidents tell as much of their rate as so many times fewer that come singly.
    assumed = float(gamma.ppf(_GUARANTEE, (seen + 0.5) / clustering, scale=clustering / length)) if length > 0 else 0.0
    blank = DemandChange(max(length, 0), mean, clustering, None, assumed, 0.0, None, None, None)
    if length < FEWEST_PERIODS or seen < FEWEST_INCIDENTS:
        had = f"{counted(seen, 'incident')} in {counted(max(length, 0), 'period')} before the {watch.watched_periods} watched"
        return replace(blank, cannot_tell=f"{had}; {FEWEST_INCIDENTS} in {FEWEST_PERIODS} are needed to know what is usual")
    if assumed * watch.rise > LARGEST_MEAN:
        return replace(blank, cannot_tell=f"{assumed:.0f} incidents a period are too many for a chart of counts; take shorter periods")
    watched = history.counts[length:]
    told = rate_change((seen, length), (sum(watched), len(watched)), clustering)
    design = chart_for(assumed, clustering, watch)
    total, alarm, since = _read(design.chart, watched)
    place = None if alarm is None else length + alarm
    return replace(
        blank, design=design, total=total, alarm_period=place, since_period=None if place is None else length + since, change=told
    )


def _read(chart: Cusum, counts: Sequence[int]) -> tuple[float, int | None, int]:
    """Returns where the chart stands, at which count it first tripped, and from which on it rose to that."""
    total, alarm, rising, since = 0.0, None, 0, 0
    for place, count in enumerate(counts):
        if total == 0.0:
            rising = place
        total = chart.after(total, count)
        if alarm is None and chart.is_alarm(total):
            alarm, since = place, rising
    return total, alarm, since


def _squares(counts: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> tuple[float, float]:
    """Returns the squared Pearson residuals about the mean, summed, and how many of them are free."""
    mean = counts.mean() if len(counts) else 0.0
    return (float(((counts - mean) ** 2).sum() / mean), len(counts) - 1.0) if mean else (0.0, 0.0)


@lru_cache(maxsize=4_096)
def _designed(mean: float, clustering: float, rise: float, run_length: float) -> Design:
    if clustering <= 1:
        return designed(Poisson(mean), Poisson(rise * mean), run_length)
    size = mean / (clustering - 1)
    return designed(NegativeBinomial(mean, size), NegativeBinomial(rise * mean, size), run_length)
