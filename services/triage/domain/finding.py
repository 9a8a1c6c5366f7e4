"""Findings: how bad one incident is, with everything that led to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.triage.domain.counterfactual import Counterfactual
from services.triage.domain.gate import GateAnswer, Gates
from services.triage.domain.gate_facts import Situation
from services.triage.domain.human_override import HumanOverride
from services.triage.domain.incident import Incident, IncidentState
from services.triage.domain.inputs import Reading, Surroundings, inputs_of
from services.triage.domain.model import ScoringModel
from services.triage.domain.promise import expected_loss_per_hour, restore_target
from services.triage.domain.recurrence import Recurrence
from services.triage.domain.severity import Severity
from services.triage.domain.severity_matrix import MatrixRevision
from services.triage.domain.verdict import Verdict, judge
from shared.money import Money


@dataclass(frozen=True, slots=True)
class Standards:
    """What incidents are judged by, each at one version."""

    model: ScoringModel
    matrix: MatrixRevision
    gates: Gates = field(default_factory=lambda: Gates(0))


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
    gates: GateAnswer = field(default_factory=GateAnswer)
    gates_revision: int = 0
    recurrence: Recurrence = field(default_factory=Recurrence)

    @property
    def assessed_severity(self) -> Severity:
        """The severity by score, overrides and gates, whatever people say."""
        return self.gates.severity_with(self.verdict.severity)

    @property
    def severity(self) -> Severity:
        """The severity that counts: a person's where one gave it."""
        return self.human_override.severity if self.human_override else self.assessed_severity

    @property
    def counterfactuals(self) -> tuple[Counterfactual, ...]:
        """What would alter the severity as assessed. Where gates raise it, only what is worse still: they would hold a milder one."""
        if self.assessed_severity == self.verdict.severity:
            return self.verdict.counterfactuals
        return tuple(each for each in self.verdict.counterfactuals if each.severity < self.assessed_severity)


Judge = Callable[[HumanOverride | None], Finding]
"""Finds how bad an incident is, once it is known whether a person said otherwise."""


def situation_of(incident: Incident, around: Surroundings, standards: Standards, instead: Mapping[str, Reading] | None = None) -> Situation:
    """Returns what gates are asked about; readings `instead` of those found are for what-if questions."""
    inputs = inputs_of(incident, around, standards.model.currency)
    if instead:
        inputs = replace(inputs, readings={**inputs.readings, **instead})
    verdict = judge(inputs, standards.model, standards.matrix.document)
    return Situation(incident, around, verdict, expected_loss_per_hour(around.known, incident.evidence.service_impact))


def find(
    incident: Incident,
    around: Surroundings,
    standards: Standards,
    human_override: HumanOverride | None = None,
    instead: Mapping[str, Reading] | None = None,
) -> Finding:
    """Assesses an incident. The same arguments give the same finding, whenever it is asked."""
    model, matrix = standards.model, standards.matrix
    situation = situation_of(incident, around, standards, instead)
    verdict, answer = situation.verdict, standards.gates.ask(situation)
    severity = human_override.severity if human_override else answer.severity_with(verdict.severity)
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
        restore_target=restore_target(severity, around.known, matrix.document),
        expected_loss_per_hour=situation.expected_loss_per_hour,
        merged_into=incident.merged_into,
        human_override=human_override,
        gates=answer,
        gates_revision=standards.gates.revision,
        recurrence=around.recurrence,
    )
