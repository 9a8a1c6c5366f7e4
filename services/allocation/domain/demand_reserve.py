"""How much of a sprint to set aside for remediation, and what that leaves to chance.

The reserve is the quantile of the hours asked for at the level promised, and the part of the backlog that is due: over k sprints its
k-th part, so that with k = 1 it is the smallest R with P(B + D > R) ≤ ε. The level is stated, or follows from costs: Cu of an hour of
remediation not covered and Co of an hour reserved and idle give the level Cu / (Cu + Co), the newsvendor's (Arrow, Harris and
Marschak, 1951); both are the same promise with ε = Co / (Cu + Co).
"""

import math
from dataclasses import dataclass

from services.allocation.domain.demand_distribution import DemandDistribution
from services.allocation.domain.demand_history import LARGEST_EFFORT
from services.allocation.domain.quantity import figure
from shared.errors import Violation

USUAL_LEVEL = 0.75
MOST_CLEARING_SPRINTS = 26


@dataclass(frozen=True, slots=True)
class Costs:
    """What an hour costs: one of remediation not covered, and one reserved and idle. Any one unit."""

    uncovered: float
    idle: float

    @property
    def level(self) -> float:
        return self.uncovered / (self.uncovered + self.idle)


@dataclass(frozen=True, slots=True)
class Promise:
    """The chance with which a reserve must suffice, and in how many sprints a backlog is to be cleared."""

    level: float = USUAL_LEVEL
    clearing_sprints: int = 1
    costs: Costs | None = None  # which the level follows from

    def due(self, backlog_hours: float, sprint: int) -> float:
        """Returns the hours of the backlog due in that sprint, counted from 0."""
        return backlog_hours / self.clearing_sprints if sprint < self.clearing_sprints else 0.0


@dataclass(frozen=True, slots=True)
class Reserve:
    """Hours to set aside, as terms that add up to it, and what they leave to chance."""

    hours: float
    quantile_hours: float
    clearing_hours: float
    short_hours: float  # expected beyond it
    idle_hours: float  # expected to be left of it
    reason: str


def promise_violations(field: str, promise: Promise) -> list[Violation]:
    """Returns every rule that a promise breaks."""
    found = []
    if promise.costs is not None:
        for name, cost in (("uncovered_hour", promise.costs.uncovered), ("idle_hour", promise.costs.idle)):
            if not (math.isfinite(cost) and cost > 0):
                found.append(Violation(f"{field}costs.{name}", f"is {cost:g}; give a cost above 0, or a service_level instead of costs"))
    elif not 0 < promise.level < 1:
        found.append(Violation(f"{field}service_level", f"is {promise.level:g}; give a chance between 0 and 1, such as {USUAL_LEVEL}"))
    if not 1 <= promise.clearing_sprints <= MOST_CLEARING_SPRINTS:
        rule = f"is {promise.clearing_sprints}; give 1 to {MOST_CLEARING_SPRINTS} sprints"
        found.append(Violation(f"{field}clearing_sprints", rule))
    return found


def backlog_violations(field: str, hours: float) -> list[Violation]:
    if math.isfinite(hours) and 0 <= hours <= LARGEST_EFFORT:
        return []
    return [Violation(field, f"is {hours:g}; give person-hours from 0 to {LARGEST_EFFORT:,.0f}")]


def reserve_of(demand: DemandDistribution, promise: Promise, clearing_hours: float = 0.0) -> Reserve:
    """Returns the reserve that keeps the promise for new demand, with so many hours of the backlog on top."""
    quantile = demand.quantile(promise.level)
    return Reserve(
        quantile + clearing_hours,
        quantile,
        clearing_hours,
        demand.short(quantile),
        demand.idle(quantile),
        _reason(promise, quantile, clearing_hours),
    )


def _reason(promise: Promise, quantile: float, clearing_hours: float) -> str:
    level = f"{figure(100 * promise.level, 1)} %"
    why = "as promised"
    if promise.costs is not None:
        why = f"as an hour not covered costs {figure(promise.costs.uncovered)} and an idle one {figure(promise.costs.idle)}"
    told = f"{figure(quantile, 1)} h suffice for new incidents in {level} of sprints like this one, {why}"
    if not clearing_hours:
        return f"{told}."
    over = "this sprint" if promise.clearing_sprints == 1 else f"{promise.clearing_sprints} sprints"
    return f"{told}; {figure(clearing_hours, 1)} h more clear the backlog within {over}."
