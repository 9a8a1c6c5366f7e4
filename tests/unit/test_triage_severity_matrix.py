"""The severity matrix: complete, monotone, with rising thresholds, or refused by reason."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from services.triage.domain.defaults import default_matrix
from services.triage.domain.errors import MatrixIncomplete, MatrixNotMonotone, ThresholdsNotRising
from services.triage.domain.severity import Level, Severity
from services.triage.domain.severity_matrix import SeverityCell, SeverityMatrix

HIGH, MEDIUM, LOW = Level.HIGH, Level.MEDIUM, Level.LOW


def with_cell(impact: Level, urgency: Level, severity: Severity) -> SeverityMatrix:
    matrix = default_matrix()
    cells = [SeverityCell(impact, urgency, severity) if (cell.impact, cell.urgency) == (impact, urgency) else cell for cell in matrix.cells]
    return replace(matrix, cells=tuple(cells))


@pytest.mark.parametrize(
    ("impact", "urgency", "severity"),
    [
        (HIGH, HIGH, 1),
        (HIGH, MEDIUM, 2),
        (HIGH, LOW, 3),
        (MEDIUM, HIGH, 2),
        (MEDIUM, MEDIUM, 3),
        (MEDIUM, LOW, 4),
        (LOW, HIGH, 3),
        (LOW, MEDIUM, 4),
        (LOW, LOW, 5),
    ],
)
def test_the_default_matrix_counts_impact_and_urgency_alike(impact: Level, urgency: Level, severity: int) -> None:
    assert default_matrix().severity_at(impact, urgency) == severity


def test_the_default_matrix_passes_its_own_check() -> None:
    default_matrix().check()


def test_a_level_begins_at_its_threshold() -> None:
    matrix = default_matrix()
    assert [matrix.impact_of(points) for points in (-3.01, -3.0, 16.99, 17.0)] == [LOW, MEDIUM, MEDIUM, HIGH]
    assert [matrix.urgency_of(points) for points in (-1.01, -1.0, 6.99, 7.0)] == [LOW, MEDIUM, MEDIUM, HIGH]


def test_a_missing_cell_is_named() -> None:
    matrix = default_matrix()
    with pytest.raises(MatrixIncomplete, match="impact LOW, urgency LOW is missing"):
        replace(matrix, cells=tuple(cell for cell in matrix.cells if (cell.impact, cell.urgency) != (LOW, LOW))).check()


def test_a_cell_given_twice_is_named() -> None:
    matrix = default_matrix()
    with pytest.raises(MatrixIncomplete, match="impact LOW, urgency LOW stands twice"):
        replace(matrix, cells=(matrix.cells[0], *matrix.cells[:-1])).check()


def test_a_missing_target_is_named() -> None:
    matrix = default_matrix()
    with pytest.raises(MatrixIncomplete, match="SEV5 is missing"):
        replace(matrix, targets=matrix.targets[:-1]).check()


@pytest.mark.parametrize(
    ("impact", "urgency", "severity"), [(HIGH, MEDIUM, Severity.SEV4), (MEDIUM, HIGH, Severity.SEV4), (LOW, LOW, Severity.SEV3)]
)
def test_severity_that_gets_better_as_things_get_worse_is_refused(impact: Level, urgency: Level, severity: Severity) -> None:
    with pytest.raises(MatrixNotMonotone) as refused:
        with_cell(impact, urgency, severity).check()
    assert refused.value.violations[0].field == "matrix.cells"


def test_a_milder_severity_with_less_time_is_refused() -> None:
    matrix = default_matrix()
    hurried = tuple(replace(t, time_to_restore=timedelta(minutes=5)) if t.severity is Severity.SEV5 else t for t in matrix.targets)
    with pytest.raises(MatrixNotMonotone, match="SEV5 has a shorter time_to_restore than SEV4"):
        replace(matrix, targets=hurried).check()


@pytest.mark.parametrize("thresholds", [(5.0, 5.0), (6.0, 5.0), (math.nan, 5.0), (0.0, math.inf), (1.0,), (1.0, 2.0, 3.0)])
def test_thresholds_that_do_not_rise_are_refused(thresholds: tuple[float, ...]) -> None:
    with pytest.raises(ThresholdsNotRising, match="impact_thresholds"):
        replace(default_matrix(), impact_thresholds=thresholds).check()
    with pytest.raises(ThresholdsNotRising, match="urgency_thresholds"):
        replace(default_matrix(), urgency_thresholds=thresholds).check()
