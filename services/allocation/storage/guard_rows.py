"""Guards of a policy as parts of its document; documents of before have none."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from services.allocation.domain.guard import ApprovalThresholds, CircuitBreaker
from services.allocation.domain.policy import AllocationPolicy
from shared.money import Money


def guards_to_json(policy: AllocationPolicy) -> dict[str, Any]:
    thresholds, breaker = policy.approval_thresholds, policy.circuit_breaker
    value = thresholds.value_at_risk
    return {
        "approval_thresholds": {
            "share_change": thresholds.share_change,
            "value_at_risk": {"amount": str(value.amount), "currency": value.currency} if value else None,
            "displaced_items": thresholds.displaced_items,
        },
        "circuit_breaker": {"changes_per_sprint": breaker.changes_per_sprint, "contradicting_signals": breaker.contradicting_signals},
        "shortest_dwell_seconds": policy.shortest_dwell // timedelta(seconds=1) if policy.shortest_dwell else None,
    }


def thresholds_from_json(document: dict[str, Any]) -> ApprovalThresholds:
    stated = document.get("approval_thresholds")
    if not stated:
        return ApprovalThresholds()
    value = stated["value_at_risk"]
    money = Money(Decimal(value["amount"]), value["currency"]) if value else None
    return ApprovalThresholds(stated["share_change"], money, stated["displaced_items"])


def breaker_from_json(document: dict[str, Any]) -> CircuitBreaker:
    return CircuitBreaker(**document.get("circuit_breaker", {}))


def dwell_from_json(document: dict[str, Any]) -> timedelta | None:
    seconds = document.get("shortest_dwell_seconds")
    return timedelta(seconds=seconds) if seconds else None
