"""Pages of assessments: which, and in what order; every order has an index and ends in the id, so no page repeats or skips."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, tuple_

from services.triage.domain.severity import Severity
from services.triage.storage.tables import assessment

_UNKNOWN_LOSS = 1  # after every loss that is known, as these are negated


class AssessmentOrder(IntEnum):
    """What comes first."""

    EXPECTED_LOSS = 1
    NEWEST = 2


@dataclass(frozen=True, slots=True)
class AssessmentQuery:
    """Which assessments to list; empty conditions hold for all."""

    severities: tuple[Severity, ...] = ()
    team: str = ""
    incident_states: tuple[int, ...] = ()
    order: AssessmentOrder = AssessmentOrder.EXPECTED_LOSS


def conditions(query: AssessmentQuery) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if query.severities:
        found.append(assessment.c.severity.in_([severity.value for severity in query.severities]))
    if query.team:
        found.append(assessment.c.teams.contains([query.team]))
    if query.incident_states:
        found.append(assessment.c.incident_state.in_(query.incident_states))
    return found


def order(by: AssessmentOrder) -> Sequence[ColumnElement[Any]]:
    if by is AssessmentOrder.NEWEST:
        return assessment.c.opened_at.desc(), assessment.c.id.desc()
    return _queue_key()


def cursor_of(by: AssessmentOrder, row: Any) -> tuple[str, ...]:
    last = row.opened_at.isoformat(), str(row.assessment_id)
    if by is AssessmentOrder.NEWEST:
        return last
    rank = _UNKNOWN_LOSS if row.loss_per_hour is None else -row.loss_per_hour
    return str(rank), str(row.severity), *last


def condition_after(by: AssessmentOrder, cursor: Sequence[str]) -> ColumnElement[bool]:
    """Holds for what comes after the row that the cursor was made of."""
    opened_at, last = datetime.fromisoformat(cursor[-2]), UUID(cursor[-1])
    if by is AssessmentOrder.NEWEST:
        return tuple_(assessment.c.opened_at, assessment.c.id) < (opened_at, last)
    return tuple_(*_queue_key()) > (Decimal(cursor[0]), int(cursor[1]), opened_at, last)


def _queue_key() -> Sequence[ColumnElement[Any]]:
    loss: ColumnElement[Any] = func.coalesce(-assessment.c.loss_per_hour, _UNKNOWN_LOSS)
    return loss, assessment.c.severity, assessment.c.opened_at, assessment.c.id
