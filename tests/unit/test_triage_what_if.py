"""What if: any input changed, and the same answer wherever it is asked."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given

from services.triage.domain.component import Tier
from services.triage.domain.defaults import default_gates, default_model
from services.triage.domain.finding import Standards, find
from services.triage.domain.gate import gates_of
from services.triage.domain.incident import Evidence, Incident, ServiceImpact
from services.triage.domain.inputs import Surroundings
from services.triage.domain.what_if import InputChange, Supposition, supposed
from services.triage.storage.findings import finding_to_json
from shared.errors import InvalidInput
from tests.support.triage import FIRST_MATRIX, component, incident, situations

ROOT = Path(__file__).parents[2]
STANDARDS = Standards(default_model(), FIRST_MATRIX, gates_of(1, default_gates()))
_ASK = """
import sys; sys.path.insert(0, ".")
from tests.unit.test_triage_what_if import digest
print(digest())
"""


def digest() -> str:
    """Returns the digest of a finding that has a term of every kind, gates and floors."""
    web = component(tier=Tier.CRITICAL, revenue="12.50 USD", owner_team="teams/shop")
    finding = find(incident("web", "ghost", users_affected=1_234, burn_rate=3.7, data_loss=True), Surroundings((web,), 7), STANDARDS)
    return hashlib.sha256(repr(finding_to_json(finding)).encode()).hexdigest()


def with_changes(*changes: InputChange) -> dict[str, str]:
    happened = incident("web", service_impact=ServiceImpact.DISRUPTION)
    told = supposed(happened, changes, STANDARDS.model)
    finding = find(told.incident, Surroundings((component(),)), STANDARDS, instead=told.readings)
    return {term.feature: term.value for term in finding.verdict.score.terms}


@pytest.mark.parametrize(
    ("feature", "value", "shown"),
    [
        ("users_affected", 1200.0, "1,200"),
        ("service_impact", "outage", "outage"),
        ("tier", "critical", "critical"),
        ("workaround", False, "no"),
        ("burn_rate", 14.4, "14.4"),
        ("alert_count", 9.0, "8 or more"),
        ("dependents", 31.0, "31"),
        ("business_hours", True, "yes"),
        ("revenue_per_minute", 500.0, "500 USD a minute"),
        ("service_impact", None, "unknown"),
        ("budget_used", 0.85, "0.85"),
        ("recurrence", 4.0, "4"),
        ("recurrence", None, "unknown"),
        ("redundancy_left", 0.5, "0.5"),
        ("flap_count", 6.0, "6"),
        ("evidence_age", 8.0, "8 h"),
    ],
)
def test_any_input_can_be_changed(feature: str, value: float | bool | str | None, shown: str) -> None:
    assert with_changes(InputChange(feature, value))[feature] == shown


def test_what_the_incident_tells_is_changed_for_gates_too() -> None:
    told = supposed(incident("web"), [InputChange("users_affected", 7.0), InputChange("alert_count", 3.0)], STANDARDS.model).incident
    assert (told.evidence.users_affected, told.alert_count) == (7, 3)


@pytest.mark.parametrize(
    ("changes", "field", "why"),
    [
        ([InputChange("users_afected", 1.0)], "changes[0].feature", "did you mean users_affected?"),
        ([InputChange("luck", 1.0)], "changes[0].feature", "inputs are"),
        ([InputChange("tier", "gold")], "changes[0].value", "one of low, medium, high, critical"),
        ([InputChange("redundancy_left", 1.5)], "changes[0].value", "is a share from 0 to 1"),
        ([InputChange("users_affected", "many")], "changes[0].value", "is a number from 0 up"),
        ([InputChange("alert_count", 2.5)], "changes[0].value", "is 2.5; alert_count is a whole number"),
        ([InputChange("users_affected", 0.5)], "changes[0].value", "is a whole number"),
        ([InputChange("dependents", 1.0), InputChange("dependents", 2.0)], "changes[1].feature", "stands twice"),
    ],
)
def test_a_change_that_no_input_can_have_is_refused(changes: list[InputChange], field: str, why: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        supposed(incident("web"), changes, STANDARDS.model)
    (found,) = refused.value.violations
    assert (found.field, why in found.description) == (field, True)


@given(situations())
def test_supposing_nothing_changes_nothing(situation: tuple[Incident, Surroundings]) -> None:
    happened, around = situation
    assert Supposition().over(happened) == happened
    told = supposed(happened, (), STANDARDS.model)
    assert find(told.incident, around, STANDARDS, instead=told.readings) == find(happened, around, STANDARDS)


def test_what_is_supposed_stands_in_place_of_what_was_told_and_the_rest_stays() -> None:
    told = Supposition(evidence=Evidence(users_affected=9), alert_count=5).over(incident("web", burn_rate=2.0, users_affected=1))
    assert (told.evidence.users_affected, told.evidence.burn_rate, told.alert_count, told.components) == (9, 2.0, 5, ("web",))


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_the_same_inputs_give_the_same_answer_in_any_process(seed: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    ran = subprocess.run([sys.executable, "-c", _ASK], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == digest()
