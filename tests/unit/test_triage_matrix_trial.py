"""Trying a matrix on incidents that happened."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.defaults import default_matrix
from services.triage.domain.matrix_trial import try_matrix
from services.triage.domain.severity import Severity
from tests.support.triage import assessed, component, incident, situations


@given(st.lists(situations(), max_size=5))
def test_the_matrix_that_assessed_them_changes_nothing(told: list) -> None:  # type: ignore[type-arg]
    findings = [assessed(happened, *around.known, dependents=around.dependents) for happened, around in told]
    trial = try_matrix(default_matrix(), findings)
    assert (trial.incidents, trial.changes) == (len(findings), ())
    assert all(before == after for before, after in trial.counts.values())


def test_lower_thresholds_make_it_worse_and_overrides_still_raise() -> None:
    strict = replace(default_matrix(), impact_thresholds=(-100.0, -90.0), urgency_thresholds=(-100.0, -90.0))
    mild = replace(default_matrix(), impact_thresholds=(90.0, 100.0), urgency_thresholds=(90.0, 100.0))
    findings = [assessed(incident("web"), component()), assessed(incident("web", data_loss=True), component())]
    worse = try_matrix(strict, findings)
    assert [each.after for each in worse.changes] == [Severity.SEV1, Severity.SEV1]
    assert worse.counts[Severity.SEV1] == (0, 2)
    assert [each.after for each in try_matrix(mild, findings).changes] == [Severity.SEV5]
