"""Rulings: the points of the two axes looked up in the matrix, then raised by overrides and by floors of the components."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.triage.domain.incident import Evidence
from services.triage.domain.inputs import Inputs
from services.triage.domain.model import Axis, ScoringModel
from services.triage.domain.override import MatchedOverride, Override, severity_with
from services.triage.domain.scale import Value
from services.triage.domain.score import Score
from services.triage.domain.severity import Level, Severity
from services.triage.domain.severity_floor import REASON, SeverityFloor
from services.triage.domain.severity_matrix import SeverityMatrix


@dataclass(frozen=True, slots=True)
class Ruling:
    """All that decides a severity once the score is known."""

    impact_points: float
    urgency_points: float
    evidence: Evidence
    overrides: tuple[Override, ...]
    matrix: SeverityMatrix
    floors: tuple[tuple[str, SeverityFloor], ...] = ()  # each with the component whose it is
    readings: Mapping[str, Value | None] = field(default_factory=dict)  # by feature
    # What follows, worked out once: each is asked for some six times in a verdict, which was a tenth of its time.
    impact: Level = field(init=False)
    urgency: Level = field(init=False)
    scored_severity: Severity = field(init=False)  # by the score alone
    at_least: Severity = field(init=False)  # the worst that the overrides and floors that match ask for; SEV5 when none does
    severity: Severity = field(init=False)  # after overrides and floors; never milder than by the score alone

    def __post_init__(self) -> None:
        impact, urgency = self.matrix.impact_of(self.impact_points), self.matrix.urgency_of(self.urgency_points)
        scored, at_least = self.matrix.severity_at(impact, urgency), self.at_least_without("")
        found = {"impact": impact, "urgency": urgency, "scored_severity": scored, "at_least": at_least, "severity": min(scored, at_least)}
        for name, value in found.items():
            object.__setattr__(self, name, value)

    def at_least_without(self, feature: str) -> Severity:
        """Returns the worst that the overrides and floors that match ask for, but the floors on this feature; SEV5 when none does."""
        asked = severity_with(self.overrides, self.evidence, Severity.SEV5)
        floors = [floor for _, floor in self.floors if floor.measure.feature != feature and floor.holds(self.readings)]
        return min([asked, *[floor.severity for floor in floors]])

    def raised_by(self) -> tuple[MatchedOverride, ...]:
        """Returns the overrides and floors that match, and whether each made the severity what it is."""
        final, scored = self.severity, self.scored_severity
        rules = [(each.reason, each.at_least, "") for each in self.overrides if each.matches(self.evidence)]
        rules += [
            (REASON, floor.severity, floor.explained(component, self.readings))
            for component, floor in self.floors
            if floor.holds(self.readings)
        ]
        return tuple(MatchedOverride(reason, at_least, at_least == final < scored, detail) for reason, at_least, detail in rules)


def ruling_of(scored: Score, inputs: Inputs, model: ScoringModel, matrix: SeverityMatrix) -> Ruling:
    return Ruling(
        impact_points=scored.axis_points(Axis.IMPACT),
        urgency_points=scored.axis_points(Axis.URGENCY),
        evidence=inputs.evidence,
        overrides=model.overrides,
        matrix=matrix,
        floors=inputs.floors,
        readings={name: reading.value for name, reading in inputs.readings.items()},
    )
