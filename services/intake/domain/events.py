"""What intake tells others."""

from dataclasses import dataclass
from uuid import UUID

from services.intake.domain.change import Change
from services.intake.domain.grouping_revision import GroupingRevision
from services.intake.domain.grouping_rule import GroupingRule
from services.intake.domain.incident import Incident, IncidentChange


@dataclass(frozen=True, slots=True)
class IncidentOpened:
    incident: Incident
    alerts: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class IncidentChanged:
    incident: Incident
    change: IncidentChange
    alerts: tuple[UUID, ...]
    actor: str


@dataclass(frozen=True, slots=True)
class GroupingRulesChanged:
    made: GroupingRevision
    rules: tuple[GroupingRule, ...]


@dataclass(frozen=True, slots=True)
class ChangeReported:
    change: Change


Event = IncidentOpened | IncidentChanged | GroupingRulesChanged | ChangeReported
