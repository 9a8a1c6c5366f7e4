"""Verdicts: score, severity, and what would alter it, in one value."""

from dataclasses import dataclass

from services.triage.domain.counterfactual import Counterfactual, counterfactuals
from services.triage.domain.inputs import Inputs
from services.triage.domain.model import Axis, ScoringModel
from services.triage.domain.override import MatchedOverride
from services.triage.domain.ruling import Ruling
from services.triage.domain.score import Score, score
from services.triage.domain.severity import Level, Severity
from services.triage.domain.severity_matrix import SeverityMatrix


@dataclass(frozen=True, slots=True)
class Verdict:
    score: Score
    impact: Level
    urgency: Level
    scored_severity: Severity
    severity: Severity  # never milder than scored_severity
    overrides: tuple[MatchedOverride, ...]
    counterfactuals: tuple[Counterfactual, ...]


def judge(inputs: Inputs, model: ScoringModel, matrix: SeverityMatrix) -> Verdict:
    """Scores the inputs and looks the axes up. The same arguments give the same verdict."""
    scored = score(inputs, model)
    ruling = Ruling(
        impact_points=scored.axis_points(Axis.IMPACT),
        urgency_points=scored.axis_points(Axis.URGENCY),
        evidence=inputs.evidence,
        overrides=model.overrides,
        matrix=matrix,
        floors=inputs.floors,
        readings={name: reading.value for name, reading in inputs.readings.items()},
    )
    return Verdict(
        score=scored,
        impact=matrix.impact_of(ruling.impact_points),
        urgency=matrix.urgency_of(ruling.urgency_points),
        scored_severity=ruling.scored_severity,
        severity=ruling.severity,
        overrides=ruling.raised_by(),
        counterfactuals=counterfactuals(scored, ruling, model),
    )
