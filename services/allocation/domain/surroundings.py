"""Surroundings: what beside its incidents is known of a team when a policy with rules or a reserve is looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.allocation.domain.demand_forecast import DemandForecast, DemandPool, Question, Wanted, forecasts
from services.allocation.domain.demand_history import DemandHistory
from services.allocation.domain.incident import IncidentFact
from services.allocation.domain.quantity import counted
from services.allocation.domain.remaining_effort import RemainingEffort, remaining_effort
from services.allocation.domain.signals import Cause, Hours, Tier

FEWEST_SPRINTS = 4  # observed to their end, from which on a reserve is foretold


@dataclass(frozen=True, slots=True)
class BudgetFact:
    """An error budget as triage told it at one time."""

    slo: str
    objective: int
    component: str
    team: str
    told_at: datetime
    remaining: float
    burn: float | None
    frozen: bool
    cause: Cause


@dataclass(frozen=True, slots=True)
class CauseFact:
    """What people hold to be an incident's cause; `ref` is what caused it, empty when unknown."""

    cause: Cause
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is foretold of a sprint's remediation from the sprints before it."""

    hours: Hours | None = None
    note: str = ""  # why there are none
    effort: RemainingEffort | None = None  # what an incident still takes


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known; empty where nobody told, which is not to be taken for zero."""

    budgets: tuple[BudgetFact, ...] = ()  # of the team, in any order: as told over time
    tiers: Mapping[str, Tier] = field(default_factory=dict)  # of components
    causes: Mapping[str, CauseFact] = field(default_factory=dict)  # of incidents
    frozen_elsewhere: frozenset[str] = frozenset()  # components of other teams with a budget that is frozen
    outlook: Outlook = field(default_factory=Outlook)
    spent: Mapping[str, float] = field(default_factory=dict)  # person-hours recorded on incidents, of those still open
    drift: float | None = None  # of recorded from planned shares, by the chart over the sprints last finished

    def budgets_at(self, moment: datetime) -> list[BudgetFact]:
        """Returns each budget as it was last told by then."""
        newest: dict[tuple[str, int], BudgetFact] = {}
        for each in self.budgets:
            key = (each.slo, each.objective)
            if each.told_at <= moment and (key not in newest or newest[key].told_at < each.told_at):
                newest[key] = each
        return [newest[key] for key in sorted(newest)]

    def cause_of(self, incident: str) -> Cause:
        """Returns the cause told, seen from the team: a dependency whose own team is frozen is in that team's hands."""
        told = self.causes.get(incident)
        if told is None:
            return Cause.UNKNOWN
        return Cause.FROZEN_TEAM if told.cause is Cause.DEPENDENCY and told.ref in self.frozen_elsewhere else told.cause

    def backlog_hours(self, known: Sequence[IncidentFact], begin: datetime, now: datetime) -> float | None:
        """Returns the hours expected to be left of the incidents carried over into the sprint: opened before it began, and open now.

        Those opened within it are part of what the forecast expects of it. None where nothing says what an incident takes.
        """
        if self.outlook.effort is None:
            return None
        carried = (fact.incident for fact in known if fact.opened_at < begin and fact.is_open_at(now))
        return sum(self.outlook.effort.expected(self.spent.get(incident, 0.0)) for incident in sorted(carried))


def outlook_of(history: DemandHistory, pool: DemandPool) -> Outlook:
    """Foretells a sprint from the team's own finished sprints, its rate and efforts drawn towards what all teams have in common."""
    effort = remaining_effort(history.efforts, pool.effort) if pool.effort else None
    if len(history.counts) < FEWEST_SPRINTS:
        observed = counted(len(history.counts), "sprint")
        note = f"Too little history: {observed} of this team observed to the end, and it takes {FEWEST_SPRINTS}; so the baseline stands."
        return Outlook(None, note, effort)
    [found] = forecasts([Question(history)], pool, Wanted())
    return Outlook(*_hours(found), effort)


def _hours(found: DemandForecast) -> tuple[Hours | None, str]:
    hours = found.sprints[0].hours
    if hours is None:
        return None, "Nobody recorded yet what an incident takes (RecordWork), so the hours cannot be foretold and the baseline stands."
    return hours, ""
