"""Allocation policies: how much of a sprint goes to remediation, as a versioned document."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from services.allocation.domain.errors import BaselineOutOfBounds, FieldRefused
from services.allocation.domain.guard import ApprovalThresholds, CircuitBreaker
from services.allocation.domain.policy_rule import PolicyRule, ReserveTarget
from services.allocation.domain.quantity import percent

USUAL_HISTORY = 6  # sprints
_CURRENCY = re.compile("[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class IncidentFrequencyTrigger:
    """Fires when incidents come more often than the team is used to."""

    history_sprints: int
    ratio: Decimal
    minimum_count: int
    raise_by: int  # millionths of capacity
    severity_at_most: int


@dataclass(frozen=True, slots=True)
class TimeToRestoreTrigger:
    """Fires when restoring takes longer than the team is used to."""

    history_sprints: int
    ratio: Decimal
    minimum_count: int
    raise_by: int  # millionths of capacity


@dataclass(frozen=True, slots=True)
class OpenIncidentTrigger:
    """Fires while grave incidents are open."""

    severity_at_most: int
    raise_by: int  # millionths of capacity, for each
    raise_at_most: int  # millionths of capacity, for all together


@dataclass(frozen=True, slots=True)
class AllocationPolicy:
    """A policy at one revision; shares in millionths. A trigger that is None does not watch."""

    name: str
    revision: int
    baseline_share: int
    floor_share: int
    cap_share: int
    largest_step: int
    quiet_sprints: int
    incident_frequency: IncidentFrequencyTrigger | None
    time_to_restore: TimeToRestoreTrigger | None
    open_incidents: OpenIncidentTrigger | None
    horizon_sprints: int
    author: str
    reason: str
    created_at: datetime
    approval_thresholds: ApprovalThresholds = field(default_factory=ApprovalThresholds)
    circuit_breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    shortest_dwell: timedelta | None = None
    reserve: ReserveTarget | None = None
    rules: tuple[PolicyRule, ...] = ()
    history_sprints: int = USUAL_HISTORY  # that its rules' signals compare with

    @property
    def longest_history(self) -> int:
        """Sprints of history that any of its triggers or rules compares with."""
        watched = (self.incident_frequency, self.time_to_restore)
        triggers = max((trigger.history_sprints for trigger in watched if trigger is not None), default=0)
        return max(triggers, self.history_sprints if self.rules else 0)


def check_policy(policy: AllocationPolicy) -> None:
    """Refuses a policy whose shares contradict each other. Raises BaselineOutOfBounds or FieldRefused, naming the field."""
    for fault in policy_faults(policy):
        raise fault


def policy_faults(policy: AllocationPolicy) -> Iterator[FieldRefused]:
    """Yields everything for which it would be refused, its rules and its reserve apart."""
    if policy.baseline_share < policy.floor_share:
        yield BaselineOutOfBounds.at(
            "policy.floor_share",
            f"{percent(policy.floor_share)} lies above the baseline, {percent(policy.baseline_share)}; lower it or raise the baseline",
        )
    if policy.baseline_share > policy.cap_share:
        yield BaselineOutOfBounds.at(
            "policy.cap_share",
            f"{percent(policy.cap_share)} lies below the baseline of {percent(policy.baseline_share)}; raise the cap or lower the baseline",
        )
    yield from _guard_faults(policy)
    for place, share in _positive_shares(policy):
        if share <= 0:
            yield FieldRefused.at(place, "comes to zero at a millionth; send at least 0.000001")


def default_policy(now: datetime) -> AllocationPolicy:
    """Returns revision 1 of `allocationPolicies/default`: a third for remediation, between 15 % and 60 %."""
    return AllocationPolicy(
        name="allocationPolicies/default",
        revision=1,
        baseline_share=333_333,
        floor_share=150_000,
        cap_share=600_000,
        largest_step=150_000,
        quiet_sprints=2,
        incident_frequency=IncidentFrequencyTrigger(6, Decimal("1.5"), 3, 100_000, 5),
        time_to_restore=TimeToRestoreTrigger(6, Decimal("1.5"), 3, 80_000),
        open_incidents=OpenIncidentTrigger(2, 50_000, 150_000),
        horizon_sprints=6,
        author="ballast",
        reason="Two thirds for the roadmap and one third for remediation, to start from.",
        created_at=now,
    )


def _guard_faults(policy: AllocationPolicy) -> Iterator[FieldRefused]:
    limit = policy.approval_thresholds.value_at_risk
    if limit is not None and (limit.amount <= 0 or not _CURRENCY.fullmatch(limit.currency)):
        yield FieldRefused.at(
            "policy.approval_thresholds.value_at_risk", f"{limit} is no limit; send more than zero, in a currency such as USD"
        )
    if policy.circuit_breaker.contradicting_signals and not (
        policy.incident_frequency and policy.time_to_restore and policy.open_incidents
    ):
        yield FieldRefused.at(
            "policy.circuit_breaker.contradicting_signals",
            "compares incident_frequency, time_to_restore and open_incidents, and the policy lacks one; add it, or leave this out",
        )


def _positive_shares(policy: AllocationPolicy) -> list[tuple[str, int]]:
    shares = [("policy.largest_step", policy.largest_step)]
    if policy.approval_thresholds.share_change is not None:
        shares.append(("policy.approval_thresholds.share_change", policy.approval_thresholds.share_change))
    if policy.incident_frequency:
        shares.append(("policy.incident_frequency.raise_by", policy.incident_frequency.raise_by))
    if policy.time_to_restore:
        shares.append(("policy.time_to_restore.raise_by", policy.time_to_restore.raise_by))
    if policy.open_incidents:
        shares.append(("policy.open_incidents.raise_by", policy.open_incidents.raise_by))
        shares.append(("policy.open_incidents.raise_at_most", policy.open_incidents.raise_at_most))
    return shares
