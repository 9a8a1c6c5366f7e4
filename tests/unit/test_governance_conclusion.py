"""Conclusions stand and fall with what they were drawn from, whatever order it is told in."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.governance.domain.conclusion import Conclusions
from services.governance.domain.drawing import Occurrence, Part
from services.governance.domain.inference import concluded
from services.governance.domain.lineage import Edge, Link

OPENED = datetime(2026, 3, 2, 12, tzinfo=UTC)
SHOP, TILL = "components/shop", "components/till"


def change(minutes: float, component: str = SHOP) -> Occurrence:
    """Began so many minutes after the incident opened at first."""
    return Occurrence("changes/1", component, Part.CAUSE, OPENED + timedelta(minutes=minutes))


def incident(minutes: float = 0, component: str = SHOP) -> Occurrence:
    return Occurrence("incidents/1", component, Part.EFFECT, OPENED + timedelta(minutes=minutes))


def after(*told: Sequence[Occurrence]) -> dict[Link, Edge]:
    """Returns the edges there are once all was told, each event's occurrences together."""
    conclusions = Conclusions((), ())
    found: dict[Link, Edge] = {}
    for each in told:
        found |= {edge.link: edge for edge in conclusions.after(each)}
    return found


def settled(told: Iterable[Occurrence]) -> list[Occurrence]:
    first: dict[tuple[str, str], Occurrence] = {}
    for each in told:
        held = first.get((each.name, each.component))
        first[each.name, each.component] = each if held is None else min(held, each, key=lambda one: one.time)
    return list(first.values())


def test_an_incident_that_is_found_to_have_begun_before_the_change_is_not_its_effect() -> None:
    (edge,) = after([change(-10)], [incident()], [incident(-30)]).values()
    assert edge.is_withdrawn
    assert edge.attributes["withdrawn_because"] == "it began 1200 s after, as is told now"
    assert edge.attributes["lag_seconds"] == "600"  # what it was concluded from


def test_a_change_that_is_found_to_have_begun_long_before_is_no_cause() -> None:
    (edge,) = after([change(-10)], [incident()], [change(-90)]).values()
    assert edge.attributes["withdrawn_because"] == "it began 5400 s before, as is told now, and the rule looks back 3600 s"


def test_an_edge_that_follows_again_is_one_again() -> None:
    (edge,) = after([change(-10)], [incident()], [incident(-30)], [change(-40)]).values()
    assert (edge.is_withdrawn, edge.attributes) == (False, {"component": SHOP, "lag_seconds": "600"})


def test_what_is_told_again_or_later_than_before_changes_nothing() -> None:
    conclusions = Conclusions((), ())
    conclusions.after([change(-10), incident()])
    assert conclusions.after([incident(), incident(5), change(-9)]) == ()


def test_a_correction_of_one_component_leaves_what_follows_from_another() -> None:
    (edge,) = after([change(-10), change(-20, TILL)], [incident(), incident(component=TILL)], [incident(-30)]).values()
    assert (edge.is_withdrawn, edge.attributes["component"]) == (False, TILL)


told = st.builds(
    Occurrence,
    st.sampled_from(["c/1", "c/2"]),
    st.sampled_from([SHOP, TILL]),
    st.just(Part.CAUSE),
    st.integers(-90, 30).map(lambda minutes: OPENED + timedelta(minutes=minutes)),
) | st.builds(
    Occurrence,
    st.sampled_from(["i/1", "i/2"]),
    st.sampled_from([SHOP, TILL]),
    st.just(Part.EFFECT),
    st.integers(-60, 30).map(lambda minutes: OPENED + timedelta(minutes=minutes)),
)


@given(st.lists(st.lists(told, max_size=3), max_size=12))
def test_what_stands_at_the_end_is_what_follows_from_the_earliest_times(events: list[list[Occurrence]]) -> None:
    standing = {link: edge for link, edge in after(*events).items() if not edge.is_withdrawn}
    assert standing == {edge.link: edge for edge in concluded(settled(each for event in events for each in event), ())}
