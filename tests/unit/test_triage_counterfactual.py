"""Counterfactuals: what is found by ladders is what trying every rung of every scale finds."""

from collections.abc import Iterator
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from services.triage.domain.counterfactual import Counterfactual
from services.triage.domain.defaults import default_matrix, default_model
from services.triage.domain.incident import Incident
from services.triage.domain.inputs import Inputs, Reading, Surroundings, inputs_of
from services.triage.domain.ladder import ladder_of
from services.triage.domain.model import Axis, Feature, ScoringModel
from services.triage.domain.ruling import ruling_of
from services.triage.domain.scale import LogScale, text_of
from services.triage.domain.score import score
from services.triage.domain.severity import Severity
from services.triage.domain.severity_floor import Measure, SeverityFloor
from services.triage.domain.severity_matrix import SeverityMatrix
from services.triage.domain.verdict import judge
from tests.support.triage import situations

_SHORT = {"users_affected": LogScale(full_at=60), "revenue_per_minute": LogScale(full_at=40)}
MODEL = replace(
    default_model(), features=tuple(replace(each, scale=_SHORT.get(each.name, each.scale)) for each in default_model().features)
)
floors = st.builds(SeverityFloor, st.sampled_from(Severity), st.sampled_from(Measure), st.sampled_from([1, 5, 14.4, 30, 1000.0]))
thresholds = st.tuples(st.floats(-15, 5), st.floats(0.1, 25)).map(lambda drawn: (drawn[0], drawn[0] + drawn[1]))
matrices = st.builds(
    lambda impact, urgency: replace(default_matrix(), impact_thresholds=impact, urgency_thresholds=urgency), thresholds, thresholds
)


@settings(max_examples=60)
@given(situations(), st.lists(floors, max_size=3), matrices)
def test_the_changes_found_are_those_that_trying_every_rung_finds(
    situation: tuple[Incident, Surroundings], own: list[SeverityFloor], matrix: SeverityMatrix
) -> None:
    inputs = replace(inputs_of(*situation, "USD"), floors=tuple(("components/web", each) for each in own))
    found = [each for each in judge(inputs, MODEL, matrix).counterfactuals if each.feature in inputs.readings]
    assert sorted(found, key=_by_text) == sorted(_tried(inputs, MODEL, matrix), key=_by_text)


@given(st.sampled_from(MODEL.features), st.floats(-30, 30), st.floats(-40, 40))
def test_a_ladder_gives_the_first_rung_that_gives_enough(feature: Feature, base: float, least: float) -> None:
    plain = next((rung for rung in range(feature.scale.rungs) if base + _points(feature, rung) >= least), feature.scale.rungs)
    assert ladder_of(feature, MODEL.factor).first(least, base) == plain


def test_a_threshold_that_is_just_reached_counts_as_reached() -> None:
    users = next(each for each in MODEL.features if each.name == "users_affected")
    assert users.axis is Axis.IMPACT
    for rung in range(users.scale.rungs):
        first = ladder_of(users, MODEL.factor).first(0.1 + _points(users, rung), 0.1)
        assert _points(users, first) == _points(users, rung)
        assert first == 0 or _points(users, first - 1) < _points(users, rung)


def _points(feature: Feature, rung: int) -> float:
    return MODEL.factor * feature.contribution(feature.scale.rung(rung))


def _tried(inputs: Inputs, model: ScoringModel, matrix: SeverityMatrix) -> Iterator[Counterfactual]:
    present = _severity(inputs, model, matrix)
    for feature in model.features:
        if not feature.rises_if:
            continue
        rungs = [feature.scale.rung(index) for index in range(feature.scale.rungs)]
        given_ = [_severity(_with(inputs, feature.name, Reading(rung)), model, matrix) for rung in rungs]
        worse = next((index for index, severity in enumerate(given_) if severity < present), None)
        if worse is not None:
            condition = feature.rises_if.format(text_of(rungs[worse]))
            yield Counterfactual(feature.name, f"rises to {given_[worse].name} if {condition}", given_[worse])
        milder = max((index for index, severity in enumerate(given_) if severity > present), default=None)
        if milder is not None:
            condition = feature.drops_if.format(feature.scale.below(milder + 1))
            yield Counterfactual(feature.name, f"drops to {given_[milder].name} if {condition}", given_[milder])


def _with(inputs: Inputs, name: str, reading: Reading) -> Inputs:
    return replace(inputs, readings={**inputs.readings, name: reading})


def _severity(inputs: Inputs, model: ScoringModel, matrix: SeverityMatrix) -> Severity:
    return ruling_of(score(inputs, model), inputs, model, matrix).severity


def _by_text(change: Counterfactual) -> tuple[str, str]:
    return change.feature, change.text
