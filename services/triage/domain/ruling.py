"""Rulings: the points of the two axes looked up in the matrix, then raised by the overrides."""

from dataclasses import dataclass

from services.triage.domain.incident import Evidence
from services.triage.domain.override import Override, severity_with
from services.triage.domain.severity import Severity
from services.triage.domain.severity_matrix import SeverityMatrix


@dataclass(frozen=True, slots=True)
class Ruling:
    """All that decides a severity once the score is known."""

    impact_points: float
    urgency_points: float
    evidence: Evidence
    overrides: tuple[Override, ...]
    matrix: SeverityMatrix

    @property
    def scored_severity(self) -> Severity:
        """The severity by the score alone."""
        return self.matrix.severity_at(self.matrix.impact_of(self.impact_points), self.matrix.urgency_of(self.urgency_points))

    @property
    def severity(self) -> Severity:
        """The severity after overrides; never milder than by the score alone."""
        return severity_with(self.overrides, self.evidence, self.scored_severity)
