"""Rulings: the points of the two axes looked up in the matrix, then raised by overrides and by floors of the components."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.triage.domain.incident import Evidence
from services.triage.domain.inputs import Inputs
from services.triage.domain.model import Axis, ScoringModel
from services.triage.domain.override import MatchedOverride, Override, severity_with
from services.triage.domain.scale import Value
from services.triage.domain.score import Score
from services.triage.domain.severity import Severity
from services.triage.domain.severity_floor import REASON, SeverityFloor
from services.triage.domain.severity_matrix import SeverityMatrix


@dataclass(frozen=True, slots=True)
class Ruling:
    """All that decides a severity once the score is known."""

    impact_points: float
    urgency_points: float
    evidence: Evidence
    overrides: tuple[Override, ...]
    matrix: SeverityMatrix
    floors: tuple[tuple[str, SeverityFloor], ...] = ()  # each with the component whose it is
    readings: Mapping[str, Value | None] = field(default_factory=dict)  # by feature

    @property
    def scored_severity(self) -> Severity:
        """The severity by the score alone."""
        return self.matrix.severity_at(self.matrix.impact_of(self.impact_points), self.matrix.urgency_of(self.urgency_points))

    @property
    def severity(self) -> Severity:
        """The severity after overrides and floors; never milder than by the score alone."""
        return self.raised(self.scored_severity)

    def raised(self, scored: Severity) -> Severity:
        """Returns a severity by some score, after the overrides and floors that match."""
        raised = severity_with(self.overrides, self.evidence, scored)
        return min([raised, *(floor.severity for _, floor in self.floors if floor.holds(self.readings))])

    def raised_by(self) -> tuple[MatchedOverride, ...]:
        """Returns the overrides and floors that match, and whether each made the severity what it is."""
        final, scored = self.severity, self.scored_severity
        rules = [(each.reason, each.at_least, "") for each in self.overrides if each.matches(self.evidence)]
        rules += [
            (REASON, floor.severity, floor.explained(component, self.readings))
            for component, floor in self.floors
            if floor.holds(self.readings)
        ]
        return tuple(MatchedOverride(reason, at_least, at_least == final < scored, detail) for reason, at_least, detail in rules)


def ruling_of(scored: Score, inputs: Inputs, model: ScoringModel, matrix: SeverityMatrix) -> Ruling:
    return Ruling(
        impact_points=scored.axis_points(Axis.IMPACT),
        urgency_points=scored.axis_points(Axis.URGENCY),
        evidence=inputs.evidence,
        overrides=model.overrides,
        matrix=matrix,
        floors=inputs.floors,
        readings={name: reading.value for name, reading in inputs.readings.items()},
    )
