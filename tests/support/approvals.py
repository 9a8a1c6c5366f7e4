"""Approvals as domain values, for tests of their rules."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from services.governance.domain.approval import Approval, ReviewOutcome
from services.governance.domain.approval_life import Act, Action, Terms, acted, opened
from services.governance.domain.approval_request import ApprovalRequest
from services.governance.domain.approval_rule import ApprovalRule, RulesDocument, decision_keys
from services.governance.domain.approver import Approvers
from shared.ids import new_id
from shared.principal import Principal
from tests.conftest import START

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TEAM = "teams/core"


def somebody(name: str, *roles: str) -> Principal:
    """A principal by name and roles, each as `approver@teams/core`, or `approver` for all teams."""
    pairs = (each.partition("@") for each in roles)
    return Principal(name, frozenset((role, team or "*") for role, _, team in pairs))


def request(**fields: Any) -> ApprovalRequest:
    given = {"kind": "flag", "subject": "flags/new-search", "digest": "a" * 64, "team": TEAM, "reason": "It is time."}
    return ApprovalRequest(**(given | {"author": "ada", "requester": "ada"} | fields))


def rule(**fields: Any) -> ApprovalRule:
    given: dict[str, Any] = {"name": "one", "when": "true", "reason": "Because.", "approvers": Approvers(roles=("approver",)), "quorum": 1}
    return ApprovalRule(**(given | {"expires_after": 10 * HOUR, "holds_for": 2 * DAY} | fields))


def approval(under: ApprovalRule, asked: ApprovalRequest | None = None, document: RulesDocument | None = None) -> Approval:
    """One that waits since START."""
    asked = asked or request()
    keys = decision_keys(under, asked.team, document or RulesDocument((under,)))
    return opened(new_id(START), asked, Terms(under, 1, keys), START)


def after(found: Approval, *acts: Act) -> Approval:
    """Returns it after these acts, a minute apart."""
    for minute, act in enumerate(acts, 1):
        changes = acted(found, act, START + minute * timedelta(minutes=1))
        found = changes[-1].approval if changes else found
    return found


def approves(*people: Principal) -> Iterable[Act]:
    return (Act(Action.APPROVE, each) for each in people)


def closes(by: Principal, outcome: ReviewOutcome = ReviewOutcome.UPHELD) -> Act:
    return Act(Action.CLOSE_REVIEW, by, "It was right.", outcome)
