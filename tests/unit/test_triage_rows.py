"""What is kept of findings and matrices is read back equal, or the same finding would look like a new one."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.defaults import default_matrix
from services.triage.domain.incident import Incident
from services.triage.domain.inputs import Surroundings
from services.triage.storage.findings import finding_from_json, finding_to_json
from services.triage.storage.rows import matrix_from_json, matrix_to_json
from tests.support.triage import assessed, incidents, situations

moments = st.none() | incidents.map(lambda incident: incident.opened_at)


@given(situations(), moments, moments)
def test_a_finding_is_read_back_equal(
    situation: tuple[Incident, Surroundings], acknowledged_at: datetime | None, resolved_at: datetime | None
) -> None:
    happened = replace(situation[0], acknowledged_at=acknowledged_at, resolved_at=resolved_at)
    finding = assessed(happened, *situation[1].known)
    assert finding_from_json(json.loads(json.dumps(finding_to_json(finding)))) == finding


@given(st.floats(-1e6, 1e6), st.floats(0.1, 1e6), st.integers(1, 10**6))
def test_a_matrix_is_read_back_equal(medium: float, further: float, milliseconds: int) -> None:
    matrix = default_matrix()
    hurried = tuple(replace(target, report_every=timedelta(milliseconds=milliseconds)) for target in matrix.targets)
    odd = replace(matrix, impact_thresholds=(medium, medium + further), targets=hurried)
    assert matrix_from_json(json.loads(json.dumps(matrix_to_json(odd)))) == odd
