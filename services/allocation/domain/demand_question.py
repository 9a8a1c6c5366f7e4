"""What callers ask about the demand of teams, and why some of it cannot be answered."""

import math
from dataclasses import dataclass
from datetime import datetime

from services.allocation.domain.demand_forecast import MOST_SPRINTS, Wanted
from services.allocation.domain.demand_history import LARGEST_EFFORT, DemandHistory, Effort, history_violations
from services.allocation.domain.demand_reserve import backlog_violations, promise_violations
from services.allocation.domain.team import Team
from shared.errors import InvalidInput, Violation

MOST_FORECASTS = 2_000  # sprints over all teams of one call
MOST_CURVES = 20  # teams
REMEMBERED_SPRINTS = 104  # of a team's recorded history
REMEMBERED_EFFORTS = 1_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of one team; without a history it is the recorded one."""

    team: str
    history: DemandHistory | None = None
    first_number: int = 1  # of the history's oldest period
    backlog_hours: float = 0.0
    capacity_hours: float | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one team was refused: a stable reason, the field of the question at fault, and the rule with its remedy."""

    reason: str
    field: str
    description: str


@dataclass(frozen=True, slots=True)
class RecordedDemand:
    """A stored team with what is recorded of its incidents."""

    team: Team
    counts: dict[int, int]  # incidents by the number of the sprint they began in
    first_opened_at: datetime | None
    efforts: tuple[Effort, ...]  # the newest last

    def first_sprint(self) -> int:
        """Returns the first sprint that was observed from its beginning on: since the team was stored, or its first incident opened."""
        since = min(self.team.created_at, self.first_opened_at or self.team.created_at)
        number = self.team.cadence.number_at(since)
        begun = self.team.cadence.sprint(number).begin_at < since
        return max(number + begun, 1)

    def history(self, now: datetime) -> tuple[DemandHistory, int]:
        """Returns the history of finished sprints, at most the newest that are remembered, and the number of the first."""
        ended = self.team.cadence.number_at(now)
        first = max(self.first_sprint(), ended - REMEMBERED_SPRINTS)
        counts = tuple(self.counts.get(number, 0) for number in range(first, ended))
        return DemandHistory(counts, self.efforts[-REMEMBERED_EFFORTS:], self.team.sprint_length.total_seconds() / 86_400), first


def refusal_of(asked: Asked) -> Refusal | None:
    """Returns why a question cannot be answered whatever is recorded."""
    found = backlog_violations("backlog_hours", asked.backlog_hours)
    if asked.capacity_hours is not None:
        found += backlog_violations("capacity_hours", asked.capacity_hours)
    if found:
        return Refusal("FIELD_INVALID", found[0].field, found[0].description)
    found = history_violations("history", asked.history) if asked.history else []
    return Refusal("HISTORY_INVALID", found[0].field, found[0].description) if found else None


def check_wanted(wanted: Wanted, team_count: int, *, with_curves: bool = False) -> None:
    """Raises InvalidInput naming everything that is wrong with what is wanted of all teams."""
    found = [
        Violation(f"quantiles[{place}]", f"is {level:g}; give a chance between 0 and 1, such as 0.75")
        for place, level in enumerate(wanted.levels)
        if not 0 < level < 1
    ]
    found += promise_violations("", wanted.promise)
    if not 1 <= wanted.sprints <= MOST_SPRINTS:
        found.append(Violation("sprint_count", f"is {wanted.sprints}; the horizon is 1 to {MOST_SPRINTS} sprints"))
    elif wanted.sprints * team_count > MOST_FORECASTS:
        rule = f"{wanted.sprints} sprints of {team_count} teams are more than {MOST_FORECASTS:,} forecasts; ask for fewer at once"
        found.append(Violation("sprint_count", rule))
    for field, hours in (("typical_effort_hours", wanted.typical_effort), ("maximum_effort_hours", wanted.maximum_effort)):
        if hours is not None and not (math.isfinite(hours) and 0 < hours <= LARGEST_EFFORT):
            found.append(Violation(field, f"is {hours:g}; give person-hours above 0 and up to {LARGEST_EFFORT:,.0f}"))
    if with_curves and team_count > MOST_CURVES:
        found.append(Violation("with_curves", f"is set for {team_count} teams; ask for the curves of {MOST_CURVES} at most"))
    refuse(found)


def refuse(found: list[Violation]) -> None:
    """Raises InvalidInput when there is something to name."""
    if found:
        raise InvalidInput("; ".join(f"{each.field}: {each.description}" for each in found), found)
