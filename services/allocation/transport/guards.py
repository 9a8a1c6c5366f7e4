"""Guards of a policy to protobuf and back."""

from datetime import timedelta

from ballast.allocation.v1 import allocation_policy_pb2 as pb

from services.allocation.domain.guard import ApprovalThresholds, CircuitBreaker
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.quantity import share_from_float, share_to_float
from shared.rpc.wellknown import duration_to_pb, money_from_pb, money_to_pb


def thresholds_from_pb(policy: pb.AllocationPolicy) -> ApprovalThresholds:
    stated = policy.approval_thresholds
    return ApprovalThresholds(
        share_change=share_from_float(stated.share_change) if stated.HasField("share_change") else None,
        value_at_risk=money_from_pb(stated.value_at_risk) if stated.HasField("value_at_risk") else None,
        displaced_items=stated.displaced_items if stated.HasField("displaced_items") else None,
    )


def breaker_from_pb(policy: pb.AllocationPolicy) -> CircuitBreaker:
    stated = policy.circuit_breaker
    return CircuitBreaker(stated.changes_per_sprint if stated.HasField("changes_per_sprint") else None, stated.contradicting_signals)


def dwell_from_pb(policy: pb.AllocationPolicy) -> timedelta | None:
    return policy.shortest_dwell.ToTimedelta() if policy.HasField("shortest_dwell") else None


def put_guards(message: pb.AllocationPolicy, policy: AllocationPolicy) -> None:
    """Adds a policy's guards to its message; those that it does not state stay absent."""
    thresholds, breaker = policy.approval_thresholds, policy.circuit_breaker
    if thresholds.share_change is not None:
        message.approval_thresholds.share_change = share_to_float(thresholds.share_change)
    if thresholds.value_at_risk is not None:
        message.approval_thresholds.value_at_risk.CopyFrom(money_to_pb(thresholds.value_at_risk))
    if thresholds.displaced_items is not None:
        message.approval_thresholds.displaced_items = thresholds.displaced_items
    if breaker.changes_per_sprint is not None:
        message.circuit_breaker.changes_per_sprint = breaker.changes_per_sprint
    if breaker.contradicting_signals:
        message.circuit_breaker.contradicting_signals = True
    if policy.shortest_dwell is not None:
        message.shortest_dwell.CopyFrom(duration_to_pb(policy.shortest_dwell))
