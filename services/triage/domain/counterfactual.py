"""Counterfactuals: the smallest change of a single input that would alter the severity."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from services.triage.domain.model import Axis, Feature, ScoringModel
from services.triage.domain.override import severity_with
from services.triage.domain.ruling import Ruling
from services.triage.domain.scale import Value, text_of
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
    present, asked = ruling.severity, severity_with(ruling.overrides, ruling.evidence, Severity.SEV5)
    found = [
        change
        for feature in model.features
        if feature.rises_if and feature.drops_if
        for change in _changes(_Inquiry(feature, by_name[feature.name], ruling, asked, model.factor), present)
    ]
    found.sort(key=lambda change: (change[0], change[1].feature))
    return (*(counterfactual for _, counterfactual in found), *_override_changes(ruling))


class _Inquiry:
    """Which severity there would be with another value of one input; all that the others decide is worked out before."""

    __slots__ = ("_at_least", "_base", "_factor", "_floors", "_is_impact", "_matrix", "_other", "current", "feature")

    def __init__(self, feature: Feature, current: float, ruling: Ruling, asked: Severity, factor: float) -> None:
        matrix, self._is_impact = ruling.matrix, feature.axis is Axis.IMPACT
        self.feature, self.current, self._matrix, self._factor = feature, current, matrix, factor
        self._base = (ruling.impact_points if self._is_impact else ruling.urgency_points) - factor * current
        self._other = matrix.urgency_of(ruling.urgency_points) if self._is_impact else matrix.impact_of(ruling.impact_points)
        own = [floor for _, floor in ruling.floors if floor.measure.feature == feature.name]
        others = [floor for _, floor in ruling.floors if floor.measure.feature != feature.name]
        self._floors = own
        self._at_least = min([asked, *[floor.severity for floor in others if floor.holds(ruling.readings)]])

    def severity_at(self, index: int) -> Severity:
        """Returns the severity at a rung of the feature's scale."""
        rung = self.feature.scale.rung(index)
        return self._severity(self.feature.contribution(rung), rung if self._floors else None)

    def mildest(self) -> Severity:
        return self._severity(self.feature.least, self.feature.scale.rung(0) if self._floors else None)

    def worst(self) -> Severity:
        return self._severity(self.feature.most, self.feature.scale.rung(self.feature.scale.rungs - 1) if self._floors else None)

    def _severity(self, contribution: float, rung: Value | None) -> Severity:
        points = self._base + self._factor * contribution
        if self._is_impact:
            scored = self._matrix.severity_at(self._matrix.impact_of(points), self._other)
        else:
            scored = self._matrix.severity_at(self._other, self._matrix.urgency_of(points))
        reached = [floor.severity for floor in self._floors if floor.holds({self.feature.name: rung})]
        return min(scored, self._at_least, *reached)


def _changes(inquiry: _Inquiry, present: Severity) -> Iterator[tuple[float, Counterfactual]]:
    """Yields each change with its distance in log-odds.

    Along the rungs of a scale the severity never gets milder: so both are found by bisection, and not looked for at all where the ends
    of the scale give what there is.
    """
    feature, rungs = inquiry.feature, range(inquiry.feature.scale.rungs)

    def badness(index: int) -> int:
        return -inquiry.severity_at(index)

    def change(index: int, verb: str, condition: str) -> tuple[float, Counterfactual]:
        severity = inquiry.severity_at(index)
        text = f"{verb} to {severity.name} if {condition}"
        return abs(feature.contribution(feature.scale.rung(index)) - inquiry.current), Counterfactual(feature.name, text, severity)

    if inquiry.worst() < present:
        worse = bisect_right(rungs, -present, key=badness)
        yield change(worse, "rises", feature.rises_if.format(text_of(feature.scale.rung(worse))))
    if inquiry.mildest() > present:
        not_milder = bisect_left(rungs, -present, key=badness)
        yield change(not_milder - 1, "drops", feature.drops_if.format(feature.scale.below(not_milder)))


def _override_changes(ruling: Ruling) -> Iterator[Counterfactual]:
    """Yields what it would be if the fact of an override were known to hold, or known not to."""
    present, scored = ruling.severity, ruling.scored_severity
    floors = [floor.severity for _, floor in ruling.floors if floor.holds(ruling.readings)]
    matching = [override for override in ruling.overrides if override.matches(ruling.evidence)]
    for override in ruling.overrides:
        holds = override in matching
        asked = [each.at_least for each in matching if each.fact != override.fact] if holds else [override.at_least, present]
        severity = min([scored, *asked, *floors])
        if severity != present:
            verb, condition = ("drops", override.drops_if) if holds else ("rises", override.rises_if)
            yield Counterfactual(override.fact, f"{verb} to {severity.name} if {condition}", severity)
