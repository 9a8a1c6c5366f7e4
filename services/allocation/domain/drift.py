"""Drift: the ways in which a team's work and its plan come apart, each with the test it is found by."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise

from scipy.special import betainc

from services.allocation.domain.adherence import SprintWork
from services.allocation.domain.quantity import counted, figure, percent, share_from_float
from shared.statistics.change_detection import lowest
from shared.statistics.normal_chart import ewma_limit, ewma_run_length

WEIGHT = 0.2  # of the newest sprint; a shift of one standard deviation is then found in about nine
# Standard deviation of the difference between recorded and planned share that is assumed at first, and the sprints it weighs as much as:
# that of demand with a mean of 3 incidents of 8 hours in the median (σ 1) and a capacity of 240 hours (decision-maths §2).
PRIOR_SPREAD, PRIOR_SPRINTS = 0.15, 8
BACKLOG_SPRINTS, BACKLOG_RISES, BACKLOG_CHANCE = 6, 3, 0.01
SILENT_SPRINTS = 2


class DriftKind(IntEnum):
    """What drifts; the numbers are the contract's."""

    POLICY_UNFOLLOWED = 1
    OVER_ALLOCATION = 2
    BACKLOG_GROWTH = 3
    UNDER_RECORDING = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """A drift as the figures of a sprint show it: what was measured, the limit crossed, and how rarely chance alone crosses it."""

    kind: DriftKind
    value: float
    limit: float
    false_alarm_sprints: float  # 0 where no chance is involved
    reason: str


@dataclass(frozen=True, slots=True)
class Drift:
    """A drift that was told of: since the end of which sprint, and until when."""

    team: str
    sprint_number: int
    finding: Finding
    detected_at: datetime
    ended_at: datetime | None = None
    version: int = 1

    @property
    def name(self) -> str:
        return f"{self.team}/drifts/{self.finding.kind.name.lower().replace('_', '-')}"

    def ended(self, now: datetime) -> "Drift":
        return replace(self, ended_at=now, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class ChartDesign:
    """Sprints between false alarms, on average, that the charts are to have."""

    false_alarm_sprints: float = 370.0

    @property
    def width(self) -> float:
        return _width(self.false_alarm_sprints)


@lru_cache(maxsize=16)
def _width(false_alarm_sprints: float) -> float:
    return lowest(lambda width: ewma_run_length(WEIGHT, width) >= false_alarm_sprints)


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """Where a chart stands after a sprint; nothing of a sprint that cannot tell."""

    value: float
    limit: float
    spread: float
    count: int

    @property
    def is_beyond(self) -> bool:
        return abs(self.value) > self.limit


def chart(differences: Sequence[float], design: ChartDesign) -> list[ChartPoint]:
    """Returns the exponentially weighted mean of the differences after each, with its limit to either side of zero.

    The spread is that of successive differences (von Neumann, 1941), which a lasting shift does not widen, drawn towards the prior; it
    rests only on what was known then, so that a point stays where it was as sprints are added.
    """
    points, value, squares = [], 0.0, PRIOR_SPRINTS * PRIOR_SPREAD**2
    for place, difference in enumerate(differences):
        if place:
            squares += (difference - differences[place - 1]) ** 2 / 2
        spread = math.sqrt(squares / (PRIOR_SPRINTS + place))
        value = WEIGHT * difference + (1 - WEIGHT) * value
        points.append(ChartPoint(value, spread * ewma_limit(WEIGHT, design.width), spread, place + 1))
    return points


def findings(works: Sequence[SprintWork], point: ChartPoint | None, design: ChartDesign) -> tuple[Finding, ...]:
    """Returns the drifts that finished sprints show at the end of the last; `point` is where the chart of shares stands by then."""
    found = (_unfollowed(point, design), _over_allocated(works, design), _backlog(works), _silent(works))
    return tuple(each for each in found if each)


def _unfollowed(point: ChartPoint | None, design: ChartDesign) -> Finding | None:
    if point is None or not point.is_beyond:
        return None
    more = "more" if point.value > 0 else "less"
    reason = (
        f"Recorded work has {more} remediation than planned, by {percent(share_from_float(abs(point.value)))} of it in the weighted mean "
        f"of {counted(point.count, 'sprint')}; chance alone stays within {percent(share_from_float(point.limit))}. Change the policy's "
        "baseline to what is done, or do what is planned."
    )
    return Finding(DriftKind.POLICY_UNFOLLOWED, point.value, point.limit, design.false_alarm_sprints, reason)


def _over_allocated(works: Sequence[SprintWork], design: ChartDesign) -> Finding | None:
    used = [float((work.remediation_hours - work.planned_remediation_hours) / work.capacity_hours) for work in works if work.tells]
    if not used or not works[-1].items_late:
        return None
    point = chart(used, design)[-1]
    if point.value >= -point.limit:
        return None
    reason = (
        f"{percent(share_from_float(-point.value))} of capacity is reserved for remediation and not used, in the weighted mean of "
        f"{counted(point.count, 'sprint')}, while {counted(works[-1].items_late, 'roadmap item')} due is not done. Lower the "
        "baseline or the floor of the policy."
    )
    # One side of a chart that is designed for two.
    return Finding(DriftKind.OVER_ALLOCATION, point.value, -point.limit, 2 * design.false_alarm_sprints, reason)


def _backlog(works: Sequence[SprintWork]) -> Finding | None:
    """Whether more begins than ends, by the exact conditional test of two rates, and the backlog rose with each of the last sprints.

    Incidents come clustered, so the counts weigh as much less as their variance exceeds their mean.
    """
    window = works[-BACKLOG_SPRINTS:]
    rises = [after.incidents_open > before.incidents_open for before, after in pairwise(window)]
    if len(window) < BACKLOG_SPRINTS or not all(rises[-BACKLOG_RISES:]):
        return None
    begun, ended = [work.incidents_begun for work in window], sum(work.incidents_ended for work in window)
    mean = sum(begun) / len(begun)
    variance = sum((count - mean) ** 2 for count in begun) / (len(begun) - 1)
    clustering = max(1.0, variance / mean) if mean else 1.0
    chance = _chance_of_more(sum(begun) / clustering, ended / clustering)
    if chance > BACKLOG_CHANCE:
        return None
    reason = (
        f"{sum(begun)} incidents began in {len(window)} sprints and {ended} ended; {works[-1].incidents_open} are open, more after each "
        f"of the last {BACKLOG_RISES} sprints. Were as many to end as begin, the chance of that would be {figure(100 * chance, 3)} %. "
        "Raise the reserve, or find what brings them."
    )
    return Finding(DriftKind.BACKLOG_GROWTH, chance, BACKLOG_CHANCE, 1 / BACKLOG_CHANCE, reason)


def _chance_of_more(begun: float, ended: float) -> float:
    """Returns the chance that of so many events at least `begun` are beginnings, were both as frequent: 1 where none began."""
    return float(betainc(begun, ended + 1, 0.5)) if begun > 0 else 1.0


def _silent(works: Sequence[SprintWork]) -> Finding | None:
    """Only of teams that record at all: those that never did have not stopped."""
    last = works[-SILENT_SPRINTS:]
    if len(last) < SILENT_SPRINTS or not all(work.is_silent for work in last) or not any(work.recorded_hours for work in works):
        return None
    least = last[-1].least_coverage
    parts = ", ".join(percent(share_from_float(work.coverage)) for work in last)
    reason = (
        f"Of the hours of the last {SILENT_SPRINTS} sprints {parts} are recorded; "
        f"below {percent(share_from_float(least))} nothing can be told. Record the rest, late records count in their sprint."
    )
    return Finding(DriftKind.UNDER_RECORDING, last[-1].coverage, least, 0.0, reason)
