"""Approvals to rows and back."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from services.governance.domain.approval import COLLECTION, Approval, ApprovalState, BrokenGlass, Review, ReviewOutcome, Vote
from services.governance.domain.approval_request import ApprovalRequest, Impact
from services.governance.domain.approval_rule import DecisionKeys
from services.governance.domain.approver import person_of
from services.governance.domain.attestation import Unreadable
from services.governance.domain.errors import ApprovalUnreadable
from services.governance.storage.approval_rule_rows import rule_from_json, rule_to_json
from shared.ids import name_of
from shared.money import Money


def approval_to_row(approval: Approval) -> dict[str, Any]:
    request, glass = approval.request, approval.glass
    asked = request.parties
    excluded = approval.approvers if approval.rule.author_may_approve else approval.approvers | asked
    return {
        "id": approval.id,
        "version": approval.version,
        "kind": request.kind,
        "subject": request.subject,
        "digest": request.digest,
        "team": request.team,
        "author_key": person_of(request.author),
        "request": _request_to_json(request),
        "rule": rule_to_json(approval.rule),
        "rules_revision": approval.rules_revision,
        "approve_keys": sorted(approval.keys.approve),
        "escalated_keys": sorted(approval.keys.escalated),
        "break_glass_keys": sorted(approval.keys.break_glass),
        "excluded": sorted(excluded),
        "review_excluded": sorted(asked | ({person_of(glass.principal)} if glass else frozenset())),
        "state": approval.state.value,
        "votes": [[each.principal, each.approves, each.note, each.at.isoformat()] for each in approval.votes],
        "glass": _glass_to_json(glass) if glass else None,
        "review_is_open": bool(glass and glass.review is None),
        "review_due_at": glass.review_due_at if glass else None,
        "created_at": approval.created_at,
        "updated_at": approval.updated_at,
        "expires_at": approval.expires_at,
        "escalates_at": approval.escalates_at,
        "escalated_at": approval.escalated_at,
        "decided_at": approval.decided_at,
        "due_at": approval.due_at,
    }


def approval_from_row(row: Any) -> Approval:
    """Raises ApprovalUnreadable for a row that governance did not write."""
    try:
        return _approval_from_row(row)
    except Unreadable:
        raise ApprovalUnreadable(name_of(COLLECTION, row.id)) from None


def _approval_from_row(row: Any) -> Approval:
    return Approval(
        id=row.id,
        version=row.version,
        request=_request_from_row(row),
        rule=rule_from_json(row.rule),
        rules_revision=row.rules_revision,
        keys=DecisionKeys(frozenset(row.approve_keys), frozenset(row.escalated_keys), frozenset(row.break_glass_keys)),
        state=ApprovalState(row.state),
        created_at=row.created_at,
        updated_at=row.updated_at,
        expires_at=row.expires_at,
        escalates_at=row.escalates_at,
        escalated_at=row.escalated_at,
        decided_at=row.decided_at,
        votes=tuple(_vote_from_json(each) for each in row.votes),
        glass=_glass_from_json(row.glass, row.review_due_at) if row.glass else None,
    )


def _vote_from_json(stored: Any) -> Vote:
    principal, approves, note, at = stored
    if not (isinstance(stored, list) and isinstance(principal, str) and isinstance(approves, bool) and isinstance(note, str)):
        raise TypeError("a vote is a name, whether it approves, a note and a time")
    return Vote(principal, approves, note, datetime.fromisoformat(at))


def _request_to_json(request: ApprovalRequest) -> dict[str, Any]:
    return {
        "reason": request.reason,
        "author": request.author,
        "requester": request.requester,
        "break_glass_reason": request.break_glass_reason,
        "impact": _impact_to_json(request.impact) if request.impact else None,
    }


def _request_from_row(row: Any) -> ApprovalRequest:
    told = row.request
    return ApprovalRequest(
        kind=row.kind,
        subject=row.subject,
        digest=row.digest,
        team=row.team,
        reason=told["reason"],
        author=told["author"],
        requester=told["requester"],
        impact=_impact_from_json(told["impact"]) if told["impact"] else None,
        break_glass_reason=told["break_glass_reason"],
    )


def _impact_to_json(impact: Impact) -> dict[str, Any]:
    return {
        "summary": impact.summary,
        "facts": list(impact.facts),
        "displaced_items": impact.displaced_items,
        "delay_days": impact.delay_days,
        "value_at_risk": [str(impact.value_at_risk.amount), impact.value_at_risk.currency] if impact.value_at_risk else None,
        "severity": impact.severity,
        "remediation_share_change": impact.remediation_share_change,
        "measures": dict(impact.measures),
    }


def _impact_from_json(stored: dict[str, Any]) -> Impact:
    money = stored["value_at_risk"]
    return Impact(
        summary=stored["summary"],
        facts=tuple(stored["facts"]),
        displaced_items=stored["displaced_items"],
        delay_days=float(stored["delay_days"]),
        value_at_risk=Money(Decimal(money[0]), money[1]) if money else None,
        severity=stored["severity"],
        remediation_share_change=float(stored["remediation_share_change"]),
        measures={name: float(value) for name, value in stored["measures"].items()},
    )


def _glass_to_json(glass: BrokenGlass) -> dict[str, Any]:
    review = glass.review
    closed = [review.reviewer, review.outcome.value, review.note, review.at.isoformat()] if review else None
    return {
        "principal": glass.principal,
        "reason": glass.reason,
        "at": glass.at.isoformat(),
        "told_overdue": glass.told_overdue,
        "review": closed,
    }


def _glass_from_json(stored: dict[str, Any], due_at: datetime) -> BrokenGlass:
    closed = stored["review"]
    return BrokenGlass(
        principal=stored["principal"],
        reason=stored["reason"],
        at=datetime.fromisoformat(stored["at"]),
        review_due_at=due_at,
        review=Review(closed[0], ReviewOutcome(closed[1]), closed[2], datetime.fromisoformat(closed[3])) if closed else None,
        told_overdue=stored["told_overdue"],
    )
