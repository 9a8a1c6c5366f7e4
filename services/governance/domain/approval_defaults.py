"""The approval rules that there are from the start, set by judgement: a second person for every change, a third for what hurts.

Of high impact is what displaces more than three roadmap items, or delays one by more than ten days, or puts more than 50,000 at risk,
or moves more than a fifth of the capacity between remediation and roadmap; and a decision whose impact nobody looked at.
"""

from datetime import timedelta

from services.governance.domain.approval_rule import ApprovalRule, BreakGlass, Escalation, RulesDocument
from services.governance.domain.approver import Approvers
from shared.business_hours_text import hours_from_text
from shared.principal import EVERY_TEAM

_BUSINESS_DAY = timedelta(hours=24)  # of hours that are whole days, from Monday to Friday
_HOURS = hours_from_text("Mon-Fri 00:00-24:00 UTC")
_APPROVERS = Approvers(roles=("approver",))
_ADMINS = Approvers(roles=("admin",), team=EVERY_TEAM)
_HIGH_IMPACT = (
    "impact.known ? impact.displaced_items > 3 || impact.delay_days > 10.0 || impact.value_at_risk > 50000.0"
    ' || impact.remediation_share_change > 0.2 || impact.remediation_share_change < -0.2 : kind == "decision"'
)
_POLICIES = (
    "allocation-policy",
    "approval-rules",
    "budget-policy",
    "gating-rules",
    "grouping-rules",
    "inhibit-rules",
    "severity-matrix",
    "scoring-model",
    "template",
)


def _rule(name: str, when: str, reason: str, quorum: int = 1) -> ApprovalRule:
    return ApprovalRule(
        name=name,
        when=when,
        reason=reason,
        approvers=_APPROVERS,
        quorum=quorum,
        expires_after=5 * _BUSINESS_DAY,
        holds_for=timedelta(days=7),
        escalation=Escalation(_BUSINESS_DAY, _ADMINS),
        break_glass=BreakGlass(Approvers(roles=("responder", "planner")), 2 * _BUSINESS_DAY),
        hours=_HOURS,
    )


def default_rules() -> RulesDocument:
    kinds = ", ".join(f'"{each}"' for each in _POLICIES)
    return RulesDocument(
        (
            _rule("high-impact", _HIGH_IMPACT, "It takes much from the roadmap, so two others must agree.", 2),
            _rule("policies", f"kind in [{kinds}]", "It changes how everything after it is judged, so another must agree."),
            _rule("anything-else", "true", "Whatever asks for an approval needs another's."),
        )
    )
