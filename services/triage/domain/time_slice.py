"""Time slices: minutes of events gathered into slices, each good or bad as a whole, or counted by its own ratio."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.triage.domain.sli_series import Point
from services.triage.domain.slo import BudgetingMethod, Objective, Slo

EVENTS = ""  # the series of events itself
_NOTHING = 1e-9  # what is left of no events when fractions were added and taken away


@dataclass(frozen=True, slots=True)
class Slicing:
    """How events become slices: their length in whole minutes, and the share of good from which one is good; None counts ratios."""

    minutes: int
    target: float | None

    @property
    def key(self) -> str:
        """Names the series of such slices: another length or target begins a new one."""
        return f"{self.minutes}m" if self.target is None else f"{self.minutes}m@{self.target!r}"


def slicing_of(slo: Slo, objective: Objective) -> Slicing | None:
    """Returns how the objective's budget is sliced; None where it counts events. Parts of a minute count as a whole one."""
    if slo.method is BudgetingMethod.OCCURRENCES:
        return None
    length = objective.slice_length or timedelta(minutes=1)
    minutes = max(1, -(-length // timedelta(minutes=1)))
    if slo.method is BudgetingMethod.RATIO_TIMESLICES:
        return Slicing(minutes, None)
    return Slicing(minutes, objective.target if objective.slice_target is None else objective.slice_target)


def slicings_of(slo: Slo) -> tuple[Slicing, ...]:
    """Returns every slicing the SLO's objectives need, each once."""
    return tuple(dict.fromkeys(each for each in (slicing_of(slo, objective) for objective in slo.objectives) if each))


def slice_points(events: Sequence[Point], before: Point | None, slicing: Slicing, first: int) -> list[Point]:
    """Returns the series of slices from the slice that holds minute `first` on.

    `events` are the last point before that slice and all later ones; `before` is the last point of slices before it. A slice counts at
    its last minute, so that none counts before it is over; one without events is neither good nor bad.
    """
    start = first - first % slicing.minutes
    base = max((each for each in events if each.minute < start), key=lambda each: each.minute, default=Point(start - 1, 0.0, 0.0))
    good, total = (before.good, before.total) if before else (0.0, 0.0)
    ends: dict[int, Point] = {}
    for point in events:
        if point.minute >= start:
            ends[point.minute // slicing.minutes] = point
    made = []
    for number, end in sorted(ends.items()):
        if end.total - base.total > _NOTHING:
            ratio = (end.good - base.good) / (end.total - base.total)
            good += ratio if slicing.target is None else float(ratio >= slicing.target)
            total += 1
        # Without events too: a slice may have lost its own to a late sample, and its point must say so.
        made.append(Point((number + 1) * slicing.minutes - 1, good, total))
        base = end
    return made
