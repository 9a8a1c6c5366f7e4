"""Chances of severities: from points by the thresholds, monotone, and a confidence that missing inputs lower."""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.budget_policy import BudgetEffect
from services.triage.domain.budget_snapshot import BudgetSnapshot
from services.triage.domain.defaults import default_matrix, default_model
from services.triage.domain.finding import Finding
from services.triage.domain.incident import Evidence, Incident, ServiceImpact
from services.triage.domain.inputs import Surroundings, inputs_of
from services.triage.domain.model import Axis
from services.triage.domain.ruling import Ruling
from services.triage.domain.score import score
from services.triage.domain.severity import Severity
from services.triage.domain.severity_chances import SeverityChances, call_chance, confidence, logistic, severity_chances
from services.triage.domain.severity_floor import Measure, SeverityFloor
from tests.support.triage import MONDAY_NOON, assessed, assessed_in, component, incident, situations

MODEL, MATRIX = default_model(), default_matrix()
points = st.floats(-80, 80)


def ruling(impact: float, urgency: float, **evidence: Any) -> Ruling:
    return Ruling(impact, urgency, Evidence(**evidence), MODEL.overrides, MATRIX)


def chances(impact: float, urgency: float, **evidence: Any) -> SeverityChances:
    return severity_chances(ruling(impact, urgency, **evidence), MODEL.factor)


def ruling_of(finding: Finding, evidence: Evidence) -> Ruling:
    score = finding.verdict.score
    return Ruling(score.axis_points(Axis.IMPACT), score.axis_points(Axis.URGENCY), evidence, MODEL.overrides, MATRIX)


def test_chances_at_the_thresholds_are_those_worked_out_by_hand() -> None:
    # Impact at its MEDIUM threshold, -3, and 20 points below HIGH, 17: HIGH with σ(-20/8) = .07586, MEDIUM .42414, LOW .5.
    # Urgency at its HIGH threshold, 7, and 8 points above MEDIUM, -1: HIGH .5, MEDIUM σ(1) - .5 = .23106, LOW .26894.
    found = chances(-3.0, 7.0)
    assert found.of(Severity.SEV1) == pytest.approx(0.07586 * 0.5, abs=1e-5)
    assert found.of(Severity.SEV2) == pytest.approx(0.42414 * 0.5 + 0.07586 * 0.23106, abs=1e-5)
    assert found.of(Severity.SEV5) == pytest.approx(0.5 * 0.26894, abs=1e-5)
    assert found.at_least(Severity.SEV5) == pytest.approx(1)


@given(points, points, st.floats(0, 40), st.booleans())
def test_more_points_on_either_axis_never_make_a_milder_severity_likelier(
    impact: float, urgency: float, more: float, on_impact: bool
) -> None:
    before = chances(impact, urgency)
    after = chances(impact + more, urgency) if on_impact else chances(impact, urgency + more)
    for severity in Severity:
        assert after.at_least(severity) >= before.at_least(severity) - 1e-12


@given(situations())
def test_chances_sum_to_one_and_confidence_stays_below_the_chance(situation: tuple[Incident, Surroundings]) -> None:
    happened, around = situation
    verdict = (finding := assessed(happened, *around.known, dependents=around.dependents)).verdict
    found = severity_chances(ruling_of(finding, happened.evidence), MODEL.factor)
    assert math.fsum(found.chances) == pytest.approx(1)
    sure = confidence(verdict.severity, found, verdict.score.terms, MODEL)
    assert 0 <= sure <= found.of(verdict.severity)


def test_far_from_every_threshold_the_severity_of_the_matrix_is_all_but_certain() -> None:
    for impact, urgency, severity in ((80, 80, 1), (-80, -80, 5), (7, 80, 2), (80, -80, 3)):
        assert chances(impact, urgency).likeliest == severity
        assert chances(impact, urgency).of(Severity(severity)) > 0.5


def test_what_is_milder_than_an_override_asks_for_counts_as_what_it_asks_for() -> None:
    plain, lost = chances(-3.0, 0.0), chances(-3.0, 0.0, data_loss=True)
    assert lost.of(Severity.SEV1) == plain.of(Severity.SEV1)
    assert lost.of(Severity.SEV2) == pytest.approx(1 - plain.of(Severity.SEV1))
    assert lost.of(Severity.SEV3) == lost.of(Severity.SEV4) == lost.of(Severity.SEV5) == 0


def test_the_chance_of_a_call_is_what_the_log_odds_say_and_certain_by_an_override() -> None:
    finding = assessed(incident("web", service_impact=ServiceImpact.OUTAGE), component())
    by_score = ruling_of(finding, Evidence())
    odds = finding.verdict.score.log_odds
    assert call_chance(finding.verdict.score, by_score) == pytest.approx(math.exp(odds) / (1 + math.exp(odds)))
    assert call_chance(finding.verdict.score, replace(by_score, evidence=Evidence(security=True))) == 1.0


@pytest.mark.parametrize(
    ("at_least", "users", "certain"), [(Severity.SEV3, 500, True), (Severity.SEV3, 499, False), (Severity.SEV4, 500, False)]
)
def test_a_floor_of_a_component_that_calls_makes_a_call_certain(at_least: Severity, users: int, certain: bool) -> None:
    score = assessed(incident("web"), component()).verdict.score
    floor = SeverityFloor(at_least, Measure.USERS_AFFECTED, 500)
    floored = replace(ruling(0.0, 0.0), floors=(("components/web", floor),), readings={"users_affected": users})
    assert (call_chance(score, floored) == 1.0) is certain
    assert (severity_chances(floored, MODEL.factor).of(Severity.SEV5) == 0) is (users >= 500)


def test_confidence_falls_by_the_share_that_the_missing_input_could_have_moved() -> None:
    known: dict[str, Any] = {
        "users_affected": 100,
        "service_impact": ServiceImpact.DISRUPTION,
        "workaround": True,
        "burn_rate": 1.0,
        "recent_change": False,
        "redundancy_left": 1.0,
        "flap_count": 0,
    }
    happened = replace(incident("web", **known), changed_at=MONDAY_NOON)
    used = BudgetSnapshot("slos/web", 0, None, 0.7, pages=False, effect=BudgetEffect.CONTINUE)
    around = Surroundings((component("web", revenue="10 USD", tier=None),), budgets=(used,), now=MONDAY_NOON)
    verdict = (finding := assessed_in(around, happened)).verdict
    spread = severity_chances(ruling_of(finding, happened.evidence), MODEL.factor)
    missing = [term.feature for term in verdict.score.terms if term.missing]
    assert missing == ["tier"]
    total = sum(feature.most - feature.least for feature in MODEL.features)
    expected = spread.of(verdict.severity) * (1 - 1.5 / total)
    assert confidence(verdict.severity, spread, verdict.score.terms, MODEL) == pytest.approx(expected)


@pytest.mark.parametrize(("hours", "stale"), [(0, 0.0), (8, math.log(9) / math.log(33)), (32, 1.0)])
def test_old_evidence_is_missing_to_the_share_to_which_it_is_stale(hours: int, stale: float) -> None:
    # Of what evidence tells, only the impact (4.5 of the range) is known.
    happened = replace(incident("web", service_impact=ServiceImpact.OUTAGE), changed_at=MONDAY_NOON)
    finding = assessed_in(Surroundings((component(),), now=MONDAY_NOON + timedelta(hours=hours)), happened)
    spread = severity_chances(ruling_of(finding, happened.evidence), MODEL.factor)
    ranges = {feature.name: feature.most - feature.least for feature in MODEL.features}
    missing = sum(ranges[term.feature] for term in finding.verdict.score.terms if term.missing)
    expected = spread.of(finding.verdict.severity) * (1 - (missing + stale * 4.5) / sum(ranges.values()))
    assert finding.verdict.confidence == pytest.approx(expected)


def test_evidence_that_is_fully_stale_leaves_as_much_confidence_as_none_for_the_same_chances() -> None:
    known = score(inputs_of(incident("web", users_affected=9, workaround=True), Surroundings(), "USD"), MODEL)
    unknown = score(inputs_of(incident("web"), Surroundings(), "USD"), MODEL)
    spread = chances(0.0, 0.0)
    assert confidence(Severity.SEV3, spread, known.terms, MODEL, 1.0) == confidence(Severity.SEV3, spread, unknown.terms, MODEL)


@given(situations(), st.floats(0, 1), st.floats(0, 1))
def test_older_evidence_never_leaves_more_confidence(situation: tuple[Incident, Surroundings], one: float, other: float) -> None:
    happened, around = situation
    terms = assessed_in(around, happened).verdict.score.terms
    spread = chances(0.0, 0.0)
    fresher, older = (confidence(Severity.SEV3, spread, terms, MODEL, stale) for stale in sorted((one, other)))
    assert 0 <= older <= fresher


def test_knowing_nothing_leaves_hardly_any_confidence() -> None:
    finding = assessed(incident())
    spread = severity_chances(ruling_of(finding, Evidence()), MODEL.factor)
    assert confidence(finding.verdict.severity, spread, finding.verdict.score.terms, MODEL) < 0.1


@pytest.mark.parametrize("x", [-800.0, -3.0, 0.0, 3.0, 800.0])
def test_the_logistic_function_neither_overflows_nor_loses_its_symmetry(x: float) -> None:
    assert logistic(x) + logistic(-x) == pytest.approx(1)
    assert 0 <= logistic(x) <= 1
