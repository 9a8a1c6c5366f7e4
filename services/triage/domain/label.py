"""Labels: what incidents that are over turned out to be by the word of people, beside what triage had said of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.triage.domain.assessment import Assessment
from services.triage.domain.calibration import Claim, claim_of
from services.triage.domain.finding import Standards
from services.triage.domain.incident import Incident
from services.triage.domain.inputs import Inputs, Surroundings, inputs_of
from services.triage.domain.severity import Severity
from shared.ids import name_of


class LabelSource(StrEnum):
    """Where a person said it; each place holds one word for an incident, and the newest of them is the final severity."""

    INCIDENT = "incident"  # rated in intake
    OVERRIDE = "override"  # given in triage in place of the assessed severity


@dataclass(frozen=True, slots=True)
class SeverityLabel:
    """What a person says an incident was. It counts once the incident is over."""

    incident: str  # incidents/{uuid}
    source: LabelSource
    severity: Severity
    reason: str
    author: str
    labelled_at: datetime


@dataclass(frozen=True, slots=True)
class ClosedIncident:
    """An incident that is over: what the model looked at, and what it said, in the end."""

    incident: str  # incidents/{uuid}
    ended_at: datetime
    teams: tuple[str, ...]  # teams/{id}
    components: tuple[str, ...]  # components/{id}, known or not
    inputs: Inputs
    claim: Claim
    model_version: str
    weights_hash: str
    matrix_revision: int
    assessment_revision: int


def close(incident: Incident, around: Surroundings, standards: Standards, assessed: Assessment, ended_at: datetime) -> ClosedIncident:
    """Returns what is kept of an incident that is over, as `assessed` says it was in the end."""
    model, known = standards.model, around.known
    inputs = inputs_of(incident, around, model.currency)
    # Gates may have raised it above what score and overrides say; what people said instead is no claim of triage's.
    claim = replace(claim_of(inputs, model, standards.matrix.document), assessed=assessed.finding.assessed_severity)
    return ClosedIncident(
        incident=incident.name,
        ended_at=ended_at,
        teams=_sorted(component.owner_team for component in known if component.owner_team),
        components=_sorted(name_of("components", each) for each in incident.components),
        inputs=inputs,
        claim=claim,
        model_version=model.version,
        weights_hash=model.weights_hash,
        matrix_revision=standards.matrix.revision,
        assessment_revision=assessed.revision,
    )


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))
