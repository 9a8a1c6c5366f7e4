"""When facts call for a bundle, in whatever order they come."""

from collections.abc import Callable
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from services.playbook.domain.arrival import Arrival, Trigger, assessment_arrives, decision_arrives, incident_arrives
from services.playbook.domain.fact import IncidentFacts, Severity
from tests.support.playbook import INCIDENT, assessment_fact, decision_fact, incident_fact

EMPTY = IncidentFacts(INCIDENT)


def test_the_first_assessment_calls_for_a_bundle() -> None:
    assert assessment_arrives(EMPTY, assessment_fact()).trigger is Trigger.ASSESSMENT_MADE


def test_a_revision_with_the_same_severity_calls_for_none() -> None:
    held = assessment_arrives(EMPTY, assessment_fact(1)).facts
    arrival = assessment_arrives(held, assessment_fact(2))
    assert arrival.trigger is None
    assert arrival.facts.assessment == assessment_fact(2)


def test_a_change_of_severity_calls_for_a_bundle() -> None:
    held = assessment_arrives(EMPTY, assessment_fact(1)).facts
    assert assessment_arrives(held, assessment_fact(2, Severity.SEV1)).trigger is Trigger.ASSESSMENT_MADE


def test_an_older_or_repeated_revision_is_dropped() -> None:
    held = assessment_arrives(EMPTY, assessment_fact(2)).facts
    for revision in (1, 2):
        assert assessment_arrives(held, assessment_fact(revision, Severity.SEV1)) == Arrival(held, is_stale=True)


def test_an_older_version_of_an_incident_is_dropped() -> None:
    held = incident_arrives(EMPTY, incident_fact(4)).facts
    assert incident_arrives(held, incident_fact(3, title="older")) == Arrival(held, is_stale=True)


def test_an_incident_alone_calls_for_no_bundle() -> None:
    assert incident_arrives(EMPTY, incident_fact()).trigger is None


def test_an_incident_that_comes_after_its_assessment_calls_for_the_bundle_again() -> None:
    held = assessment_arrives(EMPTY, assessment_fact()).facts
    assert incident_arrives(held, incident_fact()).trigger is Trigger.ASSESSMENT_MADE
    assert incident_arrives(decision_arrives(held, decision_fact()).facts, incident_fact()).trigger is Trigger.DECISION_MADE


def test_a_change_of_an_incident_that_was_known_calls_for_none() -> None:
    held = incident_arrives(assessment_arrives(EMPTY, assessment_fact()).facts, incident_fact(1)).facts
    assert incident_arrives(held, incident_fact(2)).trigger is None


def test_every_team_keeps_its_newest_decision() -> None:
    held = EMPTY
    for decision in (decision_fact(1, "search", minutes=4), decision_fact(2, "payments", minutes=5), decision_fact(3, "search", minutes=6)):
        arrival = decision_arrives(held, decision)
        assert arrival.trigger is Trigger.DECISION_MADE
        held = arrival.facts
    assert [decision.name[-1] for decision in held.decisions] == ["2", "3"]
    assert decision_arrives(held, decision_fact(4, "search", minutes=5)) == Arrival(held, is_stale=True)


Step = Callable[[IncidentFacts], Arrival]
STEPS: list[Step] = [
    lambda held: incident_arrives(held, incident_fact(1)),
    lambda held: incident_arrives(held, incident_fact(2, title="Checkout and cart answer 500")),
    lambda held: assessment_arrives(held, assessment_fact(1, Severity.SEV3)),
    lambda held: assessment_arrives(held, assessment_fact(2, Severity.SEV1)),
    lambda held: decision_arrives(held, decision_fact(1, "payments", minutes=1)),
    lambda held: decision_arrives(held, decision_fact(2, "payments", minutes=2)),
    lambda held: decision_arrives(held, decision_fact(3, "search", minutes=3)),
]


@given(st.permutations(range(len(STEPS))), st.lists(st.integers(0, len(STEPS) - 1), max_size=4))
def test_the_facts_do_not_depend_on_the_order_or_number_of_arrivals(order: list[int], repeats: list[int]) -> None:
    expected = EMPTY
    for step in STEPS:
        expected = step(expected).facts
    held = EMPTY
    for number in [*order, *repeats]:
        held = STEPS[number](held).facts
    assert held == expected


def test_whatever_the_order_the_last_bundle_rests_on_all_three_facts() -> None:
    for order in permutations([STEPS[0], STEPS[3], STEPS[4]]):
        held, rendered = EMPTY, EMPTY
        for step in order:
            arrival = step(held)
            held = arrival.facts
            rendered = held if arrival.trigger else rendered
        assert rendered == held
