"""Counterfactuals: the smallest change of a single input that would alter the severity."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from math import inf

from services.triage.domain.ladder import Ladder, ladder_of
from services.triage.domain.model import Axis, Feature, ScoringModel
from services.triage.domain.ruling import Ruling
from services.triage.domain.scale import text_of
from services.triage.domain.score import Score, ScoreTerm
from services.triage.domain.severity import Level, Severity
from services.triage.domain.severity_floor import SeverityFloor


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """A change of one input, all else equal, and the severity it would give."""

    feature: str
    text: str
    severity: Severity


def counterfactuals(score: Score, ruling: Ruling, model: ScoringModel) -> tuple[Counterfactual, ...]:
    """Returns the nearest change of each input upwards and downwards, the one that moves the log-odds least first, overrides last."""
    by_name = {term.feature: term for term in score.terms}
    sides = {axis: _Side(axis, ruling) for axis in Axis}
    found: list[tuple[float, Counterfactual]] = []
    for feature, ladder in _ladders(model):
        floors = [floor for _, floor in ruling.floors if floor.measure.feature == feature.name]
        side = _Side(feature.axis, ruling, feature.name) if floors else sides[feature.axis]
        found += _Inquiry(feature, ladder, by_name[feature.name], side, floors).changes()
    found.sort(key=lambda change: (change[0], change[1].feature))
    return (*(counterfactual for _, counterfactual in found), *_override_changes(ruling))


@lru_cache(maxsize=16)
def _ladders(model: ScoringModel) -> tuple[tuple[Feature, Ladder], ...]:
    """Returns the features that can change, each with its ladder; worked out once for a version of the model."""
    return tuple((each, ladder_of(each, model.factor)) for each in model.features if each.rises_if and each.drops_if)


class _Side:
    """One axis of a ruling: the severity by its points, all else equal, and from which points on it is another.

    Worked out once for all features of the axis; the matrix is monotone, so more points never give a milder one. `without` names a
    feature whose floors are not to count.
    """

    __slots__ = ("_level", "_severities", "_thresholds", "not_milder_from", "points", "present", "worse_from")

    def __init__(self, axis: Axis, ruling: Ruling, without: str = "") -> None:
        matrix = ruling.matrix
        if axis is Axis.IMPACT:
            self.points, self._level, self._thresholds = ruling.impact_points, matrix.impact_of, matrix.impact_thresholds
            scored = [matrix.severity_at(level, ruling.urgency) for level in Level]
        else:
            self.points, self._level, self._thresholds = ruling.urgency_points, matrix.urgency_of, matrix.urgency_thresholds
            scored = [matrix.severity_at(ruling.impact, level) for level in Level]
        at_least = ruling.at_least_without(without) if without else ruling.at_least
        self._severities = [min(each, at_least) for each in scored]
        self.present = ruling.severity
        self.worse_from, self.not_milder_from = self._from(self.present - 1), self._from(self.present)

    def severity_at(self, points: float) -> Severity:
        return self._severities[self._level(points) - 1]

    def _from(self, severity: int) -> float:
        """Returns the points from which the severity is this or worse; infinite when none give it."""
        low, medium, high = self._severities
        if low <= severity:
            return -inf
        return self._thresholds[0] if medium <= severity else self._thresholds[1] if high <= severity else inf


class _Inquiry:
    """Which changes of one input give another severity. Floors on that input count by its rungs, all else by the side's points."""

    __slots__ = ("_base", "_feature", "_floors", "_ladder", "_side", "_term")

    def __init__(self, feature: Feature, ladder: Ladder, term: ScoreTerm, side: _Side, floors: Sequence[SeverityFloor]) -> None:
        self._feature, self._ladder, self._term, self._side, self._floors = feature, ladder, term, side, floors
        self._base = side.points - term.points

    def changes(self) -> Iterator[tuple[float, Counterfactual]]:
        """Yields each change with its distance in log-odds: the first rung that is worse than what there is, the last that is milder."""
        feature, side = self._feature, self._side
        worse = self._first(side.present - 1, side.worse_from)
        if worse < self._ladder.count:
            yield self._change(worse, "rises", feature.rises_if.format(text_of(feature.scale.rung(worse))))
        not_milder = self._first(side.present, side.not_milder_from)
        if not_milder:
            yield self._change(not_milder - 1, "drops", feature.drops_if.format(feature.scale.below(not_milder)))

    def _first(self, severity: int, points: float) -> int:
        """Returns the first rung at which the severity is this or worse, which it is from so many points of the side on."""
        first = self._ladder.first(points, self._base)
        for floor in self._floors:
            if floor.severity <= severity:
                first = bisect_left(range(first), True, key=partial(self._reaches, floor))
        return first

    def _reaches(self, floor: SeverityFloor, rung: int) -> bool:
        return floor.holds({self._feature.name: self._feature.scale.rung(rung)})

    def _change(self, rung: int, verb: str, condition: str) -> tuple[float, Counterfactual]:
        contribution = self._feature.contribution(self._feature.scale.rung(rung))
        by_points = self._side.severity_at(self._base + self._ladder.factor * contribution)
        severity = min([by_points, *[floor.severity for floor in self._floors if self._reaches(floor, rung)]])
        return abs(contribution - self._term.contribution), Counterfactual(
            self._feature.name, f"{verb} to {severity.name} if {condition}", severity
        )


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
