"""Guards of a policy: from what size on others must agree to a change, and when its rule is not to be followed blindly."""

from dataclasses import dataclass

from shared.money import Money


@dataclass(frozen=True, slots=True)
class ApprovalThresholds:
    """From what size on others must agree; None asks nobody."""

    share_change: int | None = None  # millionths of capacity, up or down
    value_at_risk: Money | None = None
    displaced_items: int | None = None

    @property
    def stated(self) -> bool:
        return any(each is not None for each in (self.share_change, self.value_at_risk, self.displaced_items))


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """When a change is proposed whatever its size."""

    changes_per_sprint: int | None = None  # so many are made, one more is proposed
    contradicting_signals: bool = False
