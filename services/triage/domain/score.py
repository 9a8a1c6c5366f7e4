"""The score: one term for each feature of the model, adding up exactly to the log-odds and to the points."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from services.triage.domain.inputs import Inputs, Reading
from services.triage.domain.model import Axis, Feature, ScoringModel
from services.triage.domain.scale import StepScale, Value


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
    terms = [column.term(inputs.reading(column.feature.name)) for column in _columns(model)]
    terms.sort(key=_weight, reverse=True)  # stable: of terms that weigh the same the first by name stands first
    return Score(tuple(terms), model.intercept, model.offset, model.factor)


def _weight(term: ScoreTerm) -> float:
    return abs(term.contribution)


@dataclass(frozen=True, slots=True)
class _Column:
    """A feature with its terms that are always the same: for an unknown value and for each step of a scale of steps.

    Most terms of most incidents are such; to make them anew was a third of the time a score takes.
    """

    feature: Feature
    factor: float
    unknown: ScoreTerm
    by_step: Mapping[Value, ScoreTerm]

    def term(self, reading: Reading) -> ScoreTerm:
        if reading.value is None:
            return _term(self.feature, reading, self.factor) if reading.note else self.unknown
        known = self.by_step.get(reading.value) if reading.complete else None
        return known or _term(self.feature, reading, self.factor)


@lru_cache(maxsize=16)
def _columns(model: ScoringModel) -> tuple[_Column, ...]:
    """Returns the model's features by name; worked out once for a version of the model."""
    return tuple(_column(feature, model.factor) for feature in sorted(model.features, key=lambda each: each.name))


def _column(feature: Feature, factor: float) -> _Column:
    steps = [step for step, _ in feature.scale.steps] if isinstance(feature.scale, StepScale) else []
    by_step = {step: _term(feature, Reading(step), factor) for step in steps}
    return _Column(feature, factor, _term(feature, Reading(), factor), by_step)


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
    if reading.value is None:
        return feature.when_missing, True
    contribution = feature.contribution(reading.value)
    return (feature.when_missing, True) if not reading.complete and contribution < feature.when_missing else (contribution, False)


def _text(feature: Feature, reading: Reading) -> str:
    if reading.value is None:
        return f"unknown ({reading.note})" if reading.note else "unknown"
    text = " ".join(part for part in (feature.scale.text(reading.value), feature.unit) if part)
    return text if reading.complete else f"{text} of what is known; some components are not"
