"""Builders for allocation's tests: each takes what matters and fills in the rest."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.allocation.domain.decision import Decision, DecisionTrigger, Split
from services.allocation.domain.incident import IncidentFact
from services.allocation.domain.member import Member
from services.allocation.domain.policy import AllocationPolicy, default_policy
from services.allocation.domain.roadmap import RoadmapItem, RoadmapStage
from services.allocation.domain.rule import Occasion, decide
from services.allocation.domain.situation import DecisionMark, Situation
from services.allocation.domain.team import Team
from shared.money import Money

FIRST = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday: sprint 1 of every team built here begins
FORTNIGHT = timedelta(days=14)
TEAM = "teams/web"


def moment(sprint: int, days: float = 1.0) -> datetime:
    """Returns a time in that sprint, `days` after it began."""
    return FIRST + (sprint - 1) * FORTNIGHT + timedelta(days=days)


def team(**changes: Any) -> Team:
    """Builds a team of 4 people, 240 hours a sprint of two weeks."""
    members = tuple(Member(f"m{number}", 40, 0.75) for number in range(4))
    built = Team(TEAM, "Web", members, FORTNIGHT, FIRST, "allocationPolicies/default", 1, FIRST, FIRST)
    return replace(built, **changes)


def policy(**changes: Any) -> AllocationPolicy:
    return replace(default_policy(FIRST), **changes)


def incident(opened_at: datetime, hours: float | None = 2.0, severity: int = 3, **changes: Any) -> IncidentFact:
    """Builds an incident that took `hours`, or is open when None. Its name follows from when it opened."""
    resolved_at = None if hours is None else opened_at + timedelta(hours=hours)
    name = f"incidents/{opened_at.isoformat()}"
    built = IncidentFact(name, f"assessments/{opened_at.isoformat()}", 1, severity, opened_at, resolved_at, (TEAM,), "a" * 32, "b" * 16)
    return replace(built, **changes)


def incidents(sprint: int, count: int, hours: float | None = 2.0, severity: int = 3) -> list[IncidentFact]:
    """Builds incidents of one sprint, each an hour after the one before."""
    return [incident(moment(sprint, 1 + number / 24), hours, severity) for number in range(count)]


def item(name: str, effort: float = 40, cost: float = 1000, *after: str, **changes: Any) -> RoadmapItem:
    """Builds a roadmap item that depends on `after`; names are given without their collection."""
    built = RoadmapItem(
        name=f"roadmapItems/{name}",
        title=name.title(),
        team=TEAM,
        effort_hours=Decimal(str(effort)),
        recorded_hours=Decimal(0),
        cost_of_delay_per_week=Money(Decimal(str(cost)), "USD"),
        dependencies=tuple(f"roadmapItems/{other}" for other in after),
        due_at=None,
        protected=False,
        stage=RoadmapStage.PLANNED,
        version=1,
        created_at=FIRST,
        updated_at=FIRST,
    )
    return replace(built, **changes)


def split(share: int, sprint: int = 1, **changes: Any) -> Split:
    built = Split(TEAM, sprint, share, team().capacity_hours, "decisions/before", "allocationPolicies/default", 1, moment(sprint, 0))
    return replace(built, **changes)


def marks(*fired_in: int, of: Iterable[int] = range(1, 27)) -> tuple[DecisionMark, ...]:
    """Builds one decision in each of the sprints `of`, fired in those named."""
    return tuple(DecisionMark(moment(sprint, 0), DecisionTrigger.SPRINT_BEGAN, sprint in fired_in) for sprint in of)


def situation(*facts: IncidentFact, **changes: Any) -> Situation:
    """Builds the situation of a team observed since sprint 1."""
    built = Situation(team(), policy(), tuple(facts), FIRST, (), None, (), Decimal(0))
    return replace(built, **changes)


def boundary(sprint: int) -> Occasion:
    return Occasion(DecisionTrigger.SPRINT_BEGAN, moment(sprint, 0))


def assessed(sprint: int, fact: IncidentFact | None = None) -> Occasion:
    return Occasion(
        DecisionTrigger.ASSESSMENT,
        moment(sprint, 7),
        fact.assessment if fact else "assessments/x",
        fact.incident if fact else "incidents/x",
    )


def decided(of: Situation, occasion: Occasion) -> Decision:
    return decide(of, occasion)
