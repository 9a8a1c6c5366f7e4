"""The score: terms with the contributions worked out by hand, adding up exactly, each input counting one way only."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.component import Tier
from services.triage.domain.defaults import default_model
from services.triage.domain.incident import Evidence, Incident, ServiceImpact
from services.triage.domain.inputs import Surroundings, is_business_hours
from services.triage.domain.model import Axis, Feature
from services.triage.domain.scale import DoublingScale, LogScale
from tests.support.triage import MONDAY_NOON, SUNDAY_NIGHT, assessed, assessed_in, component, contributions, incident, situations


def test_contributions_are_those_worked_out_by_hand() -> None:
    known = component("web", Tier.HIGH, revenue="999 USD")
    happened = incident(
        "web",
        opened_at=MONDAY_NOON,
        alerts=100,
        users_affected=999,
        service_impact=ServiceImpact.OUTAGE,
        workaround=False,
        burn_rate=6.0,
        recent_change=True,
        redundancy_left=0.5,
        flap_count=3,
    )
    finding = assessed(happened, known, dependents=7)
    by_hand = {
        "service_impact": 2.25,
        "tier": 0.25,  # -0.75 + 1.5 * 2/3
        "users_affected": 0.25,  # -0.5 + 1.5 * lg 1000 / lg 1000001
        "revenue_per_minute": 0.2,  # -0.25 + 0.75 * lg 1000 / lg 100001
        "dependents": 0.175,  # -0.125 + 0.5 * ln 8 / ln 32, which is 3/5
        "components_affected": 0.0,
        "workaround": 0.625,
        "burn_rate": 0.5675,  # -0.5 + 1.5 * ln 7 / ln 15.4 = -0.5 + 1.5 * 0.71165
        "recent_change": 0.375,
        "alert_count": 0.45,  # 0.75 * 6/10: a hundred is six doublings and a bit
        "business_hours": 0.25,
        "budget_used": 0.0625,  # not known
        "recurrence": 0.0,
        "redundancy_left": 0.1875,  # -0.125 + 0.625 / 2
        "flap_count": 0.1445,  # 0.25 * ln 4 / ln 11
        "evidence_age": 0.0625,  # not known
    }
    assert contributions(finding) == pytest.approx(by_hand, abs=1 / 1024)
    assert finding.verdict.score.log_odds == pytest.approx(5.8495, abs=0.003)
    assert finding.verdict.score.points == pytest.approx(50 + 8 * 5.8495, abs=0.02)
    assert (finding.verdict.impact, finding.verdict.urgency) == (3, 3)  # 25.0 points of impact, 21.8 of urgency


def test_missing_inputs_are_terms_that_say_so_and_are_never_zero() -> None:
    terms = {term.feature: term for term in assessed(incident()).verdict.score.terms}
    missing = {name: term.contribution for name, term in terms.items() if term.missing}
    assert missing == {
        "service_impact": 0.5,
        "tier": 0.125,
        "users_affected": 0.125,
        "revenue_per_minute": 0.0625,
        "dependents": 0.0625,
        "components_affected": 0.125,
        "workaround": 0.125,
        "burn_rate": 0.125,
        "recent_change": 0.0625,
        "budget_used": 0.0625,
        "redundancy_left": 0.0625,
        "flap_count": 0.0625,
        "evidence_age": 0.0625,
    }
    assert {terms[name].value for name in missing} == {"unknown"}
    assert {name for name in terms if name not in missing} == {"alert_count", "business_hours", "recurrence"}


@given(situations())
def test_contributions_sum_exactly_to_the_log_odds_and_points_to_the_score(situation: tuple[Incident, Surroundings]) -> None:
    happened, around = situation
    score = assessed_in(around, happened).verdict.score
    exactly = Fraction(score.intercept) + sum(Fraction(term.contribution) for term in score.terms)
    assert Fraction(score.log_odds) == exactly
    assert Fraction(score.points) == Fraction(score.offset) + sum(Fraction(term.points) for term in score.terms)
    assert all(Fraction(term.points) == Fraction(score.factor) * Fraction(term.contribution) for term in score.terms)


@given(situations(), st.randoms())
def test_the_sum_is_the_same_in_whatever_order_a_client_adds(situation: tuple[Incident, Surroundings], order: Random) -> None:
    score = assessed_in(situation[1], situation[0]).verdict.score
    terms = list(score.terms)
    order.shuffle(terms)
    total = score.offset
    for term in terms:
        total += term.points
    assert total == score.points == math.fsum([score.offset, *(term.points for term in terms)])


@given(situations())
def test_terms_stand_by_falling_absolute_contribution_one_for_each_feature(situation: tuple[Incident, Surroundings]) -> None:
    terms = assessed(situation[0], *situation[1].known).verdict.score.terms
    sizes = [abs(term.contribution) for term in terms]
    assert sizes == sorted(sizes, reverse=True)
    assert sorted(term.feature for term in terms) == sorted(feature.name for feature in default_model().features)


WORSE = {
    "service_impact": st.sampled_from(ServiceImpact),
    "users_affected": st.integers(0, 10**9),
    "burn_rate": st.floats(0, 1e6),
    "recent_change": st.booleans(),
    "workaround": st.booleans().map(lambda yes: not yes),
    "redundancy_left": st.floats(0, 1),
    "flap_count": st.integers(0, 10**6),
}
LESS_IS_WORSE = {"workaround", "redundancy_left"}


@pytest.mark.parametrize("field", WORSE)
@given(situation=situations(), data=st.data())
def test_worse_evidence_never_lowers_the_score_or_eases_the_severity(
    field: str, situation: tuple[Incident, Surroundings], data: st.DataObject
) -> None:
    happened, around = situation
    low, high = sorted(data.draw(st.tuples(WORSE[field], WORSE[field]), label="milder and worse"), reverse=field in LESS_IS_WORSE)
    mild = assessed_in(around, _with(happened, field, low)).verdict
    bad = assessed_in(around, _with(happened, field, high)).verdict
    assert bad.score.points >= mild.score.points
    assert bad.severity <= mild.severity


@given(situations(), st.integers(1, 10**6), st.integers(0, 10**6))
def test_more_alerts_never_lower_the_score(situation: tuple[Incident, Surroundings], few: int, more: int) -> None:
    happened, around = situation
    mild = assessed(replace(happened, alert_count=few), *around.known).verdict
    bad = assessed(replace(happened, alert_count=few + more), *around.known).verdict
    assert bad.score.points >= mild.score.points
    assert bad.severity <= mild.severity


@given(situations(), st.integers(0, 100), st.integers(0, 100))
def test_more_dependents_never_lower_the_score(situation: tuple[Incident, Surroundings], few: int, more: int) -> None:
    happened, around = situation
    known = (*around.known, component("z"))
    mild = assessed(happened, *known, dependents=few).verdict
    bad = assessed(happened, *known, dependents=few + more).verdict
    assert bad.score.points >= mild.score.points


@given(situations(), st.sampled_from(Tier), st.sampled_from(Tier), st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_more_needed_component_never_lowers_the_score(
    situation: tuple[Incident, Surroundings], one: Tier, other: Tier, revenue: int, more: int
) -> None:
    happened = replace(situation[0], components=("a",))
    mild = assessed(happened, component("a", max(one, other), f"{revenue} USD")).verdict
    bad = assessed(happened, component("a", min(one, other), f"{revenue + more} USD")).verdict
    assert bad.score.points >= mild.score.points
    assert bad.severity <= mild.severity


@given(situations())
def test_one_more_affected_component_of_no_known_tier_never_lowers_the_score(situation: tuple[Incident, Surroundings]) -> None:
    happened = replace(situation[0], components=("a",))
    known = component("a", Tier.MEDIUM, "10 USD")
    wider = replace(happened, components=("a", "ghost"))
    assert assessed(wider, known).verdict.score.points >= assessed(happened, known).verdict.score.points


def test_what_is_only_partly_known_never_counts_less_than_what_is_unknown() -> None:
    finding = assessed(incident("mail", "ghost"), component("mail", Tier.LOW, "1 USD"))
    terms = {term.feature: term for term in finding.verdict.score.terms}
    assert terms["tier"].contribution == 0.125
    assert terms["tier"].missing
    assert terms["tier"].value == "low of what is known; some components are not"
    assert terms["revenue_per_minute"].contribution == 0.0625


def test_what_is_only_partly_known_counts_when_it_is_worse_than_unknown() -> None:
    finding = assessed(incident("pay", "ghost"), component("pay", Tier.CRITICAL))
    term = next(term for term in finding.verdict.score.terms if term.feature == "tier")
    assert (term.contribution, term.missing) == (0.75, False)


def test_of_several_components_the_most_needed_one_counts() -> None:
    finding = assessed(incident("a", "b"), component("a", Tier.LOW), component("b", Tier.CRITICAL))
    assert contributions(finding)["tier"] == 0.75


def test_revenue_adds_up_over_components_and_in_another_currency_is_unknown() -> None:
    two = assessed(incident("a", "b"), component("a", revenue="400 USD"), component("b", revenue="599 USD"))
    one = assessed(incident("a", "b"), component("a", revenue="999 USD"), component("b", revenue="0 USD"))
    assert contributions(two)["revenue_per_minute"] == contributions(one)["revenue_per_minute"]
    foreign = assessed(incident("a"), component("a", revenue="400 EUR")).verdict.score.terms
    assert next(t.value for t in foreign if t.feature == "revenue_per_minute") == "unknown (not known in USD)"


def test_a_storm_changes_the_score_at_each_doubling_and_not_at_each_alert() -> None:
    scores = {assessed(incident("web", alerts=count)) for count in range(512, 1024)}
    assert len(scores) == 1
    assert assessed(incident("web", alerts=1024)) not in scores


@pytest.mark.parametrize(
    ("at", "open_for_business"),
    [
        (datetime(2026, 3, 2, 8, 0, tzinfo=UTC), True),  # Monday
        (datetime(2026, 3, 2, 7, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 6, 17, 59, 59, tzinfo=UTC), True),  # Friday
        (datetime(2026, 3, 6, 18, 0, tzinfo=UTC), False),
        (datetime(2026, 3, 7, 12, 0, tzinfo=UTC), False),  # Saturday
        (datetime.fromisoformat("2026-03-02T01:00:00-08:00"), True),  # 09:00 UTC
    ],
)
def test_business_hours_are_monday_to_friday_from_eight_to_eighteen_utc(at: datetime, open_for_business: bool) -> None:
    assert is_business_hours(at) is open_for_business


def test_the_weights_hash_follows_the_numbers_and_not_the_sentences() -> None:
    model = default_model()
    first, *others = model.features
    reworded = replace(model, features=(replace(first, reason="Otherwise said."), *others))
    heavier = replace(model, features=(replace(first, most=first.most + 0.5), *others))
    assert model.weights_hash == default_model().weights_hash == reworded.weights_hash
    assert len({model.weights_hash, heavier.weights_hash, default_model("EUR").weights_hash, replace(model, factor=4.0).weights_hash}) == 4


def test_a_feature_that_is_silent_when_missing_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="never silently zero"):
        Feature("x", Axis.IMPACT, least=-1.0, most=1.0, when_missing=0.0, scale=LogScale(10), reason="")


def test_a_weight_that_would_make_the_sum_round_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="multiples of 1/1024"):
        Feature("x", Axis.IMPACT, least=0.0, most=0.1, when_missing=0.0625, scale=LogScale(10), reason="")


def test_a_doubling_scale_counts_whole_doublings() -> None:
    scale = DoublingScale(10)
    assert [scale.fraction(n) for n in (1, 2, 3, 4, 1023, 1024, 10**9)] == [0.0, 0.1, 0.1, 0.2, 0.9, 1.0, 1.0]


def test_the_time_of_opening_decides_and_nothing_else_about_time() -> None:
    by_day, at_night = (assessed(incident("web", opened_at=at)) for at in (MONDAY_NOON, SUNDAY_NIGHT))
    assert contributions(by_day)["business_hours"] == 0.25
    assert contributions(at_night)["business_hours"] == -0.25


def _with(happened: Incident, field: str, value: object) -> Incident:
    evidence: Evidence = replace(happened.evidence, **{field: value})  # type: ignore[arg-type]  # the field decides the type
    return replace(happened, evidence=evidence)
