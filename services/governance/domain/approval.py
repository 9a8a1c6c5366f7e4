"""An approval: that others than the author agree to exactly this, for a time."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.governance.domain.approval_request import ApprovalRequest
from services.governance.domain.approval_rule import ApprovalRule, DecisionKeys
from services.governance.domain.approver import person_of
from shared.ids import name_of

COLLECTION = "approvals"


class ApprovalState(StrEnum):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    EMERGENCY = "EMERGENCY"
    REVIEWED = "REVIEWED"


class ReviewOutcome(StrEnum):
    UPHELD = "UPHELD"
    FAULTED = "FAULTED"


@dataclass(frozen=True, slots=True)
class Vote:
    """What an approver said."""

    principal: str
    approves: bool
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """How the review of an emergency was closed."""

    reviewer: str
    outcome: ReviewOutcome
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class BrokenGlass:
    """That somebody acted at once; `review` is None while it is open, `told_overdue` once everybody was told that it is late."""

    principal: str
    reason: str
    at: datetime
    review_due_at: datetime
    review: Review | None = None
    told_overdue: bool = False

    def is_overdue(self, now: datetime) -> bool:
        return self.review is None and self.review_due_at <= now


@dataclass(frozen=True, slots=True)
class Approval:
    """One request, the rule it stands under, and what came of it."""

    id: UUID
    version: int
    request: ApprovalRequest
    rule: ApprovalRule
    rules_revision: int
    keys: DecisionKeys
    state: ApprovalState
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None  # None where nothing is left to expire
    escalates_at: datetime | None = None
    escalated_at: datetime | None = None
    decided_at: datetime | None = None
    votes: tuple[Vote, ...] = ()
    glass: BrokenGlass | None = None

    @property
    def name(self) -> str:
        return name_of(COLLECTION, self.id)

    @property
    def approvers(self) -> frozenset[str]:
        """Who approved, each by its key: one person counts once."""
        return frozenset(person_of(each.principal) for each in self.votes if each.approves)

    @property
    def lacking(self) -> int:
        """How many more must approve."""
        return max(0, self.rule.quorum - len(self.approvers))

    def is_escalated(self, now: datetime) -> bool:
        return self.escalates_at is not None and self.escalates_at <= now

    def is_review_overdue(self, now: datetime) -> bool:
        return self.state is ApprovalState.EMERGENCY and self.glass is not None and self.glass.is_overdue(now)

    def is_in_force(self, now: datetime) -> bool:
        """Says whether what is approved may be done now. A review that is overdue suspends what it is about."""
        if self.state not in {ApprovalState.APPROVED, ApprovalState.EMERGENCY, ApprovalState.REVIEWED}:
            return False
        return self.expires_at is not None and now < self.expires_at and not self.is_review_overdue(now)

    @property
    def due_at(self) -> datetime | None:
        """Returns when time alone changes it next; None for never."""
        match self.state:
            case ApprovalState.PENDING:
                waits = [self.expires_at, None if self.escalated_at else self.escalates_at]
                return min((each for each in waits if each is not None), default=None)
            case ApprovalState.APPROVED:
                return self.expires_at
            case ApprovalState.EMERGENCY if self.glass and not self.glass.told_overdue:
                return self.glass.review_due_at
        return None
