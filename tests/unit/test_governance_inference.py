"""What is concluded from what happened to the same component, and how sure it is."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.governance.domain.drawing import Occurrence, Part
from services.governance.domain.inference import CHANGE_BEFORE_INCIDENT, RULES, WINDOW, concluded, confidence_after
from services.governance.domain.lineage import Relation, Source

OPENED = datetime(2026, 3, 2, 12, tzinfo=UTC)


def change(name: str = "changes/1", minutes: float = 10, component: str = "components/shop") -> Occurrence:
    return Occurrence(name, component, Part.CAUSE, OPENED - timedelta(minutes=minutes))


def incident(name: str = "incidents/1", component: str = "components/shop") -> Occurrence:
    return Occurrence(name, component, Part.EFFECT, OPENED)


occurrences = st.builds(
    Occurrence,
    st.sampled_from(["a/1", "a/2", "a/3"]),
    st.sampled_from(["components/x", "components/y"]),
    st.sampled_from(Part),
    st.integers(-7200, 7200).map(lambda seconds: OPENED + timedelta(seconds=seconds)),
)


def test_a_change_at_the_moment_of_the_opening_is_the_cause_by_a_half_and_by_a_quarter_half_an_hour_before() -> None:
    assert [confidence_after(timedelta(minutes=each)) for each in (0, 15, 30, 60)] == [0.5, 0.354, 0.25, 0.125]


def test_a_change_after_the_opening_or_more_than_an_hour_before_is_no_cause() -> None:
    assert concluded([incident()], [change(minutes=-0.1), change("changes/2", minutes=60.1)]) == ()


def test_a_conclusion_names_its_rule_and_what_it_is_drawn_from() -> None:
    (edge,) = concluded([incident()], [change()])
    assert (edge.from_name, edge.to_name, edge.relation, edge.source) == ("changes/1", "incidents/1", Relation.CAUSED, Source.INFERRED)
    assert (edge.rule, edge.confidence) == (CHANGE_BEFORE_INCIDENT, 0.397)
    assert edge.attributes == {"component": "components/shop", "lag_seconds": "600"}
    assert edge.rule in RULES


def test_a_change_of_another_component_is_no_cause() -> None:
    assert concluded([incident()], [change(component="components/till")]) == ()


def test_a_change_of_two_components_of_an_incident_is_one_cause() -> None:
    both = [incident(), incident(component="components/till")]
    assert len(concluded(both, [change(), change(component="components/till")])) == 1


@given(st.lists(occurrences, max_size=8), st.lists(occurrences, max_size=8))
def test_the_same_follows_whatever_came_first(one: list[Occurrence], other: list[Occurrence]) -> None:
    at_once = {(edge.from_name, edge.to_name) for edge in concluded([*one, *other], [])}
    in_turn = {(edge.from_name, edge.to_name) for edge in (*concluded(one, []), *concluded(other, one))}
    assert at_once == in_turn


@given(st.timedeltas(timedelta(days=-2), timedelta(days=2)), st.timedeltas(timedelta(0), WINDOW))
def test_confidence_lies_between_nothing_and_a_half_and_falls_with_time(lag: timedelta, more: timedelta) -> None:
    assert 0 <= confidence_after(lag) <= 0.5
    if timedelta(0) <= lag:
        assert confidence_after(lag + more) <= confidence_after(lag)
