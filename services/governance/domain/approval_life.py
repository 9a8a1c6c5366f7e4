"""The life of an approval: which act leads from which state to which, and who may act."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.governance.domain.approval import Approval, ApprovalState, BrokenGlass, Review, ReviewOutcome, Vote
from services.governance.domain.approval_request import ApprovalRequest
from services.governance.domain.approval_rule import ApprovalRule, DecisionKeys
from services.governance.domain.approver import keys_held_by, person_of
from services.governance.domain.errors import (
    ApprovalClosed,
    ApproverRefused,
    AuthorMayNotApprove,
    BreakGlassRefused,
    WithdrawerRefused,
)
from shared.principal import SYSTEM, Principal


class Action(StrEnum):
    APPROVE = "APPROVE"
    REJECT = "REJECT"
    WITHDRAW = "WITHDRAW"
    BREAK_GLASS = "BREAK_GLASS"
    CLOSE_REVIEW = "CLOSE_REVIEW"
    # What time alone does.
    ESCALATE = "ESCALATE"
    EXPIRE = "EXPIRE"
    TELL_OVERDUE = "TELL_OVERDUE"


class ChangeKind(StrEnum):
    VOTED = "VOTED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    ESCALATED = "ESCALATED"
    EMERGENCY = "EMERGENCY"
    REVIEW_OVERDUE = "REVIEW_OVERDUE"
    REVIEW_CLOSED = "REVIEW_CLOSED"


_S, _A, _C = ApprovalState, Action, ChangeKind

# All there is: what is not here is refused. REJECTED, WITHDRAWN, EXPIRED and REVIEWED are the end.
TABLE: Mapping[tuple[ApprovalState, Action], Mapping[ApprovalState, ChangeKind]] = {
    (_S.PENDING, _A.APPROVE): {_S.PENDING: _C.VOTED, _S.APPROVED: _C.APPROVED},
    (_S.PENDING, _A.REJECT): {_S.REJECTED: _C.REJECTED},
    (_S.PENDING, _A.WITHDRAW): {_S.WITHDRAWN: _C.WITHDRAWN},
    (_S.PENDING, _A.BREAK_GLASS): {_S.EMERGENCY: _C.EMERGENCY},
    (_S.PENDING, _A.ESCALATE): {_S.PENDING: _C.ESCALATED},
    (_S.PENDING, _A.EXPIRE): {_S.EXPIRED: _C.EXPIRED},
    (_S.APPROVED, _A.REJECT): {_S.REJECTED: _C.REJECTED},
    (_S.APPROVED, _A.WITHDRAW): {_S.WITHDRAWN: _C.WITHDRAWN},
    (_S.APPROVED, _A.EXPIRE): {_S.EXPIRED: _C.EXPIRED},
    (_S.EMERGENCY, _A.CLOSE_REVIEW): {_S.REVIEWED: _C.REVIEW_CLOSED, _S.REJECTED: _C.REVIEW_CLOSED},
    (_S.EMERGENCY, _A.TELL_OVERDUE): {_S.EMERGENCY: _C.REVIEW_OVERDUE},
}
# Which acts ask for a reason, and the field it stands in.
REASONED: Mapping[Action, str] = {_A.REJECT: "reason", _A.BREAK_GLASS: "reason", _A.CLOSE_REVIEW: "note"}
_CLOSED = {_S.REJECTED, _S.WITHDRAWN, _S.EXPIRED}


@dataclass(frozen=True, slots=True)
class Act:
    """What a caller does, and writes with it."""

    action: Action
    by: Principal
    note: str = ""
    outcome: ReviewOutcome | None = None  # of a review

    @property
    def person(self) -> str:
        """The key of who does it."""
        return person_of(self.by.name)


@dataclass(frozen=True, slots=True)
class Change:
    """An approval after something happened to it."""

    approval: Approval
    kind: ChangeKind
    actor: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an approval stands under."""

    rule: ApprovalRule
    rules_revision: int
    keys: DecisionKeys


def opened(identifier: UUID, request: ApprovalRequest, terms: Terms, now: datetime) -> Approval:
    """Returns a new approval, which waits."""
    rule = terms.rule
    return Approval(
        id=identifier,
        version=1,
        request=request,
        rule=rule,
        rules_revision=terms.rules_revision,
        keys=terms.keys,
        state=ApprovalState.PENDING,
        created_at=now,
        updated_at=now,
        expires_at=rule.after(now, rule.expires_after),
        escalates_at=rule.after(now, rule.escalation.after) if rule.escalation else None,
    )


def acted(approval: Approval, act: Act, now: datetime) -> tuple[Change, ...]:
    """Returns what happened to it up to now, in order, the act last; nothing more when a caller approves twice.

    Raises ApprovalClosed where the table has no such act, and who may not act is refused by name, with the rule.
    """
    changes = passed(approval, now)
    current = changes[-1].approval if changes else approval
    if (current.state, act.action) not in TABLE:
        if act.action is Action.APPROVE and current.state is ApprovalState.APPROVED and act.person in current.approvers:
            return changes
        raise ApprovalClosed(current.name, current.state, act.action)
    _check(current, act, now)
    if act.action is Action.APPROVE and act.person in current.approvers:
        return changes
    return (*changes, _done(current, act, now))


def passed(approval: Approval, now: datetime) -> tuple[Change, ...]:
    """Returns what time alone has done to it since it changed last, in order."""
    return tuple(_passing(approval, now))


def standing(approval: Approval, now: datetime) -> Approval:
    """Returns it as it stands now, at the version that is stored."""
    changes = passed(approval, now)
    return replace(changes[-1].approval, version=approval.version) if changes else approval


def _passing(approval: Approval, now: datetime) -> Iterator[Change]:
    due = approval.due_at
    if due is None or now < due:
        return
    match approval.state:
        case ApprovalState.EMERGENCY:
            assert approval.glass is not None
            told = replace(approval.glass, told_overdue=True)
            yield _moved(approval, Action.TELL_OVERDUE, ApprovalState.EMERGENCY, SYSTEM, now, glass=told)
        case _ if approval.expires_at is not None and approval.expires_at <= now:
            over = approval.expires_at
            yield _moved(approval, Action.EXPIRE, ApprovalState.EXPIRED, SYSTEM, now, decided_at=over)
        case _:
            yield _moved(approval, Action.ESCALATE, approval.state, SYSTEM, now, escalated_at=now)


def _done(approval: Approval, act: Act, now: datetime) -> Change:
    by, rule = act.by.name, approval.rule
    match act.action:
        case Action.APPROVE:
            votes = (*approval.votes, Vote(by, True, act.note, now))
            if approval.lacking > 1:
                return _moved(approval, act.action, ApprovalState.PENDING, by, now, votes=votes, note=act.note)
            more: dict[str, Any] = {"votes": votes, "note": act.note, "expires_at": now + rule.holds_for, "decided_at": now}
            return _moved(approval, act.action, ApprovalState.APPROVED, by, now, **more)
        case Action.REJECT:
            votes = (*approval.votes, Vote(by, False, act.note, now))
            return _moved(approval, act.action, ApprovalState.REJECTED, by, now, votes=votes, note=act.note, decided_at=now)
        case Action.WITHDRAW:
            return _moved(approval, act.action, ApprovalState.WITHDRAWN, by, now, note=act.note, decided_at=now)
        case Action.BREAK_GLASS:
            assert rule.break_glass is not None
            glass = BrokenGlass(by, act.note, now, rule.after(now, rule.break_glass.review_within))
            more = {"glass": glass, "note": act.note, "expires_at": now + rule.holds_for, "decided_at": now}
            return _moved(approval, act.action, ApprovalState.EMERGENCY, by, now, **more)
    assert act.outcome is not None
    assert approval.glass is not None
    glass = replace(approval.glass, review=Review(by, act.outcome, act.note, now))
    to = ApprovalState.REVIEWED if act.outcome is ReviewOutcome.UPHELD else ApprovalState.REJECTED
    return _moved(approval, Action.CLOSE_REVIEW, to, by, now, glass=glass, note=act.note)


def _moved(approval: Approval, action: Action, to: ApprovalState, actor: str, now: datetime, *, note: str = "", **more: Any) -> Change:
    """The one way from state to state: by the table."""
    kind = TABLE[approval.state, action][to]
    after = {"expires_at": None} if to in _CLOSED else {}
    return Change(replace(approval, state=to, version=approval.version + 1, updated_at=now, **(more | after)), kind, actor, note)


def _check(approval: Approval, act: Act, now: datetime) -> None:
    """Raises what refuses this caller."""
    by, keys, rule = act.by.name, keys_held_by(act.by), approval.rule
    match act.action:
        case Action.WITHDRAW:
            if act.person not in approval.request.parties:
                raise WithdrawerRefused(by, approval.name, approval.request.author)
        case Action.BREAK_GLASS:
            if rule.break_glass is None or not keys & approval.keys.break_glass:
                raise BreakGlassRefused(by, rule.name, str(rule.break_glass.allowed) if rule.break_glass else "")
        case _:
            _check_approver(approval, act, now)


def _check_approver(approval: Approval, act: Act, now: datetime) -> None:
    by, rule, reviews = act.by.name, approval.rule, act.action is Action.CLOSE_REVIEW
    late = approval.is_review_overdue(now) if reviews else approval.is_escalated(now)
    if not keys_held_by(act.by) & (approval.keys.approve | (approval.keys.escalated if late else frozenset())):
        raise ApproverRefused(by, rule.name, _who(rule, late=late), approval.request.team)
    interested = approval.request.parties | ({person_of(approval.glass.principal)} if approval.glass else frozenset())
    if act.person in interested and (reviews or not rule.author_may_approve):
        raise AuthorMayNotApprove(by, approval.name, rule.name)


def _who(rule: ApprovalRule, *, late: bool) -> str:
    return f"{rule.approvers} or {rule.escalation.approvers}" if late and rule.escalation else str(rule.approvers)
