"""Trying approval rules on what was asked for: which would have stood under another rule, and how often each would have counted."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.governance.domain.approval import Approval
from services.governance.domain.approval_rule import ApprovalRule
from services.governance.domain.approval_rules import Rules
from services.governance.domain.errors import RuleMissing, RuleUndecided


@dataclass(frozen=True, slots=True)
class RuleChange:
    """An approval that would have stood under another rule; under none, with what refuses it, where `after` is None."""

    approval: Approval
    after: ApprovalRule | None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class RuleTrial:
    approvals: int
    changes: tuple[RuleChange, ...]
    counts: tuple[tuple[str, int], ...]  # each rule, in order, and how many would have stood under it


def try_rules(tried: Rules, approvals: Sequence[Approval]) -> RuleTrial:
    """Asks the rules about what was asked for then."""
    answers = [(each, *_chosen(tried, each)) for each in approvals]
    counted = Counter(rule.name for _, rule, _ in answers if rule)
    counts = tuple((rule.name, counted[rule.name]) for rule in tried.document.rules)
    return RuleTrial(len(answers), tuple(_changes(answers)), counts)


def _chosen(tried: Rules, approval: Approval) -> tuple[ApprovalRule | None, str]:
    try:
        return tried.choose(approval.request), ""
    except (RuleMissing, RuleUndecided) as refused:
        return None, refused.message


def _changes(answers: Sequence[tuple[Approval, ApprovalRule | None, str]]) -> Iterator[RuleChange]:
    for approval, after, refusal in answers:
        before = approval.rule
        if after is None or (after.name, after.quorum) != (before.name, before.quorum):
            yield RuleChange(approval, after, refusal)
