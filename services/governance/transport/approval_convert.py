"""Approvals to protobuf and back."""

import re
from datetime import datetime

from ballast.governance.v1 import approval_messages_pb2 as messages
from ballast.governance.v1 import approval_pb2 as pb
from google.type import money_pb2

from services.governance.domain.approval import Approval, ApprovalState, BrokenGlass, ReviewOutcome
from services.governance.domain.approval_request import ApprovalRequest, Impact
from services.governance.domain.approval_verdict import Claim, Verdict
from services.governance.domain.approver import keys_held_by
from services.governance.domain.readable_name import check_name
from services.governance.storage.approval_conditions import ApprovalQuery
from services.governance.transport.approval_rule_convert import rule_to_pb
from shared.errors import invalid_field
from shared.money import Money
from shared.principal import Principal
from shared.rpc.wellknown import money_from_pb, money_to_pb, time_to_pb
from shared.storage.etags import etag_of

_MOST_NANOS = 999_999_999


def request_from_pb(request: messages.RequestApprovalRequest) -> ApprovalRequest:
    """Raises InvalidInput for names that do not show what they are, and money that is none. The author is empty where it is the caller."""
    check_name("subject", request.subject)
    if request.author:
        check_name("author", request.author)
    return ApprovalRequest(
        kind=request.kind,
        subject=request.subject,
        digest=request.digest,
        team=request.team,
        reason=request.reason,
        author=request.author,
        requester="",
        impact=_impact_from_pb(request.impact) if request.HasField("impact") else None,
        break_glass_reason=request.break_glass_reason,
    )


def query_from_pb(request: messages.ListApprovalsRequest, caller: Principal) -> ApprovalQuery:
    return ApprovalQuery(
        states=tuple(ApprovalState(pb.ApprovalState.Name(each).removeprefix("APPROVAL_STATE_")) for each in request.states),
        subject=request.subject,
        team=request.team,
        kind=request.kind,
        review_overdue=request.review_overdue,
        decidable_by=(caller.name, keys_held_by(caller)) if request.mine_to_decide else None,
    )


def claim_from_pb(request: messages.VerifyApprovalRequest) -> Claim:
    team = request.team if request.HasField("team") else None
    return Claim(request.kind, request.subject, request.digest, team, request.approval, request.requester)


def outcome_from_pb(outcome: "pb.ReviewOutcome.ValueType") -> ReviewOutcome:
    return ReviewOutcome(pb.ReviewOutcome.Name(outcome).removeprefix("REVIEW_OUTCOME_"))


def verdict_to_pb(verdict: Verdict, now: datetime) -> messages.VerifyApprovalResponse:
    return messages.VerifyApprovalResponse(
        in_force=verdict.reason is None,
        reason=verdict.reason or "",
        detail=verdict.detail,
        approval=approval_to_pb(verdict.approval, now) if verdict.approval else None,
    )


def approval_to_pb(approval: Approval, now: datetime, *, is_stored: bool = True) -> pb.Approval:
    """Returns it as it stands at `now`; without name and etag where it was only validated."""
    asked = approval.request
    return pb.Approval(
        name=approval.name if is_stored else "",
        kind=asked.kind,
        subject=asked.subject,
        digest=asked.digest,
        team=asked.team,
        reason=asked.reason,
        impact=_impact_to_pb(asked.impact) if asked.impact else None,
        author=asked.author,
        requester=asked.requester,
        emergency=bool(asked.break_glass_reason),
        rule=rule_to_pb(approval.rule),
        rules_revision=approval.rules_revision,
        state=pb.ApprovalState.Value(f"APPROVAL_STATE_{approval.state.value}"),
        votes=[
            pb.ApprovalVote(principal=each.principal, approves=each.approves, note=each.note, vote_time=time_to_pb(each.at))
            for each in approval.votes
        ],
        broken_glass=_glass_to_pb(approval.glass, now) if approval.glass else None,
        expire_time=time_to_pb(approval.expires_at),
        escalate_time=time_to_pb(approval.escalates_at),
        escalated=approval.is_escalated(now) and approval.state is ApprovalState.PENDING,
        in_force=approval.is_in_force(now),
        decide_time=time_to_pb(approval.decided_at),
        create_time=time_to_pb(approval.created_at),
        update_time=time_to_pb(approval.updated_at),
        etag=etag_of(approval.version) if is_stored else "",
    )


def _glass_to_pb(glass: BrokenGlass, now: datetime) -> pb.BrokenGlass:
    review = glass.review
    return pb.BrokenGlass(
        principal=glass.principal,
        reason=glass.reason,
        break_time=time_to_pb(glass.at),
        review_due_time=time_to_pb(glass.review_due_at),
        reviewer=review.reviewer if review else "",
        outcome=pb.ReviewOutcome.Value(f"REVIEW_OUTCOME_{review.outcome.value if review else 'UNSPECIFIED'}"),
        note=review.note if review else "",
        review_time=time_to_pb(review.at) if review else None,
        overdue=glass.is_overdue(now),
    )


def _impact_from_pb(message: pb.ImpactPreview) -> Impact:
    money = _money_from_pb(message.value_at_risk) if message.HasField("value_at_risk") else None
    return Impact(
        summary=message.summary,
        facts=tuple(message.facts),
        displaced_items=message.displaced_items,
        delay_days=message.delay_days,
        value_at_risk=money,
        severity=message.severity,
        remediation_share_change=message.remediation_share_change,
        measures=dict(message.measures),
    )


def _money_from_pb(message: money_pb2.Money) -> Money:
    """As google.type.Money has it; raises InvalidInput by its field."""
    place, units, nanos = "impact.value_at_risk", message.units, message.nanos
    if not re.fullmatch("[A-Z]{3}", message.currency_code):
        raise invalid_field(f"{place}.currency_code", f"is {message.currency_code!r}; give three capital letters of ISO 4217, such as EUR")
    if abs(nanos) > _MOST_NANOS:
        raise invalid_field(f"{place}.nanos", f"is {nanos}; give billionths of a unit, up to 999,999,999, and whole units in units")
    if units * nanos < 0:
        raise invalid_field(f"{place}.nanos", f"is {nanos} where units is {units}; give both the same sign")
    if units < 0 or nanos < 0:
        raise invalid_field(place, f"is {money_from_pb(message).amount} {message.currency_code}; give no less than 0")
    return money_from_pb(message)


def _impact_to_pb(impact: Impact) -> pb.ImpactPreview:
    return pb.ImpactPreview(
        summary=impact.summary,
        facts=impact.facts,
        displaced_items=impact.displaced_items,
        delay_days=impact.delay_days,
        value_at_risk=money_to_pb(impact.value_at_risk),
        severity=impact.severity,
        remediation_share_change=impact.remediation_share_change,
        measures=impact.measures,
    )
