"""Severity chances: how likely each severity is by the score, and how sure an assessment may be of its own.

The link is an ordinal logistic one on each axis of the matrix, with nothing to set that the model and the matrix do not hold already.
The points of an axis are log-odds times the model's factor, so one unit of log-odds is `factor` points, and the thresholds are the
cut points:

    P(level ≥ MEDIUM) = σ((points − medium) / factor)        P(level ≥ HIGH) = σ((points − high) / factor)

The axes are taken as independent, each pair of levels meets in its cell of the matrix, and what is milder than a matching override
asks for counts as what it asks for. More points on either axis never make a milder severity likelier, as the matrix is monotone.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from services.triage.domain.inputs import TOLD, Inputs
from services.triage.domain.model import ScoringModel
from services.triage.domain.ruling import Ruling
from services.triage.domain.score import Score, ScoreTerm
from services.triage.domain.severity import Severity

CALLED_FROM = Severity.SEV3
"""The mildest severity at which somebody is called, which is what the model's odds are the odds of."""

_ALL = ""  # in place of a feature's name


@dataclass(frozen=True, slots=True)
class SeverityChances:
    """A chance for each severity, SEV1 first; they sum to 1."""

    chances: tuple[float, ...]

    def of(self, severity: Severity) -> float:
        return self.chances[severity - 1]

    def at_least(self, severity: Severity) -> float:
        """Returns the chance of this severity or a worse one."""
        return math.fsum(self.chances[:severity])

    @property
    def likeliest(self) -> Severity:
        """The severity with the largest chance; the worse of two that are alike."""
        return max(Severity, key=lambda severity: (self.of(severity), -severity))


def severity_chances(ruling: Ruling, factor: float) -> SeverityChances:
    """Returns the chances of the severities by the points, the thresholds of the matrix and the model's factor."""
    impacts = level_chances(ruling.impact_points, ruling.matrix.impact_thresholds, factor)
    urgencies = level_chances(ruling.urgency_points, ruling.matrix.urgency_thresholds, factor)
    chances, at_least = [0.0] * len(Severity), ruling.at_least
    for cell in ruling.matrix.cells:
        chances[min(cell.severity, at_least) - 1] += impacts[cell.impact - 1] * urgencies[cell.urgency - 1]
    return SeverityChances(tuple(chances))


def level_chances(points: float, thresholds: Sequence[float], factor: float) -> tuple[float, float, float]:
    """Returns the chances of LOW, MEDIUM and HIGH."""
    medium, high = (logistic((points - threshold) / factor) for threshold in thresholds)
    return 1 - medium, medium - high, high


def call_chance(score: Score, ruling: Ruling) -> float:
    """Returns the chance that somebody must be called, as the log-odds claim it; certain where an override or a floor says so."""
    return 1.0 if ruling.at_least <= CALLED_FROM else logistic(score.log_odds)


def confidence(severity: Severity, chances: SeverityChances, terms: Iterable[ScoreTerm], model: ScoringModel, stale: float = 0.0) -> float:
    """Returns how sure the assessment may be of `severity`: its chance, less the share of the score that is not known.

    That share is how far the missing inputs could move the log-odds, over how far all inputs together could: an assessment that knows
    nothing has no confidence, and one that lacks only what weighs little loses little. What the incident's evidence tells is missing to
    the share to which it is `stale`, which is as much as not told when it is 1.
    """
    ranges = _ranges(model)
    unknown = sum([ranges[term.feature] * (1.0 if term.missing else stale * (term.feature in TOLD)) for term in terms])
    return chances.of(severity) * (1 - unknown / ranges[_ALL])


@lru_cache(maxsize=16)
def _ranges(model: ScoringModel) -> Mapping[str, float]:
    """Returns how far each input could move the log-odds, and all together; worked out once for a version of the model."""
    ranges = {feature.name: feature.most - feature.least for feature in model.features}
    return ranges | {_ALL: sum(ranges.values())}


def staleness(inputs: Inputs, model: ScoringModel) -> float:
    """Returns how old the evidence is, from 0 for fresh to 1, by the model's scale; 0 where the model does not look, or cannot tell."""
    age = inputs.reading("evidence_age").value
    scale = next((feature.scale for feature in model.features if feature.name == "evidence_age"), None)
    return 0.0 if age is None or scale is None else scale.fraction(age)


def logistic(x: float) -> float:
    """Returns 1 / (1 + exp(−x)) without overflow."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else 1 - 1 / (1 + math.exp(x))
