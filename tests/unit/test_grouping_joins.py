"""What joins alerts beyond equal labels: dependencies, likeness, thresholds; and what shadows a rule."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.dependency import graph_of
from services.intake.domain.grouping_document import rule_set
from services.intake.domain.shadowing import shadows
from services.intake.domain.similarity import MOST_CANDIDATES, similar
from services.intake.domain.threshold import Threshold, reached
from tests.support.grouping import document

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SHOP = graph_of({"web": ["api", "cdn"], "api": ["db"], "jobs": ["db"], "db": ["disk"], "disk": ["power"], "power": ["grid"]})


def test_dependencies_come_nearest_first() -> None:
    assert SHOP.dependencies_of("web") == ("api", "cdn", "db", "disk")
    assert SHOP.dependencies_of("web", 1) == ("api", "cdn")
    assert SHOP.dependencies_of("web", 0) == ()


def test_dependents_come_nearest_first() -> None:
    assert SHOP.dependents_of("db") == ("api", "jobs", "web")
    assert SHOP.dependents_of("web") == ()


def test_a_component_nobody_described_depends_on_nothing() -> None:
    assert SHOP.dependencies_of("unknown") == ()
    assert SHOP.dependents_of("grid", 1) == ("power",)


def test_a_cycle_ends() -> None:
    circle = graph_of({"a": ["b"], "b": ["c"], "c": ["a"]})
    assert circle.dependencies_of("a", 10) == ("b", "c")
    assert circle.dependents_of("a", 10) == ("c", "b")


def test_what_is_found_is_bounded() -> None:
    wide = graph_of({"hub": [f"c{number}" for number in range(5000)]})
    assert len(wide.dependencies_of("hub")) == 1000


graphs = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=4), max_size=6)


@given(graphs, st.sampled_from("abcdef"), st.sampled_from("abcdef"), st.integers(0, 6))
def test_one_depends_on_another_just_when_the_other_has_it_as_dependent(
    needed: dict[str, list[str]], one: str, other: str, depth: int
) -> None:
    graph = graph_of(needed)
    assert (other in graph.dependencies_of(one, depth)) == (one in graph.dependents_of(other, depth))
    assert one not in graph.dependencies_of(one, depth)


def test_the_most_alike_is_found_whatever_the_order_of_words() -> None:
    found = similar("Disk of db-1 is full", ["web is slow", "full is disk of DB-1"], 0.8)
    assert found is not None
    assert (found.index, found.score) == (1, 1.0)


def test_what_is_not_alike_enough_is_not_found() -> None:
    assert similar("Disk full", ["Web slow"], 0.8) is None
    assert similar("Disk full", [], 0.8) is None


def test_an_empty_text_is_like_nothing() -> None:
    assert similar("  ", ["", "  "], 0.1) is None


def test_only_so_many_candidates_are_looked_at() -> None:
    candidates = ["unlike"] * MOST_CANDIDATES + ["disk full"]
    assert similar("disk full", candidates, 0.9) is None
    assert similar("disk full", candidates[1:], 0.9) is not None


@pytest.mark.parametrize(
    ("minutes", "at", "holds"),
    [([0, 4, 9], 9, True), ([0, 4, 10], 10, True), ([0, 4, 11], 11, False), ([0, 4], 4, False), ([11, 0, 4, 10], 10, True), ([], 0, False)],
)
def test_a_threshold_is_reached_by_enough_begins_in_the_span_before(minutes: list[int], at: int, holds: bool) -> None:
    times = [NOON + timedelta(minutes=each) for each in minutes]
    assert reached(times, Threshold(3, timedelta(minutes=10)), NOON + timedelta(minutes=at)) is holds


@given(st.lists(st.integers(0, 100), max_size=10), st.permutations(range(10)))
def test_the_order_of_begins_is_no_matter(minutes: list[int], order: list[int]) -> None:
    times = [NOON + timedelta(minutes=each) for each in minutes]
    shuffled = [times[index] for index in order if index < len(times)]
    threshold = Threshold(2, timedelta(minutes=30))
    assert reached(times, threshold, NOON + timedelta(minutes=50)) == reached(shuffled, threshold, NOON + timedelta(minutes=50))


def shadowed(*rules: str) -> dict[int, int]:
    return dict(shadows(rule_set(document(*rules), 1, ()).rules[:-1]))


def test_a_rule_that_takes_all_shadows_what_follows() -> None:
    assert shadowed("name: all", "name: b, match: ['a=\"1\"']", "name: c") == {1: 0, 2: 0}


def test_a_wider_rule_before_shadows_a_narrower_one() -> None:
    wide, narrow = "name: wide, match: ['team=~\"a|b\"']", "name: narrow, match: ['team=\"a\"', 'env=\"prod\"']"
    assert shadowed(wide, narrow) == {1: 0}
    assert shadowed(narrow, wide) == {}


def test_a_condition_hides_what_a_rule_takes_unless_both_have_it() -> None:
    assert shadowed("name: a, when: 'true'", "name: b") == {}
    assert shadowed("name: a, when: 'true'", "name: b, when: 'true', match: ['x=\"1\"']") == {1: 0}


def test_a_label_with_another_value_is_no_shadow() -> None:
    assert shadowed("name: a, match: ['team=\"a\"']", "name: b, match: ['team=\"b\"']") == {}
