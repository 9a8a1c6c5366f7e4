"""The severity matrix: from which points impact and urgency are medium or high, where they meet, and what that asks for."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise, product

from services.triage.domain.errors import MatrixIncomplete, MatrixNotMonotone, ThresholdsNotRising
from services.triage.domain.severity import Level, Severity
from shared.revision import Revision

Thresholds = tuple[float, ...]
"""Points from which a level is MEDIUM, and from which it is HIGH."""


@dataclass(frozen=True, slots=True)
class SeverityCell:
    impact: Level
    urgency: Level
    severity: Severity


@dataclass(frozen=True, slots=True)
class SeverityTarget:
    severity: Severity
    time_to_restore: timedelta
    report_every: timedelta


@dataclass(frozen=True, slots=True)
class SeverityMatrix:
    """Nine cells, two pairs of thresholds and five targets; `check` says whether they make sense together."""

    cells: tuple[SeverityCell, ...]
    impact_thresholds: Thresholds
    urgency_thresholds: Thresholds
    targets: tuple[SeverityTarget, ...]

    def severity_at(self, impact: Level, urgency: Level) -> Severity:
        return next(cell.severity for cell in self.cells if (cell.impact, cell.urgency) == (impact, urgency))

    def impact_of(self, points: float) -> Level:
        return _level(points, self.impact_thresholds)

    def urgency_of(self, points: float) -> Level:
        return _level(points, self.urgency_thresholds)

    def target_of(self, severity: Severity) -> SeverityTarget:
        return next(target for target in self.targets if target.severity is severity)

    def check(self) -> None:
        """Raises MatrixIncomplete, MatrixNotMonotone or ThresholdsNotRising, naming the first rule broken."""
        cells = ((cell.impact, cell.urgency) for cell in self.cells)
        _check_each_once("cells", cells, set(product(Level, Level)))
        _check_each_once("targets", ((target.severity,) for target in self.targets), {(severity,) for severity in Severity})
        self._check_cells_monotone()
        self._check_targets_monotone()
        _check_rising("impact_thresholds", self.impact_thresholds)
        _check_rising("urgency_thresholds", self.urgency_thresholds)

    def _check_cells_monotone(self) -> None:
        for (milder, worse), other in product(pairwise(Level), Level):
            pairs = (((milder, other), (worse, other)), ((other, milder), (other, worse)))
            for low, high in pairs:
                if self.severity_at(*high) > self.severity_at(*low):
                    raise MatrixNotMonotone("matrix.cells", _not_monotone(low, high, self))

    def _check_targets_monotone(self) -> None:
        for worse, milder in pairwise(self.target_of(severity) for severity in Severity):
            for field in ("time_to_restore", "report_every"):
                if getattr(milder, field) < getattr(worse, field):
                    rule = f"{milder.severity.name} has a shorter {field} than {worse.severity.name}; give the milder no less time"
                    raise MatrixNotMonotone("matrix.targets", rule)


MatrixRevision = Revision[SeverityMatrix]


def _level(points: float, thresholds: Thresholds) -> Level:
    medium, high = thresholds
    return Level.HIGH if points >= high else Level.MEDIUM if points >= medium else Level.LOW


def _check_each_once(
    field: str, found: Iterable[tuple[Level | Severity, ...]], wanted: set[tuple[Level, Level]] | set[tuple[Severity]]
) -> None:
    seen: set[tuple[Level | Severity, ...]] = set()
    for key in found:
        if key in seen:
            raise MatrixIncomplete(f"matrix.{field}", f"{_names(key)} stands twice; give each exactly once")
        seen.add(key)
    missing = sorted(key for key in wanted if key not in seen)
    if missing:
        raise MatrixIncomplete(f"matrix.{field}", f"{_names(missing[0])} is missing; give each exactly once")


def _names(key: tuple[Level | Severity, ...]) -> str:
    if len(key) == 1:
        return key[0].name
    return f"impact {key[0].name}, urgency {key[1].name}"


def _not_monotone(low: tuple[Level, Level], high: tuple[Level, Level], matrix: SeverityMatrix) -> str:
    return (
        f"{_names(high)} gives {matrix.severity_at(*high).name}, milder than {matrix.severity_at(*low).name} "
        f"at {_names(low)}; severity must not get better as impact or urgency rises"
    )


def _check_rising(field: str, thresholds: Thresholds) -> None:
    if len(thresholds) != 2 or not all(math.isfinite(points) for points in thresholds) or thresholds[0] >= thresholds[1]:
        raise ThresholdsNotRising(
            f"matrix.{field}", f"are {list(thresholds)}; give two finite numbers of points, that for MEDIUM below that for HIGH"
        )
