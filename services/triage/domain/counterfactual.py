"""Counterfactuals: the smallest change of a single input that would alter the severity."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from services.triage.domain.model import Axis, Feature, ScoringModel
from services.triage.domain.ruling import Ruling
from services.triage.domain.scale import text_of
from services.triage.domain.score import Score
from services.triage.domain.severity import Severity


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """A change of one input, all else equal, and the severity it would give."""

    feature: str
    text: str
    severity: Severity


def counterfactuals(score: Score, ruling: Ruling, model: ScoringModel) -> tuple[Counterfactual, ...]:
    """Returns the nearest change of each input upwards and downwards, the one that moves the log-odds least first, overrides last."""
    by_name = {term.feature: term.contribution for term in score.terms}
    changeable = [feature for feature in model.features if feature.rises_if and feature.drops_if]
    found = [change for feature in changeable for change in _changes(feature, by_name[feature.name], ruling, model.factor)]
    found.sort(key=lambda change: (change[0], change[1].feature))
    return (*(counterfactual for _, counterfactual in found), *_override_changes(ruling))


def _changes(feature: Feature, current: float, ruling: Ruling, factor: float) -> Iterator[tuple[float, Counterfactual]]:
    """Yields each change with its distance in log-odds.

    Along the rungs of a scale the severity never gets milder, so both are found by bisection.
    """
    scale = feature.scale
    rungs = range(scale.rungs)

    def contribution(index: int) -> float:
        return feature.contribution(scale.rung(index))

    def badness(index: int) -> int:
        moved = _moved(ruling, feature.axis, factor * (contribution(index) - current))
        return -replace(moved, readings={**ruling.readings, feature.name: scale.rung(index)}).severity

    def change(index: int, verb: str, condition: str) -> tuple[float, Counterfactual]:
        severity = Severity(-badness(index))
        text = f"{verb} to {severity.name} if {condition}"
        return abs(contribution(index) - current), Counterfactual(feature.name, text, severity)

    first_worse = bisect_right(rungs, -ruling.severity, key=badness)
    first_not_milder = bisect_left(rungs, -ruling.severity, key=badness)
    if first_worse < len(rungs):
        yield change(first_worse, "rises", feature.rises_if.format(text_of(scale.rung(first_worse))))
    if first_not_milder > 0:
        yield change(first_not_milder - 1, "drops", feature.drops_if.format(scale.below(first_not_milder)))


def _moved(ruling: Ruling, axis: Axis, points: float) -> Ruling:
    if axis is Axis.IMPACT:
        return replace(ruling, impact_points=ruling.impact_points + points)
    return replace(ruling, urgency_points=ruling.urgency_points + points)


def _override_changes(ruling: Ruling) -> Iterator[Counterfactual]:
    for override in ruling.overrides:
        holds = override.matches(ruling.evidence)
        severity = replace(ruling, evidence=override.decided(ruling.evidence, not holds)).severity
        if severity != ruling.severity:
            verb, condition = ("drops", override.drops_if) if holds else ("rises", override.rises_if)
            yield Counterfactual(override.fact, f"{verb} to {severity.name} if {condition}", severity)
