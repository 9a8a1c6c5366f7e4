"""The score: one term for each feature of the model, adding up exactly to the log-odds and to the points."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.triage.domain.inputs import Inputs, Reading
from services.triage.domain.model import Axis, Feature, ScoringModel


@dataclass(frozen=True, slots=True)
class ScoreTerm:
    """One addend of the score, and why it is what it is."""

    feature: str
    axis: Axis
    value: str
    missing: bool
    contribution: float  # log-odds
    points: float
    reason: str


@dataclass(frozen=True, slots=True)
class Score:
    """The terms, largest absolute contribution first, and the numbers that turn them into a score."""

    terms: tuple[ScoreTerm, ...]
    intercept: float
    offset: float
    factor: float

    @property
    def log_odds(self) -> float:
        return self.intercept + sum(term.contribution for term in self.terms)

    @property
    def points(self) -> float:
        return self.offset + self.factor * self.log_odds

    def axis_points(self, axis: Axis) -> float:
        """Points of the terms of one axis, without the offset; what the thresholds of the matrix are compared with."""
        return sum((term.points for term in self.terms if term.axis is axis), 0.0)


def score(inputs: Inputs, model: ScoringModel) -> Score:
    terms = (_term(feature, inputs.reading(feature.name), model.factor) for feature in model.features)
    return Score(reason_order(terms), model.intercept, model.offset, model.factor)


def reason_order(terms: Iterable[ScoreTerm]) -> tuple[ScoreTerm, ...]:
    return tuple(sorted(terms, key=lambda term: (-abs(term.contribution), term.feature)))


def _term(feature: Feature, reading: Reading, factor: float) -> ScoreTerm:
    contribution, missing = _contribution(feature, reading)
    reason = feature.reason
    if missing:
        reason = f"Not fully known, so the contribution set for that counts, {contribution:+g}. {reason}"
    return ScoreTerm(
        feature=feature.name,
        axis=feature.axis,
        value=_text(feature, reading),
        missing=missing,
        contribution=contribution,
        points=factor * contribution,
        reason=reason,
    )


def counts_as_missing(feature: Feature, reading: Reading) -> bool:
    """Says whether the contribution set for a missing input counts: also where what is known in part would count less."""
    if reading.value is None:
        return True
    return not reading.complete and feature.contribution(reading.value) < feature.when_missing


def _contribution(feature: Feature, reading: Reading) -> tuple[float, bool]:
    """Returns the contribution, and whether it is the one set for a missing input."""
    if reading.value is None or counts_as_missing(feature, reading):
        return feature.when_missing, True
    return feature.contribution(reading.value), False


def _text(feature: Feature, reading: Reading) -> str:
    if reading.value is None:
        return f"unknown ({reading.note})" if reading.note else "unknown"
    text = " ".join(part for part in (feature.scale.text(reading.value), feature.unit) if part)
    return text if reading.complete else f"{text} of what is known; some components are not"
