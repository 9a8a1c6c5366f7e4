"""The past that policies are tried on: what came in each period of a team, and what was known of it when."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from services.allocation.domain.demand_history import LARGEST_COUNT, LARGEST_EFFORT, MOST_EFFORTS, MOST_PERIODS, numbering_violations
from shared.errors import Violation

FEWEST_JUDGED = 8  # periods beside the warm-up
MOST_CELLS = 120_000  # team-periods of one back-test
MOST_INCIDENTS = 600_000
USUAL_SEVERITY = 3
_LARGEST_CAPACITY = 1_000_000.0  # person-hours of a period
_LARGEST_WORTH = 1e9


@dataclass(frozen=True, slots=True)
class PastIncident:
    """An incident on a team's own clock, which counts periods: 12.25 is a quarter into period 12."""

    opened: float
    resolved: float | None  # None while it is open, or where that is unknown
    severity: int
    work: tuple[tuple[int, float], ...]  # period and the person-hours worked in it
    is_open: bool = False  # still, so that what it took is not all it will take

    @property
    def period(self) -> int:
        return math.floor(self.opened)

    @property
    def hours(self) -> float:
        return math.fsum(hours for _, hours in self.work)


@dataclass(frozen=True, slots=True)
class TeamPast:
    """A team's finished periods without a gap, from number `first` on."""

    team: str
    first: int
    capacities: tuple[float, ...]  # person-hours of each period
    incidents: tuple[PastIncident, ...]
    worths: tuple[float | None, ...] = ()  # of an hour of roadmap work in each period; empty where unknown
    shares: tuple[float | None, ...] = ()  # of remediation, in force in each period; empty where unknown
    period_days: float = 14.0
    phase_days: float = 0.0  # when period 0 begins, on a clock that all teams share
    offset: int = 0  # of these numbers from those that people know

    @property
    def end(self) -> int:
        """The number after the last period's."""
        return self.first + len(self.capacities)


@dataclass(frozen=True, slots=True)
class GivenPeriod:
    """A period as callers give it: lists are as long as `count`, or empty where unknown."""

    number: int
    count: int
    efforts: tuple[float, ...] = ()
    restores: tuple[float, ...] = ()  # hours
    severities: tuple[int, ...] = ()
    capacity: float | None = None
    worth: float | None = None
    share: float | None = None


def given_violations(field: str, periods: Sequence[GivenPeriod], period_days: float, warm_up: int) -> list[Violation]:
    """Returns every rule that a past breaks, by field."""
    found = numbering_violations(f"{field}.periods", [each.number for each in periods])
    if not 1 <= period_days <= 366:
        found.append(Violation(f"{field}.period", f"is {period_days:g} days; give 1 to 366"))
    if len(periods) > MOST_PERIODS:
        found.append(Violation(f"{field}.periods", f"holds {len(periods)}; give the newest {MOST_PERIODS} at most"))
    if len(periods) < warm_up + FEWEST_JUDGED:
        rule = f"holds {len(periods)}, too short: {warm_up} are learned from and {FEWEST_JUDGED} must be left to judge by"
        found.append(Violation(f"{field}.periods", f"{rule}; give {warm_up + FEWEST_JUDGED} or more, or a shorter warm_up_periods"))
    for place, each in enumerate(periods):
        found += _period_violations(f"{field}.periods[{place}]", each)
    return found


def _period_violations(field: str, given: GivenPeriod) -> list[Violation]:
    found = []
    if not 0 <= given.count <= min(LARGEST_COUNT, MOST_EFFORTS):
        found.append(Violation(f"{field}.count", f"is {given.count}; give a count from 0 to {MOST_EFFORTS:,}"))
    elif len(given.efforts) != given.count:
        rule = f"holds {len(given.efforts)} for a count of {given.count}; give what each incident took, in person-hours"
        found.append(Violation(f"{field}.effort_hours", rule))
    for name, values in (("restore_hours", given.restores), ("severities", given.severities)):
        if values and len(values) != given.count:
            found.append(
                Violation(f"{field}.{name}", f"holds {len(values)} for a count of {given.count}; give one for each incident, or none")
            )
    found += _number_violations(f"{field}.effort_hours", given.efforts, LARGEST_EFFORT)
    found += _number_violations(f"{field}.restore_hours", given.restores, LARGEST_EFFORT)
    found += [
        Violation(f"{field}.severities[{place}]", f"is {each}; give 1, the gravest, to 5")
        for place, each in enumerate(given.severities)
        if not 1 <= each <= 5
    ]
    if given.capacity is None or not (math.isfinite(given.capacity) and 0 < given.capacity <= _LARGEST_CAPACITY):
        told = "is missing" if given.capacity is None else f"is {given.capacity:g}"
        found.append(Violation(f"{field}.capacity_hours", f"{told}; give the person-hours the team had, above 0"))
    if given.worth is not None and not (math.isfinite(given.worth) and 0 <= given.worth <= _LARGEST_WORTH):
        found.append(Violation(f"{field}.roadmap_value_per_hour", f"is {given.worth:g}; give 0 or more, or leave it out"))
    if given.share is not None and not 0 <= given.share <= 1:
        found.append(Violation(f"{field}.remediation_share", f"is {given.share:g}; give a share from 0 to 1, or leave it out"))
    return found


def _number_violations(field: str, values: Sequence[float], most: float) -> list[Violation]:
    return [
        Violation(f"{field}[{place}]", f"is {each:g}; give hours above 0 and up to {most:,.0f}")
        for place, each in enumerate(values)
        if not (math.isfinite(each) and 0 < each <= most)
    ]


def past_from_given(team: str, periods: Sequence[GivenPeriod], period_days: float) -> TeamPast:
    """Returns the past that checked periods tell: incidents begin with their period, and their work is done in it."""
    incidents = tuple(
        PastIncident(
            float(each.number),
            each.number + each.restores[place] / (24 * period_days) if each.restores else None,
            each.severities[place] if each.severities else USUAL_SEVERITY,
            ((each.number, each.efforts[place]),),
        )
        for each in periods
        for place in range(each.count)
    )
    return TeamPast(
        team,
        periods[0].number,
        tuple(each.capacity or 0.0 for each in periods),
        incidents,
        tuple(each.worth for each in periods),
        tuple(each.share for each in periods),
        period_days,
    )
