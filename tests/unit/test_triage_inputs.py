"""Inputs that are not the incident's own word: budget used, recurrence, redundancy, flapping and the age of what is known."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.budget_policy import BudgetEffect
from services.triage.domain.budget_snapshot import BudgetSnapshot
from services.triage.domain.counterfactual import Counterfactual
from services.triage.domain.defaults import default_matrix, default_model
from services.triage.domain.finding import Finding, Standards, find
from services.triage.domain.incident import Evidence, Incident, IncidentState, ServiceImpact
from services.triage.domain.inputs import TOLD, Inputs, Reading, Surroundings, evidence_age, inputs_of
from services.triage.domain.model import ScoringModel
from services.triage.domain.recurrence import Recurrence
from services.triage.domain.scale import RemainderScale
from services.triage.domain.what_if import InputChange, supposed
from tests.support.triage import FIRST_MATRIX, MONDAY_NOON, assessed_in, component, contributions, incident, situations

STANDARDS = Standards(default_model(), FIRST_MATRIX)


def budget(remaining: float, objective: int = 0) -> BudgetSnapshot:
    return BudgetSnapshot("slos/web", objective, None, remaining, pages=False, effect=BudgetEffect.CONTINUE)


def read(feature: str, happened: Incident | None = None, **around: Any) -> Any:
    return inputs_of(happened or incident("web"), Surroundings(**around), "USD").readings[feature].value


@pytest.mark.parametrize(
    ("remaining", "used"),
    [((), None), ((1.0,), 0.0), ((0.75,), 0.25), ((0.9, 0.2), 0.8), ((-0.5,), 1.5), ((1.3,), 0.0), ((0.333333,), 0.67)],
)
def test_of_several_budgets_the_most_used_one_counts_and_what_was_granted_is_not_used(
    remaining: tuple[float, ...], used: float | None
) -> None:
    found = read("budget_used", budgets=tuple(budget(each, number) for number, each in enumerate(remaining)))
    assert found == (None if used is None else pytest.approx(used))


def test_recurrence_is_the_number_of_incidents_of_the_class_in_28_days() -> None:
    assert read("recurrence", recurrence=Recurrence(last_28_days=3, last_90_days=9)) == 3
    assert read("recurrence") == 0


@pytest.mark.parametrize(
    ("age", "hours"),
    [
        (timedelta(minutes=-5), 0),  # the clocks of two services differ
        (timedelta(minutes=59, seconds=59), 0),
        (timedelta(hours=1), 1),
        (timedelta(hours=3, minutes=59), 2),
        (timedelta(hours=4), 4),
        (timedelta(hours=31), 16),
        (timedelta(hours=32), 32),
        (timedelta(days=30), 32),
    ],
)
def test_the_age_of_evidence_counts_in_hours_by_doublings(age: timedelta, hours: int) -> None:
    assert evidence_age(replace(incident("web"), changed_at=MONDAY_NOON), MONDAY_NOON + age) == hours


def test_the_age_of_evidence_is_unknown_without_both_times_and_nothing_ages_once_it_is_over() -> None:
    told = replace(incident("web"), changed_at=MONDAY_NOON)
    later = MONDAY_NOON + timedelta(days=2)
    assert evidence_age(told, None) is None
    assert evidence_age(incident("web"), later) is None
    assert evidence_age(replace(told, state=IncidentState.RESOLVED), later) == 0
    assert evidence_age(replace(told, state=IncidentState.MITIGATED), later) == 32


def test_contributions_are_those_worked_out_by_hand() -> None:
    happened = replace(incident("web", redundancy_left=0.25, flap_count=10), changed_at=MONDAY_NOON)
    around = Surroundings(recurrence=Recurrence(4), budgets=(budget(0.5),), now=MONDAY_NOON + timedelta(hours=9))
    by_hand = {
        "budget_used": 0.1675,  # -0.125 + 0.5 * ln 1.5 / ln 2
        "recurrence": 0.1258,  # 0.1875 * ln 5 / ln 11
        "redundancy_left": 0.34375,  # -0.125 + 0.625 * 3/4
        "flap_count": 0.25,
        "evidence_age": 0.0786,  # 0.125 * ln 9 / ln 33
    }
    found = contributions(assessed_in(around, happened))
    assert {name: found[name] for name in by_hand} == pytest.approx(by_hand, abs=1 / 1024)


def test_what_none_of_the_new_inputs_is_known_of_reaches_the_levels_of_urgency_as_it_did_before() -> None:
    """The thresholds moved by what an open incident gains of which triage knows no budget and no redundancy: a point."""
    happened = replace(incident("web", flap_count=0), changed_at=MONDAY_NOON)
    found = contributions(assessed_in(Surroundings(now=MONDAY_NOON), happened))
    gained = sum(found[name] for name in ("budget_used", "recurrence", "redundancy_left", "flap_count", "evidence_age"))
    assert 8 * gained == 1.0
    assert tuple(threshold - 1.0 for threshold in default_matrix().urgency_thresholds) == (-2.0, 6.0)


# Worse values never ease anything.

WORSE: dict[str, st.SearchStrategy[Any]] = {
    "budget_used": st.floats(0, 3),
    "recurrence": st.integers(0, 50),
    "redundancy_left": st.floats(0, 1),
    "flap_count": st.integers(0, 50),
    "evidence_age": st.integers(0, 32),
}


@pytest.mark.parametrize("feature", WORSE)
@given(situation=situations(), data=st.data())
def test_a_worse_value_never_lowers_the_score_or_eases_the_severity(
    feature: str, situation: tuple[Incident, Surroundings], data: st.DataObject
) -> None:
    happened, around = situation
    values = sorted(data.draw(st.tuples(WORSE[feature], WORSE[feature])), reverse=feature == "redundancy_left")
    mild, bad = (find(happened, around, STANDARDS, instead={feature: Reading(value)}).verdict for value in values)
    assert bad.score.points >= mild.score.points
    assert bad.severity <= mild.severity


@given(situations(), st.integers(0, 60), st.integers(0, 60))
def test_more_that_recurs_less_budget_and_older_evidence_never_lower_the_score(
    situation: tuple[Incident, Surroundings], few: int, more: int
) -> None:
    happened, around = replace(situation[0], changed_at=MONDAY_NOON), situation[1]
    mild, bad = (
        replace(around, recurrence=Recurrence(each), budgets=(budget(1 - each / 50),), now=MONDAY_NOON + timedelta(hours=each))
        for each in (few, few + more)
    )
    assert assessed_in(bad, happened).verdict.score.points >= assessed_in(mild, happened).verdict.score.points


def test_a_remainder_counts_the_more_the_less_is_left() -> None:
    scale = RemainderScale(step=0.25)
    assert [scale.fraction(left) for left in (1.0, 0.75, 0.0, -1.0, 2.0)] == [0.0, 0.25, 1.0, 1.0, 0.0]
    assert [scale.rung(index) for index in range(scale.rungs)] == [1.0, 0.75, 0.5, 0.25, 0.0]


# Counterfactuals and what-if.


def edge(**evidence: Any) -> tuple[Incident, Surroundings]:
    """An outage without a workaround whose urgency, 0.8125 in log-odds, is 0.0625 short of HIGH, with each new input at its mildest."""
    told = {"service_impact": ServiceImpact.OUTAGE, "workaround": False, "redundancy_left": 1.0, "flap_count": 0} | evidence
    happened = replace(incident("web", opened_at=MONDAY_NOON, **told), changed_at=MONDAY_NOON)
    return happened, Surroundings((component("web"),), budgets=(budget(1.0),), now=MONDAY_NOON)


def sentences(happened: Incident, around: Surroundings) -> dict[str, str]:
    return {each.feature: each.text for each in assessed_in(around, happened).verdict.counterfactuals if each.feature in WORSE}


def test_each_new_input_alone_can_raise_the_severity_and_the_sentence_says_from_where_on() -> None:
    assert sentences(*edge()) == {
        "budget_used": "rises to SEV1 if 0.09 or more of an error budget is used up",  # 0.5 * ln 1.09 / ln 2
        "recurrence": "rises to SEV1 if 2 or more incidents of its class were opened in the 28 days before",  # 0.1875 * ln 3 / ln 11
        "redundancy_left": "rises to SEV1 if 0.9 or less of the redundancy is left",  # 0.625 / 10
        "flap_count": "rises to SEV1 if a signal ended and began again 1 times or more",
        "evidence_age": "rises to SEV1 if nothing new is told of it for 5 hours or more",  # 0.125 * ln 6 / ln 33
    }


def test_each_new_input_that_alone_raised_the_severity_can_lower_it() -> None:
    happened, around = edge()
    cases = {
        "budget_used": (happened, replace(around, budgets=(budget(0.2),))),
        "recurrence": (happened, replace(around, recurrence=Recurrence(4))),
        "redundancy_left": (edge(redundancy_left=0.5)[0], around),
        "flap_count": (edge(flap_count=6)[0], around),
        "evidence_age": (happened, replace(around, now=MONDAY_NOON + timedelta(hours=20))),
    }
    assert {feature: sentences(*case)[feature] for feature, case in cases.items()} == {
        "budget_used": "drops to SEV2 if less than 0.09 of every error budget is used up",
        "recurrence": "drops to SEV2 if fewer than 2 incidents of its class were opened in the 28 days before",
        "redundancy_left": "drops to SEV2 if more than 0.9 of the redundancy is left",
        "flap_count": "drops to SEV2 if every signal ended and began again fewer than 1 times",
        "evidence_age": "drops to SEV2 if something new is told of it within 5 hours",
    }


@given(situations())
def test_every_counterfactual_of_the_new_inputs_comes_true_and_anything_less_does_not(situation: tuple[Incident, Surroundings]) -> None:
    happened, around = situation
    verdict = assessed_in(around, happened).verdict
    for change in verdict.counterfactuals:
        if change.feature not in WORSE:
            continue
        drops = change.severity > verdict.severity
        made, short = _values(change)
        found = find(happened, around, STANDARDS, instead={change.feature: Reading(made)}).verdict
        almost = find(happened, around, STANDARDS, instead={change.feature: Reading(short)}).verdict
        assert found.severity == change.severity
        assert not (almost.severity > verdict.severity if drops else almost.severity < verdict.severity)


def _values(change: Counterfactual) -> tuple[float, float]:
    """Returns the mildest or worst value that makes the sentence true, and the nearest one that does not."""
    bound = float(re.findall(r" ([\d.]+)", change.text)[0])
    step = 0.01 if change.feature in ("budget_used", "redundancy_left") else 1
    towards_mild = step if change.feature == "redundancy_left" else -step
    beyond = (round(bound + towards_mild, 9), bound)
    return beyond if change.text.startswith("drops") else beyond[::-1]


def test_redundancy_and_flaps_that_are_supposed_are_supposed_for_gates_too() -> None:
    told = supposed(incident("web"), [InputChange("redundancy_left", 0.5), InputChange("flap_count", 3.0)], default_model()).incident
    assert (told.evidence.redundancy_left, told.evidence.flap_count) == (0.5, 3)


# What was looked at before.


@given(situations())
def test_inputs_that_an_older_model_looked_at_are_missing_what_it_did_not_know(situation: tuple[Incident, Surroundings]) -> None:
    inputs = inputs_of(*situation, "USD")
    old = Inputs({name: each for name, each in inputs.readings.items() if name not in WORSE}, inputs.evidence, inputs.floors)
    assert {name: old.reading(name) for name in WORSE} == {name: Reading() for name in WORSE}
    assert all(old.reading(name) == inputs.readings[name] for name in old.readings)


def test_a_model_that_does_not_look_at_the_age_of_evidence_is_as_sure_as_it_was() -> None:
    new = default_model()
    old: ScoringModel = replace(new, version="2026.1", features=tuple(each for each in new.features if each.name not in WORSE))
    happened = replace(incident("web", users_affected=5), changed_at=MONDAY_NOON)

    def found(hours: int) -> Finding:
        return find(happened, Surroundings(now=MONDAY_NOON + timedelta(hours=hours)), Standards(old, FIRST_MATRIX))

    assert found(0).verdict.confidence == found(32).verdict.confidence


def test_what_evidence_tells_has_the_names_of_features_and_of_facts() -> None:
    names = {feature.name for feature in default_model().features}
    assert names >= TOLD
    assert {name for name in TOLD if hasattr(Evidence(), name)} == TOLD
