"""Assessments: what is found about one incident, in revisions that change only when the finding does."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.triage.domain.incident import Incident, IncidentState
from services.triage.domain.inputs import Surroundings, inputs_of
from services.triage.domain.model import ScoringModel
from services.triage.domain.promise import expected_loss_per_hour, restore_target
from services.triage.domain.severity_matrix import MatrixRevision
from services.triage.domain.verdict import Verdict, judge
from shared.ids import name_of, new_id
from shared.money import Money


@dataclass(frozen=True, slots=True)
class Finding:
    """How bad an incident is, with everything that led to it. Two equal findings are the same answer."""

    incident: str
    title: str
    state: IncidentState
    opened_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    verdict: Verdict
    model_version: str
    weights_hash: str
    matrix_revision: int
    components: tuple[str, ...]  # components/{id} in the catalogue
    unknown_components: tuple[str, ...]  # ids as alerts carry them
    teams: tuple[str, ...]
    restore_target: timedelta
    expected_loss_per_hour: Money | None
    merged_into: str = ""  # incidents/{uuid}; empty unless it was merged


@dataclass(frozen=True, slots=True)
class Assessment:
    """A finding at one revision. One incident has one assessment."""

    id: UUID
    revision: int  # 1 for the first, one more for each change of the finding
    finding: Finding
    trigger: str  # why this revision was made, such as INCIDENT_OPENED
    trace_id: str
    create_time: datetime

    @property
    def name(self) -> str:
        return name_of("assessments", self.id)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What made triage look at an incident, and when."""

    trigger: str
    trace_id: str
    now: datetime


def find(incident: Incident, around: Surroundings, matrix: MatrixRevision, model: ScoringModel) -> Finding:
    """Assesses an incident. The same arguments give the same finding, whenever it is asked."""
    verdict = judge(inputs_of(incident, around, model.currency), model, matrix.matrix)
    return Finding(
        incident=incident.name,
        title=incident.title,
        state=incident.state,
        opened_at=incident.opened_at,
        acknowledged_at=incident.acknowledged_at,
        resolved_at=incident.resolved_at,
        verdict=verdict,
        model_version=model.version,
        weights_hash=model.weights_hash,
        matrix_revision=matrix.revision,
        components=tuple(sorted(component.name for component in around.known)),
        unknown_components=around.unknown(incident),
        teams=tuple(sorted({component.owner_team for component in around.known if component.owner_team})),
        restore_target=restore_target(verdict.severity, around.known, matrix.matrix),
        expected_loss_per_hour=expected_loss_per_hour(around.known, incident.evidence.service_impact),
        merged_into=incident.merged_into,
    )


def revise(finding: Finding, held: Assessment | None, occasion: Occasion) -> Assessment:
    """Returns the assessment with this finding: one revision on, or as it was when the finding is the same."""
    if held is None:
        return Assessment(new_id(occasion.now), 1, finding, occasion.trigger, occasion.trace_id, occasion.now)
    if held.finding == finding:
        return held
    return Assessment(held.id, held.revision + 1, finding, occasion.trigger, occasion.trace_id, occasion.now)
