"""Findings: how bad one incident is, with everything that led to it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.triage.domain.human_override import HumanOverride
from services.triage.domain.incident import Incident, IncidentState
from services.triage.domain.inputs import Surroundings, inputs_of
from services.triage.domain.model import ScoringModel
from services.triage.domain.promise import expected_loss_per_hour, restore_target
from services.triage.domain.severity import Severity
from services.triage.domain.severity_matrix import MatrixRevision
from services.triage.domain.verdict import Verdict, judge
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
    human_override: HumanOverride | None = None

    @property
    def severity(self) -> Severity:
        """The severity that counts: a person's where one gave it."""
        return self.human_override.severity if self.human_override else self.verdict.severity


Judge = Callable[[HumanOverride | None], Finding]
"""Finds how bad an incident is, once it is known whether a person said otherwise."""


def find(
    incident: Incident, around: Surroundings, matrix: MatrixRevision, model: ScoringModel, human_override: HumanOverride | None = None
) -> Finding:
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
        restore_target=restore_target(human_override.severity if human_override else verdict.severity, around.known, matrix.matrix),
        expected_loss_per_hour=expected_loss_per_hour(around.known, incident.evidence.service_impact),
        merged_into=incident.merged_into,
        human_override=human_override,
    )
