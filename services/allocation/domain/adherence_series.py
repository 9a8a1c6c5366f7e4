"""Adherence sprint after sprint: the chart, the drifts and the verdict as of the end of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from services.allocation.domain.adherence import SprintWork
from services.allocation.domain.drift import ChartDesign, ChartPoint, Finding, chart, findings
from services.allocation.domain.quantity import WHOLE, figure, percent, share_from_float

CHART_SPRINTS = 52  # finished sprints that a chart begins before: older ones weigh nothing by then


class AdherenceState(IntEnum):
    """Whether work followed the plan; the numbers are the contract's."""

    FOLLOWED = 1
    DRIFTING = 2
    CANNOT_TELL = 3


@dataclass(frozen=True, slots=True)
class Assessed:
    """A sprint with the chart after it and what it shows; a sprint under way has the chart and the drifts of the one before."""

    work: SprintWork
    point: ChartPoint | None
    findings: tuple[Finding, ...]
    state: AdherenceState
    notes: tuple[str, ...]


def assess(works: Sequence[SprintWork], design: ChartDesign) -> list[Assessed]:
    """Returns the sprints assessed, in the same order: they follow one another, and only the last may be under way."""
    assessed: list[Assessed] = []
    counted = [work.is_finished and work.tells for work in works]
    # A point rests on what was known then: the chart of all is that of each.
    points = iter(chart([(work.difference or 0) / WHOLE for work, counts in zip(works, counted, strict=True) if counts], design))
    point: ChartPoint | None = None
    for place, work in enumerate(works):
        point = next(points) if counted[place] else point
        finished = works[: place + 1] if work.is_finished else works[:place]
        found = findings(finished, point, design) if finished else ()
        own = point if work.tells or not work.is_finished else None
        assessed.append(Assessed(work, own, found, _state(work, found), _notes(work, found)))
    return assessed


def _state(work: SprintWork, found: Sequence[Finding]) -> AdherenceState:
    if found and work.tells:
        return AdherenceState.DRIFTING
    return AdherenceState.FOLLOWED if work.tells else AdherenceState.CANNOT_TELL


def _notes(work: SprintWork, found: Sequence[Finding]) -> tuple[str, ...]:
    notes = []
    if not work.capacity_hours:
        notes.append("Nobody worked in this sprint: its capacity is zero.")
    elif work.planned_share is None:
        notes.append("No split was in force in this sprint.")
    elif work.is_silent:
        least = percent(share_from_float(work.least_coverage))
        notes.append(
            f"Cannot tell: {figure(work.recorded_hours)} h of {figure(work.capacity_hours)} h are recorded, "
            f"{percent(share_from_float(work.coverage))}; it takes {least}."
        )
    if work.recorded_hours > work.capacity_hours:
        notes.append(f"{figure(work.recorded_hours - work.capacity_hours)} h more are recorded than there was capacity.")
    return (*notes, *(each.reason for each in found))
