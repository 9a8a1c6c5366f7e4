"""Fitting weights: gradient by differences, truth found again, bounds kept, the same candidate in any order, and refusals."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from uuid import UUID

import numpy as np
import pytest

from services.triage.domain.calibration import Judged, calibration_of, claim_of
from services.triage.domain.component import Component, Tier
from services.triage.domain.defaults import default_matrix, default_model
from services.triage.domain.errors import TooFewLabels
from services.triage.domain.fitting import FOLDS, FURTHEST, Fit, LabelledIncident, fit_weights, fold_of
from services.triage.domain.incident import Evidence, Incident, ServiceImpact
from services.triage.domain.inputs import Inputs, Reading, Surroundings, inputs_of
from services.triage.domain.model import GRID, ScoringModel
from services.triage.domain.severity import Severity
from services.triage.domain.severity_floor import Measure, SeverityFloor
from services.triage.domain.triage_cost import default_costs
from services.triage.domain.verdict import judge
from services.triage.domain.weight_likelihood import Likelihood, labels_of
from tests.support.triage import money_of

MODEL, MATRIX, COSTS = default_model(), default_matrix(), default_costs()


def inputs(chance: Random) -> Inputs:
    """Draws what a model might see of an incident, some of it unknown."""
    evidence = Evidence(
        users_affected=chance.choice([None, 0, 10, 1_000, 100_000]),
        service_impact=chance.choice([None, *ServiceImpact]),
        workaround=chance.choice([None, True, False]),
        burn_rate=chance.choice([None, 0.5, 3.0, 14.4]),
        recent_change=chance.choice([None, True, False]),
    )
    known = Component("components/a", tier=chance.choice([None, *Tier]), revenue_per_minute=chance.choice([None, money_of("100 USD")]))
    opened_at = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=chance.randrange(168))
    components = chance.choice([("a",), ("a", "b")])
    happened = Incident(opened_at, components=components, alert_count=chance.choice([1, 8, 300]), evidence=evidence)
    return inputs_of(happened, Surroundings((known,), chance.randrange(10)), "USD")


def labelled(count: int, truth: ScoringModel, seed: int = 1) -> list[LabelledIncident]:
    """Draws incidents whose final severities follow the chances of `truth`."""
    chance, found = Random(seed), []
    for number in range(count):
        seen = inputs(chance)
        chances = claim_of(seen, truth, MATRIX).chances.chances
        final = chance.choices(list(Severity), chances)[0]
        found.append(LabelledIncident(f"incidents/{UUID(int=number)}", seen, final))
    return found


def changed(name: str, least: float, most: float) -> ScoringModel:
    features = (replace(each, least=least, most=most) if each.name == name else each for each in MODEL.features)
    return replace(MODEL, features=tuple(features))


def weights(model: ScoringModel, name: str) -> tuple[float, float]:
    return next((each.least, each.most) for each in model.features if each.name == name)


TRUTH = changed("burn_rate", -2.5, 3.0)


@pytest.fixture(scope="module")
def fit() -> Fit:
    return fit_weights(labelled(800, TRUTH), MODEL, MATRIX, COSTS)


def test_the_gradient_is_that_of_differences() -> None:
    likelihood = Likelihood(labels_of([(each.inputs, each.final) for each in labelled(40, TRUTH)], MODEL, MATRIX), MODEL, MATRIX)
    point = likelihood.start + np.linspace(-0.1, 0.1, len(likelihood.start))
    _, gradient = likelihood.loss(point)
    steps = np.eye(len(point)) * 1e-5
    differences = [(likelihood.loss(point + step)[0] - likelihood.loss(point - step)[0]) / 2e-5 for step in steps]
    assert gradient == pytest.approx(differences, rel=1e-5, abs=1e-5)


def test_the_likelihood_is_that_of_the_chances_of_severities() -> None:
    records = labelled(30, TRUTH)
    likelihood = Likelihood(labels_of([(each.inputs, each.final) for each in records], MODEL, MATRIX), MODEL, MATRIX)
    chances = [claim_of(each.inputs, MODEL, MATRIX).chances.of(each.final) for each in records]
    expected = -sum(np.log(0.98 * chance + 0.02 / 5) for chance in chances)
    # The grid of the contributions is all they differ by; at the weights in force the prior is 0.
    assert likelihood.loss(likelihood.start)[0] == pytest.approx(expected, rel=1e-3)


def test_weights_that_made_the_labels_are_found_again(fit: Fit) -> None:
    least, most = weights(fit.candidate, "burn_rate")
    assert least == pytest.approx(-2.5, abs=0.8)
    assert most == pytest.approx(3.0, abs=0.8)


def test_a_better_model_does_better_on_incidents_it_was_not_fitted_to(fit: Fit) -> None:
    assert fit.before.count == fit.after.count == fit.used_count == 800
    assert fit.after.ranked_probability.value is not None
    assert fit.before.ranked_probability.value is not None
    assert fit.after.ranked_probability.value < fit.before.ranked_probability.value * 0.97


def test_what_is_measured_are_folds_held_out_not_the_labels_fitted_to() -> None:
    # Labels of pure chance: nothing to learn, so held out the candidate does no better, while on its own labels it would.
    chance, records = Random(8), labelled(120, MODEL)
    noise = [replace(each, final=chance.choice(list(Severity))) for each in records]
    fitted = fit_weights(noise, MODEL, MATRIX, COSTS)
    own = [Judged(claim_of(each.inputs, fitted.candidate, MATRIX), each.final) for each in noise]
    own_score = calibration_of(own, COSTS).ranked_probability.value
    assert fitted.after.ranked_probability.value is not None
    assert own_score is not None
    assert own_score < fitted.after.ranked_probability.value


def test_labels_that_the_weights_in_force_explain_move_them_little() -> None:
    fitted = fit_weights(labelled(400, MODEL, seed=3), MODEL, MATRIX, COSTS)
    moved = [abs(a.most - b.most) for a, b in zip(fitted.candidate.features, MODEL.features, strict=True)]
    assert max(moved) < 0.6
    assert np.mean(moved) < 0.25


def test_a_candidate_keeps_the_form_of_the_model(fit: Fit) -> None:
    candidate = fit.candidate
    assert [(each.name, each.axis, each.scale) for each in candidate.features] == [
        (each.name, each.axis, each.scale) for each in MODEL.features
    ]
    assert (candidate.offset, candidate.factor, candidate.overrides, candidate.currency) == (50.0, 8.0, MODEL.overrides, "USD")
    for each in candidate.features:
        assert -FURTHEST <= each.least <= 0 < each.most <= FURTHEST
        assert each.least <= each.when_missing <= each.most
        assert each.when_missing != 0
        assert all((number * GRID).is_integer() for number in (each.least, each.most, each.when_missing))


def test_a_candidate_is_named_after_its_weights_and_its_terms_add_up_exactly(fit: Fit) -> None:
    assert fit.candidate.version.startswith("2026.2-fit.")
    assert fit.candidate.weights_hash != MODEL.weights_hash
    seen = inputs(Random(5))
    score = judge(seen, fit.candidate, MATRIX).score
    assert Fraction(score.points) == Fraction(score.offset) + sum(Fraction(term.points) for term in score.terms)


def test_the_same_labels_in_any_order_give_the_same_candidate_and_measures() -> None:
    records = labelled(100, TRUTH)
    shuffled = Random(2).sample(records, len(records))
    assert fit_weights(records, MODEL, MATRIX, COSTS) == fit_weights(shuffled, MODEL, MATRIX, COSTS)


def test_labels_that_no_weights_within_bounds_explain_stay_within_bounds() -> None:
    # Upside down: what the model takes for mild turned out worst.
    upside_down = [replace(each, final=Severity(6 - each.final)) for each in labelled(200, MODEL)]
    candidate = fit_weights(upside_down, MODEL, MATRIX, COSTS).candidate
    assert all(-FURTHEST <= each.least <= 0 < each.most <= FURTHEST for each in candidate.features)


def test_one_slip_of_a_person_hardly_moves_the_weights() -> None:
    records = labelled(100, MODEL, seed=4)
    worst = max(range(100), key=lambda number: _chance_of_worst(records[number]))
    slipped = [replace(each, final=Severity.SEV5) if number == worst else each for number, each in enumerate(records)]
    plain, bent = (fit_weights(each, MODEL, MATRIX, COSTS).candidate for each in (records, slipped))
    moved = [abs(a.most - b.most) for a, b in zip(plain.features, bent.features, strict=True)]
    assert max(moved) < 0.35


def test_an_incident_keeps_its_fold_and_each_fold_has_some() -> None:
    names = [f"incidents/{UUID(int=number)}" for number in range(200)]
    folds = [fold_of(name) for name in names]
    assert folds == [fold_of(name) for name in names]
    assert sorted(set(folds)) == list(range(FOLDS))
    assert min(folds.count(fold) for fold in range(FOLDS)) > 20


def test_incidents_that_an_override_or_a_floor_decided_are_left_out() -> None:
    records = labelled(80, TRUTH)
    first = records[0].inputs
    lost = replace(first, evidence=replace(first.evidence, data_loss=True))
    readings = {**first.readings, "users_affected": Reading(700)}
    held = replace(first, readings=readings, floors=(("components/a", SeverityFloor(Severity.SEV2, Measure.USERS_AFFECTED, 700)),))
    below = replace(held, floors=(("components/a", SeverityFloor(Severity.SEV2, Measure.USERS_AFFECTED, 701)),))
    seen = {"incidents/lost": lost, "incidents/held": held, "incidents/below": below}
    more = [*records, *(LabelledIncident(name, inputs, Severity.SEV2) for name, inputs in seen.items())]
    fitted = fit_weights(more, MODEL, MATRIX, COSTS)
    assert (fitted.used_count, fitted.left_out_count) == (81, 2)
    assert fitted.candidate == fit_weights([each for each in more if each.inputs not in (lost, held)], MODEL, MATRIX, COSTS).candidate


@pytest.mark.parametrize("count", [0, 59])
def test_too_few_labels_are_refused_with_how_many_are_needed(count: int) -> None:
    with pytest.raises(TooFewLabels, match="60 are needed") as refused:
        fit_weights(labelled(count, TRUTH), MODEL, MATRIX, COSTS)
    assert refused.value.reason == "TOO_FEW_LABELS"


def test_labels_that_are_all_alike_are_refused() -> None:
    alike: Sequence[LabelledIncident] = [replace(each, final=Severity.SEV3) for each in labelled(100, TRUTH)]
    with pytest.raises(TooFewLabels, match="no difference"):
        fit_weights(alike, MODEL, MATRIX, COSTS)


def _chance_of_worst(record: LabelledIncident) -> float:
    return claim_of(record.inputs, MODEL, MATRIX).chances.of(Severity.SEV1)
