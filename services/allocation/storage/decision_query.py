"""Which decisions to list, as a question to PostgreSQL."""

from dataclasses import dataclass

from sqlalchemy import Select, select

from services.allocation.domain.decision import DecisionOutcome
from services.allocation.domain.standing import DecisionState
from services.allocation.storage.tables import decision


@dataclass(frozen=True, slots=True)
class DecisionQuery:
    """Which decisions to list; empty conditions hold for all."""

    team: str = ""
    sprint_number: int = 0
    assessment: str = ""
    outcomes: tuple[DecisionOutcome, ...] = ()
    states: tuple[DecisionState, ...] = ()


def chosen(query: DecisionQuery) -> "Select[tuple[object, ...]]":
    statement = select(decision)
    if query.team:
        statement = statement.where(decision.c.team == query.team)
    if query.sprint_number:
        statement = statement.where(decision.c.sprint_number == query.sprint_number)
    if query.assessment:
        statement = statement.where(decision.c.assessment == query.assessment)
    if query.outcomes:
        statement = statement.where(decision.c.outcome.in_([outcome.value for outcome in query.outcomes]))
    if query.states:
        statement = statement.where(decision.c.state.in_([state.value for state in query.states]))
    return statement
