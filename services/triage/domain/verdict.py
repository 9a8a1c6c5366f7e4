"""Verdicts: score, severity, and what would alter it, in one value."""

from dataclasses import dataclass

from services.triage.domain.counterfactual import Counterfactual, counterfactuals
from services.triage.domain.inputs import Inputs
from services.triage.domain.model import ScoringModel
from services.triage.domain.override import MatchedOverride
from services.triage.domain.ruling import ruling_of
from services.triage.domain.score import Score, score
from services.triage.domain.severity import Level, Severity
from services.triage.domain.severity_chances import SeverityChances, confidence, severity_chances, staleness
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
    chances: SeverityChances | None = None  # None in what was found before there were any, as is the confidence
    confidence: float | None = None  # from 0 to 1


def judge(inputs: Inputs, model: ScoringModel, matrix: SeverityMatrix) -> Verdict:
    """Scores the inputs and looks the axes up. The same arguments give the same verdict."""
    scored = score(inputs, model)
    ruling = ruling_of(scored, inputs, model, matrix)
    chances = severity_chances(ruling, model.factor)
    return Verdict(
        score=scored,
        impact=ruling.impact,
        urgency=ruling.urgency,
        scored_severity=ruling.scored_severity,
        severity=ruling.severity,
        overrides=ruling.raised_by(),
        counterfactuals=counterfactuals(scored, ruling, model),
        chances=chances,
        confidence=confidence(ruling.severity, chances, scored.terms, model, staleness(inputs, model)),
    )
