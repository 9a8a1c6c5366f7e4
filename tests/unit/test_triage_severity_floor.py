"""Severity floors: thresholds of a component that raise a severity, and what the assessment says of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.component import Component
from services.triage.domain.incident import Incident
from services.triage.domain.inputs import Surroundings
from services.triage.domain.override import MatchedOverride
from services.triage.domain.severity import Severity
from services.triage.domain.severity_floor import Measure, SeverityFloor, floors_from_text, in_order
from tests.support.triage import assessed, component, incident, situations

floors = st.lists(
    st.builds(SeverityFloor, st.sampled_from(Severity), st.sampled_from(Measure), st.integers(1, 10**6).map(float)), max_size=3
).map(in_order)


def with_floors(text: str) -> Component:
    return component(severity_floors=floors_from_text(text))


def test_from_its_number_on_an_incident_is_at_least_so_bad_and_the_assessment_says_why() -> None:
    web = with_floors("sev1 from 5000 users_affected, sev2 from 500 users_affected")
    found = {count: assessed(incident("web", users_affected=count), web).verdict for count in (499, 500, 4_999, 5_000)}
    assert [found[count].severity for count in (500, 4_999, 5_000)] == [Severity.SEV2, Severity.SEV2, Severity.SEV1]
    assert found[499].severity == found[499].scored_severity > Severity.SEV2
    assert found[5_000].overrides == (
        MatchedOverride("COMPONENT_THRESHOLD", Severity.SEV1, True, "components/web is SEV1 from 5,000 users affected on; it is 5,000"),
        MatchedOverride("COMPONENT_THRESHOLD", Severity.SEV2, False, "components/web is SEV2 from 500 users affected on; it is 5,000"),
    )


def test_what_is_unknown_reaches_no_floor() -> None:
    web = with_floors("sev1 from 1 users_affected, sev1 from 1 burn_rate")
    assert assessed(incident("web"), web).verdict.overrides == ()


@pytest.mark.parametrize(
    ("users", "text"),
    [(700, "rises to SEV1 if 1,200 or more users are affected"), (1_500, "drops to SEV3 if fewer than 1,200 users are affected")],
)
def test_counterfactuals_know_the_floors(users: int, text: str) -> None:
    web = with_floors("sev1 from 1200 users_affected")
    assert text in [each.text for each in assessed(incident("web", users_affected=users), web).counterfactuals]


@given(situations(), floors)
def test_floors_never_make_a_severity_milder(situation: tuple[Incident, Surroundings], told: tuple[SeverityFloor, ...]) -> None:
    happened, _ = situation
    known = [component(name) for name in happened.components]
    plain = assessed(happened, *known)
    raised = assessed(happened, *(component(name, severity_floors=told) for name in happened.components))
    assert raised.severity <= plain.severity
    assert raised.verdict.score == plain.verdict.score


@given(floors.filter(bool))
def test_floors_are_read_as_they_are_written(told: tuple[SeverityFloor, ...]) -> None:
    assert floors_from_text(", ".join(each.text for each in told)) == told


@pytest.mark.parametrize(
    "text", ["sev6 from 1 users_affected", "sev1 from x users_affected", "sev1 from 5 people", "sev1 from -1 burn_rate", ""]
)
def test_what_is_no_threshold_is_refused_saying_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="write as `sev1 from 5000 users_affected`"):
        floors_from_text(text)
