"""Approval: why a decision that would change the share needs that others agree."""

from collections.abc import Iterator

from services.allocation.domain.breaker import cautions
from services.allocation.domain.decision import Decision
from services.allocation.domain.guard import ApprovalThresholds
from services.allocation.domain.quantity import counted, percent
from services.allocation.domain.situation import Situation
from services.allocation.domain.standing import ApprovalGround


def grounds_for(decision: Decision, situation: Situation) -> tuple[ApprovalGround, ...]:
    """Returns why others must agree, by the policy's thresholds and its circuit breaker; nothing where the share stays."""
    if not decision.share_change:
        return ()
    return (*exceeded(decision, situation.policy.approval_thresholds), *cautions(decision, situation))


def exceeded(decision: Decision, thresholds: ApprovalThresholds) -> tuple[ApprovalGround, ...]:
    """Returns the thresholds that a change reaches."""
    return tuple(_exceeded(decision, thresholds))


def _exceeded(decision: Decision, thresholds: ApprovalThresholds) -> Iterator[ApprovalGround]:
    change, displaced, value = abs(decision.share_change), len(decision.impact.displaced), decision.impact.value_at_risk
    if thresholds.share_change is not None and change >= thresholds.share_change:
        yield ApprovalGround(
            "share_change", f"The share moves by {percent(change)}, and from {percent(thresholds.share_change)} on others must agree."
        )
    if thresholds.displaced_items is not None and displaced >= thresholds.displaced_items:
        yield ApprovalGround(
            "displaced_items",
            f"{counted(displaced, 'roadmap item')} would be displaced, and from {thresholds.displaced_items} on others must agree.",
        )
    limit = thresholds.value_at_risk
    if limit is None or value is None or not displaced:
        return
    if value.currency != limit.currency:
        # Not to be compared is not to be small.
        yield ApprovalGround("value_at_risk", f"{value} at risk cannot be compared with the policy's {limit}, so others must agree.")
    elif value.amount >= limit.amount:
        yield ApprovalGround("value_at_risk", f"{value} would be at risk, and from {limit} on others must agree.")
