"""What lists of approvals are chosen by, as conditions of SQL: where they stand at a time, and who could decide on them then."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, literal, or_

from services.governance.domain.approval import ApprovalState
from services.governance.domain.approver import Keys, person_of
from services.governance.storage.approval_tables import approval

_S = ApprovalState
_C = approval.c
_PASSING = {_S.PENDING.value, _S.APPROVED.value}  # what time may have made EXPIRED


@dataclass(frozen=True, slots=True)
class ApprovalQuery:
    """Which approvals to list; an empty condition holds for all."""

    states: tuple[ApprovalState, ...] = ()
    subject: str = ""
    team: str = ""
    kind: str = ""
    review_overdue: bool = False
    decidable_by: tuple[str, Keys] | None = None  # a principal, and the keys it holds


def chosen(query: ApprovalQuery, now: datetime) -> list[ColumnElement[bool]]:
    """Returns the conditions that all must hold; some say again what follows from others, for the sake of an index."""
    pairs = ((_C.subject, query.subject), (_C.team, query.team), (_C.kind, query.kind))
    found: list[ColumnElement[bool]] = [column == value for column, value in pairs if value]
    if query.states:
        wanted = {each.value for each in query.states}
        found += [_state_at(now).in_(wanted), _C.state.in_(wanted | (_PASSING if _S.EXPIRED in query.states else set()))]
    if query.review_overdue:
        found.append(_overdue(now))
    if query.decidable_by:
        found.append(_decidable(*query.decidable_by, now))
    return found


def _state_at(now: datetime) -> ColumnElement[str]:
    """What time has done counts from its moment on, not from when it is told."""
    over = _C.state.in_(_PASSING) & (_C.expires_at <= now)
    return case((over, literal(_S.EXPIRED.value)), else_=_C.state)


def _overdue(now: datetime) -> ColumnElement[bool]:
    return and_(_C.state == _S.EMERGENCY.value, _C.review_is_open, _C.review_due_at.is_not(None), _C.review_due_at <= now)


def _decidable(principal: str, keys: Keys, now: datetime) -> ColumnElement[bool]:
    held, person = sorted(keys), person_of(principal)
    mine, later = _C.approve_keys.overlap(held), _C.escalated_keys.overlap(held)
    waits = and_(_state_at(now) == _S.PENDING.value, or_(mine, later & (_C.escalates_at <= now)), ~_C.excluded.contains([person]))
    reviews = and_(_C.state == _S.EMERGENCY.value, or_(mine, later & _overdue(now)), ~_C.review_excluded.contains([person]))
    return and_(_C.state.in_([_S.PENDING.value, _S.EMERGENCY.value]), or_(waits, reviews))
