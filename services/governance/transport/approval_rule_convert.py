"""Approval rules to protobuf and back."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from ballast.governance.v1 import approval_rule_pb2 as rule_pb
from ballast.governance.v1 import approval_rule_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from services.governance.domain.approval_facts import FACTS, LANGUAGE, MISSING
from services.governance.domain.approval_rule import ApprovalRule, ApproverGroup, BreakGlass, Escalation, RulesDocument, RulesRevision
from services.governance.domain.approval_trial import RuleTrial
from services.governance.domain.approver import Approvers
from services.governance.domain.errors import ApprovalRulesRefused
from shared.business_hours import BusinessHours
from shared.business_hours_text import TextRefused, hours_from_text, text_from_hours
from shared.rpc.wellknown import duration_to_pb, time_to_pb
from shared.storage.etags import etag_of


def document_from_pb(message: rule_pb.ApprovalRules) -> RulesDocument:
    """Raises ApprovalRulesRefused for business hours and holidays that are none; the rest is the domain's to judge."""
    rules = tuple(_rule_from_pb(each, f"rules.rules[{position}]") for position, each in enumerate(message.rules))
    return RulesDocument(rules, tuple(ApproverGroup(each.name, tuple(each.members)) for each in message.groups))


def rules_to_pb(made: RulesRevision) -> rule_pb.ApprovalRules:
    return rule_pb.ApprovalRules(
        revision=made.revision,
        rules=[rule_to_pb(each) for each in made.document.rules],
        groups=[rule_pb.ApproverGroup(name=each.name, members=each.members) for each in made.document.groups],
        author=made.author,
        reason=made.reason,
        etag=etag_of(made.revision),
        create_time=time_to_pb(made.create_time),
    )


def rule_to_pb(rule: ApprovalRule) -> rule_pb.ApprovalRule:
    return rule_pb.ApprovalRule(
        name=rule.name,
        when=rule.when,
        reason=rule.reason,
        approvers=_approvers_to_pb(rule.approvers),
        quorum=rule.quorum,
        author_may_approve=rule.author_may_approve,
        expires_after=duration_to_pb(rule.expires_after),
        holds_for=duration_to_pb(rule.holds_for),
        escalation=_escalation_to_pb(rule.escalation) if rule.escalation else None,
        break_glass=_break_glass_to_pb(rule.break_glass) if rule.break_glass else None,
        business_hours=text_from_hours(rule.hours) if rule.hours else "",
        holidays=[each.isoformat() for each in rule.hours.holidays] if rule.hours else (),
    )


def trial_to_pb(trial: RuleTrial) -> pb.DryRunApprovalRulesResponse:
    changes = [
        pb.ApprovalRuleChange(
            approval=each.approval.name,
            kind=each.approval.request.kind,
            subject=each.approval.request.subject,
            before=each.approval.rule.name,
            quorum_before=each.approval.rule.quorum,
            after=each.after.name if each.after else "",
            quorum_after=each.after.quorum if each.after else 0,
            refusal=each.refusal,
        )
        for each in trial.changes
    ]
    counts = [pb.ApprovalRuleCount(rule=rule, chosen=chosen) for rule, chosen in trial.counts]
    return pb.DryRunApprovalRulesResponse(approvals=trial.approvals, changes=changes, counts=counts)


def facts_to_pb() -> list[rule_pb.ApprovalFact]:
    facts = [rule_pb.ApprovalFact(name=each.name, type=_type_name(each.type), meaning=each.meaning) for each in FACTS]
    missing = rule_pb.ApprovalFact(
        name=MISSING, type=_type_name(LANGUAGE.variables[MISSING]), meaning="names of the facts that are unknown"
    )
    return sorted([*facts, missing], key=lambda each: each.name)


def _type_name(type_: object) -> str:
    return str(type_.name()).lower()  # type: ignore[attr-defined]  # a type of CEL


def _rule_from_pb(message: rule_pb.ApprovalRule, place: str) -> ApprovalRule:
    escalation, glass = message.escalation, message.break_glass
    return ApprovalRule(
        name=message.name,
        when=message.when,
        reason=message.reason,
        approvers=_approvers_from_pb(message.approvers),
        quorum=message.quorum,
        author_may_approve=message.author_may_approve,
        expires_after=_span(message.expires_after),
        holds_for=_span(message.holds_for),
        escalation=Escalation(_span(escalation.after), _approvers_from_pb(escalation.approvers))
        if message.HasField("escalation")
        else None,
        break_glass=BreakGlass(_approvers_from_pb(glass.allowed), _span(glass.review_within)) if message.HasField("break_glass") else None,
        hours=_hours_from_pb(message.business_hours, message.holidays, place),
    )


def _hours_from_pb(text: str, holidays: Sequence[str], place: str) -> BusinessHours | None:
    if not text:
        if holidays:
            raise ApprovalRulesRefused([(f"{place}.holidays", "have no business hours to be left out of; give those, or leave them out")])
        return None
    try:
        return hours_from_text(text, _days(holidays, place))
    except TextRefused as refused:
        raise ApprovalRulesRefused([(f"{place}.business_hours", str(refused))]) from None


def _days(texts: Iterable[str], place: str) -> tuple[date, ...]:
    found = set()
    for position, text in enumerate(texts):
        try:
            found.add(date.fromisoformat(text))
        except ValueError:
            raise ApprovalRulesRefused([(f"{place}.holidays[{position}]", f"is {text!r}, which is no date; write 2026-12-25")]) from None
    return tuple(sorted(found))


def _span(message: Duration) -> timedelta:
    return message.ToTimedelta()


def _escalation_to_pb(escalation: Escalation) -> rule_pb.ApprovalEscalation:
    return rule_pb.ApprovalEscalation(after=duration_to_pb(escalation.after), approvers=_approvers_to_pb(escalation.approvers))


def _break_glass_to_pb(glass: BreakGlass) -> rule_pb.BreakGlass:
    return rule_pb.BreakGlass(allowed=_approvers_to_pb(glass.allowed), review_within=duration_to_pb(glass.review_within))


def _approvers_from_pb(message: rule_pb.Approvers) -> Approvers:
    return Approvers(tuple(message.roles), message.team, tuple(message.principals), tuple(message.groups))


def _approvers_to_pb(approvers: Approvers) -> rule_pb.Approvers:
    return rule_pb.Approvers(roles=approvers.roles, team=approvers.team, principals=approvers.principals, groups=approvers.groups)
