"""Assessments: what is found about one incident, in revisions that change only when the finding does."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.triage.domain.difference import Difference, differences
from services.triage.domain.finding import Finding
from shared.ids import name_of, new_id


@dataclass(frozen=True, slots=True)
class Assessment:
    """A finding at one revision. One incident has one assessment."""

    id: UUID
    revision: int  # 1 for the first, one more for each change of the finding
    finding: Finding
    trigger: str  # why this revision was made, such as INCIDENT_OPENED
    trace_id: str
    create_time: datetime
    differences: tuple[Difference, ...] = ()  # from the revision before

    @property
    def name(self) -> str:
        return name_of("assessments", self.id)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What made triage look at an incident, and when."""

    trigger: str
    trace_id: str
    now: datetime


def revise(finding: Finding, held: Assessment | None, occasion: Occasion) -> Assessment:
    """Returns the assessment with this finding: one revision on, or as it was when the finding is the same."""
    if held is None:
        return Assessment(new_id(occasion.now), 1, finding, occasion.trigger, occasion.trace_id, occasion.now)
    if held.finding == finding:
        return held
    told = differences(held.finding, finding)
    return Assessment(held.id, held.revision + 1, finding, occasion.trigger, occasion.trace_id, occasion.now, told)
