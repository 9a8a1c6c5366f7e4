"""Trying a severity matrix on incidents that happened: their points stay, and are read anew."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from services.triage.domain.finding import Finding
from services.triage.domain.model import Axis
from services.triage.domain.severity import Severity
from services.triage.domain.severity_matrix import SeverityMatrix


@dataclass(frozen=True, slots=True)
class MatrixChange:
    """An incident whose severity would differ."""

    incident: str
    title: str
    before: Severity
    after: Severity


@dataclass(frozen=True, slots=True)
class MatrixTrial:
    incidents: int
    changes: tuple[MatrixChange, ...]
    counts: dict[Severity, tuple[int, int]]  # before and after, of every severity


def try_matrix(matrix: SeverityMatrix, findings: Sequence[Finding]) -> MatrixTrial:
    """Reads findings by the matrix. Overrides and gates that raised a severity raise it again; what people said stays out of it."""
    pairs = [(each, each.assessed_severity, _by(matrix, each)) for each in findings]
    changes = tuple(MatrixChange(each.incident, each.title, before, after) for each, before, after in pairs if before != after)
    before, after = (Counter(pair[place] for pair in pairs) for place in (1, 2))
    return MatrixTrial(len(findings), changes, {severity: (before[severity], after[severity]) for severity in Severity})


def _by(matrix: SeverityMatrix, finding: Finding) -> Severity:
    verdict = finding.verdict
    impact = matrix.impact_of(verdict.score.axis_points(Axis.IMPACT))
    urgency = matrix.urgency_of(verdict.score.axis_points(Axis.URGENCY))
    raised = min([matrix.severity_at(impact, urgency), *(each.at_least for each in verdict.overrides)])
    return finding.gates.severity_with(raised)
