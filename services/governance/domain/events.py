"""What governance tells others, and itself."""

from dataclasses import dataclass

from services.governance.domain.approval import Approval
from services.governance.domain.approval_life import Change
from services.governance.domain.approval_rule import RulesRevision


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    approval: Approval


@dataclass(frozen=True, slots=True)
class ApprovalChanged:
    change: Change


@dataclass(frozen=True, slots=True)
class ApprovalRulesChanged:
    """A new version, and the approval by which it was made; empty where the rules wanted none."""

    rules: RulesRevision
    approval: str = ""


Event = ApprovalRequested | ApprovalChanged | ApprovalRulesChanged
