"""The terms an approval stands under, and what is different where the approval rules themselves are to be changed.

The rules in force say whether others must agree to that, as they do of anything else; they are asked as of something that displaces
nothing, for a preview of its own choice would let its author choose the rule. Nobody is locked out by them: an admin for all teams may
always break the glass, whatever they say, and answers for it in a review.
"""

from dataclasses import replace
from datetime import timedelta

from services.governance.domain.approval_life import Terms
from services.governance.domain.approval_request import ApprovalRequest, Impact
from services.governance.domain.approval_rule import ApprovalRule, BreakGlass, decision_keys
from services.governance.domain.approval_rules import Rules
from services.governance.domain.approver import Approvers, keys_of
from services.governance.domain.errors import RuleMissing, RuleUndecided
from shared.principal import EVERY_TEAM

RULES_KIND, RULES_SUBJECT = "approval-rules", "approvalRules"
_ADMINS = Approvers(roles=("admin",), team=EVERY_TEAM)
_NONE = Impact()
_WAY_OUT = BreakGlass(_ADMINS, timedelta(days=2))
# For rules that cannot even be asked about their own change.
_LAST_RESORT = ApprovalRule(
    name="last-resort",
    when="true",
    reason="The rules in force cannot be asked about their own change.",
    approvers=_ADMINS,
    quorum=1,
    expires_after=timedelta(days=5),
    holds_for=timedelta(days=1),
    break_glass=_WAY_OUT,
)


def terms_of(rules: Rules, asked: ApprovalRequest) -> Terms:
    """Returns what an approval of this stands under. Raises RuleMissing, RuleUndecided."""
    if asked.kind != RULES_KIND:
        rule = rules.choose(asked)
        return Terms(rule, rules.revision, decision_keys(rule, asked.team, rules.document))
    rule = _with_way_out(_chosen(rules, asked))
    keys = decision_keys(rule, asked.team, rules.document)
    return Terms(rule, rules.revision, replace(keys, break_glass=keys.break_glass | keys_of(_ADMINS, "", {})))


def rule_of_change(rules: Rules, author: str) -> str:
    """Returns the rule by which others must agree when this person changes the rules; nothing where none applies.

    One that cannot be asked counts: to pass over it might find none.
    """
    asked = ApprovalRequest(RULES_KIND, RULES_SUBJECT, digest="", team="", reason="", author=author, requester=author, impact=_NONE)
    try:
        return rules.choose(asked).name
    except RuleUndecided as undecided:
        return undecided.metadata["rule"]
    except RuleMissing:
        return ""


def _chosen(rules: Rules, asked: ApprovalRequest) -> ApprovalRule:
    try:
        return rules.choose(replace(asked, impact=_NONE))
    except RuleUndecided:
        if not asked.break_glass_reason:
            raise
        return _LAST_RESORT


def _with_way_out(rule: ApprovalRule) -> ApprovalRule:
    return rule if rule.break_glass else replace(rule, break_glass=_WAY_OUT)
