"""Approval rules to JSON and back."""

from datetime import date, timedelta
from typing import Any

from services.governance.domain.approval_rule import ApprovalRule, ApproverGroup, BreakGlass, Escalation, RulesDocument, RulesRevision
from services.governance.domain.approver import Approvers
from services.governance.domain.errors import ApprovalRulesRevisionNotFound
from services.governance.domain.events import ApprovalRulesChanged
from services.governance.storage.approval_tables import approval_rules
from shared.business_hours import BusinessHours
from shared.business_hours_text import hours_from_text, text_from_hours
from shared.events.outbox import Outbox
from shared.revisions import Form, RevisionStore
from shared.storage.database import Database


def rule_store(database: Database, outbox: Outbox, default: RulesDocument) -> RevisionStore[RulesDocument]:
    """Returns the versions of the approval rules; the first is `default`, stored when they are first looked at."""
    form = Form("approvalRules", "rules", default, document_to_json, document_from_json, _changed, ApprovalRulesRevisionNotFound)
    return RevisionStore(database, outbox, approval_rules, form)


def _changed(made: RulesRevision) -> ApprovalRulesChanged:
    return ApprovalRulesChanged(made)


def document_to_json(document: RulesDocument) -> dict[str, Any]:
    return {
        "rules": [rule_to_json(each) for each in document.rules],
        "groups": [[each.name, list(each.members)] for each in document.groups],
    }


def document_from_json(stored: dict[str, Any]) -> RulesDocument:
    groups = tuple(ApproverGroup(name, tuple(members)) for name, members in stored["groups"])
    return RulesDocument(tuple(rule_from_json(each) for each in stored["rules"]), groups)


def rule_to_json(rule: ApprovalRule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "when": rule.when,
        "reason": rule.reason,
        "approvers": _approvers_to_json(rule.approvers),
        "quorum": rule.quorum,
        "author_may_approve": rule.author_may_approve,
        "expires_after": rule.expires_after.total_seconds(),
        "holds_for": rule.holds_for.total_seconds(),
        "escalation": _timed_to_json(rule.escalation.approvers, rule.escalation.after) if rule.escalation else None,
        "break_glass": _timed_to_json(rule.break_glass.allowed, rule.break_glass.review_within) if rule.break_glass else None,
        "hours": text_from_hours(rule.hours) if rule.hours else None,
        "holidays": [each.isoformat() for each in rule.hours.holidays] if rule.hours else [],
    }


def rule_from_json(stored: dict[str, Any]) -> ApprovalRule:
    escalation, break_glass = stored["escalation"], stored["break_glass"]
    return ApprovalRule(
        name=stored["name"],
        when=stored["when"],
        reason=stored["reason"],
        approvers=_approvers_from_json(stored["approvers"]),
        quorum=stored["quorum"],
        author_may_approve=stored["author_may_approve"],
        expires_after=timedelta(seconds=stored["expires_after"]),
        holds_for=timedelta(seconds=stored["holds_for"]),
        escalation=Escalation(timedelta(seconds=escalation["span"]), _approvers_from_json(escalation["who"])) if escalation else None,
        break_glass=BreakGlass(_approvers_from_json(break_glass["who"]), timedelta(seconds=break_glass["span"])) if break_glass else None,
        hours=_hours_from_json(stored),
    )


def _hours_from_json(stored: dict[str, Any]) -> BusinessHours | None:
    holidays = tuple(date.fromisoformat(each) for each in stored["holidays"])
    return hours_from_text(stored["hours"], holidays) if stored["hours"] else None


def _timed_to_json(who: Approvers, span: timedelta) -> dict[str, Any]:
    return {"who": _approvers_to_json(who), "span": span.total_seconds()}


def _approvers_to_json(approvers: Approvers) -> dict[str, Any]:
    return {
        "roles": list(approvers.roles),
        "team": approvers.team,
        "principals": list(approvers.principals),
        "groups": list(approvers.groups),
    }


def _approvers_from_json(stored: dict[str, Any]) -> Approvers:
    return Approvers(tuple(stored["roles"]), stored["team"], tuple(stored["principals"]), tuple(stored["groups"]))
