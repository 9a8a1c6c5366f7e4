"""Models, readings and measures come back from storage as they were."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given

from services.triage.domain.calibration import calibration_of
from services.triage.domain.defaults import default_model
from services.triage.domain.incident import Incident
from services.triage.domain.inputs import Surroundings, inputs_of
from services.triage.domain.model import ScoringModel
from services.triage.domain.model_version import FitRecord, ModelState, ModelVersion
from services.triage.domain.triage_cost import default_costs
from services.triage.storage.model_rows import inputs_from_json, inputs_to_json, version_from_row, version_to_row
from tests.support.triage import MONDAY_NOON, situations
from tests.unit.test_triage_calibration_measures import BY_HAND

MEASURES = calibration_of(BY_HAND, default_costs())
FIT = FitRecord("2026.1", 60, 2, MEASURES, calibration_of(BY_HAND[:9], default_costs()))


def stored(value: Any) -> Any:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("model", [default_model(), default_model("EUR"), replace(default_model(), version="2026.2-fit.0123abcd")])
@pytest.mark.parametrize("fit", [None, FIT])
def test_a_version_comes_back_with_the_same_hash(model: ScoringModel, fit: FitRecord | None) -> None:
    version = ModelVersion(model, fit, "ada", "why not", MONDAY_NOON)
    row = version_to_row(version)
    found = version_from_row(SimpleNamespace(**(row | {"document": stored(row["document"]), "fit": stored(row["fit"])})))
    assert found == version
    assert found.model.weights_hash == model.weights_hash


@given(situations())
def test_what_was_looked_at_comes_back(situation: tuple[Incident, Surroundings]) -> None:
    inputs = inputs_of(*situation, "USD")
    assert inputs_from_json(stored(inputs_to_json(inputs))) == inputs


def test_a_version_is_in_force_by_its_numbers_and_not_by_its_name() -> None:
    in_force = default_model()
    fitted = ModelVersion(replace(in_force, version="x"), FIT, "", "", MONDAY_NOON)
    assert fitted.state(in_force) is ModelState.CANDIDATE
    assert replace(fitted, fit=None).state(in_force) is ModelState.RETIRED
    assert replace(fitted, model=in_force).state(in_force) is ModelState.IN_FORCE
