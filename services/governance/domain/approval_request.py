"""What is asked for: exactly one change, by whom and why, and what would come of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.governance.domain.approver import person_of
from shared.money import Money


@dataclass(frozen=True, slots=True)
class Impact:
    """What would come of the change, as its author foresees it; a figure that is not told is zero, or none."""

    summary: str = ""
    facts: tuple[str, ...] = ()
    displaced_items: int = 0
    delay_days: float = 0.0  # of 24 hours, the longest
    value_at_risk: Money | None = None
    severity: int = 0  # 1 (worst) to 5; 0 for none
    remediation_share_change: float = 0.0
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What an approval is for, and all that rules can read."""

    kind: str
    subject: str
    digest: str  # SHA-256, hex
    team: str  # `teams/…`, or empty for everybody
    reason: str
    author: str
    requester: str  # the author, or a service on the author's behalf
    impact: Impact | None = None
    break_glass_reason: str = ""  # why it cannot wait; empty when it can

    @property
    def parties(self) -> frozenset[str]:
        """Who wants it, each by its key: those whose own approval counts for nothing unless the rule says otherwise."""
        return frozenset({person_of(self.author), person_of(self.requester)})
