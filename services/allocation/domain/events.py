"""What allocation tells others."""

from dataclasses import dataclass
from datetime import datetime

from services.allocation.domain.calendar import WorkCalendar
from services.allocation.domain.decision import Decision
from services.allocation.domain.drift import Drift
from services.allocation.domain.leave import Leave
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.roadmap import RoadmapItem
from services.allocation.domain.standing import DecisionState
from services.allocation.domain.team import Team
from services.allocation.domain.work import WorkRecord


@dataclass(frozen=True, slots=True)
class DecisionMade:
    decision: Decision


@dataclass(frozen=True, slots=True)
class DecisionChanged:
    """Stands elsewhere than before, or approvers were asked about it."""

    decision: Decision
    from_state: DecisionState
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class AllocationPolicyChanged:
    policy: AllocationPolicy


@dataclass(frozen=True, slots=True)
class TeamChanged:
    team: Team


@dataclass(frozen=True, slots=True)
class RoadmapItemChanged:
    item: RoadmapItem


@dataclass(frozen=True, slots=True)
class WorkRecorded:
    records: tuple[WorkRecord, ...]
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class WorkCorrected:
    original: WorkRecord
    reversal: WorkRecord
    replacement: WorkRecord | None
    corrected_at: datetime


@dataclass(frozen=True, slots=True)
class CalendarChanged:
    calendar: WorkCalendar


@dataclass(frozen=True, slots=True)
class LeaveChanged:
    leave: Leave
    changed_at: datetime
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class DriftDetected:
    drift: Drift


@dataclass(frozen=True, slots=True)
class DriftEnded:
    drift: Drift


Event = (
    DecisionMade
    | DecisionChanged
    | AllocationPolicyChanged
    | TeamChanged
    | RoadmapItemChanged
    | WorkRecorded
    | WorkCorrected
    | CalendarChanged
    | LeaveChanged
    | DriftDetected
    | DriftEnded
)
