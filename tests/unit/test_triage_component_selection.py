"""Which components a maintenance window covers as a whole, by its matchers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.component_selection import Comparison, LabelMatcher, selection_of

EQUAL, NOT_EQUAL, MATCHES, NOT_MATCHES = Comparison.EQUAL, Comparison.NOT_EQUAL, Comparison.MATCHES, Comparison.NOT_MATCHES
Condition = tuple[str, Comparison, str]
KNOWN = ("cart", "checkout", "database")


def covered(*conditions: Condition) -> list[str]:
    selection = selection_of([LabelMatcher(*each) for each in conditions])
    return [each for each in KNOWN if selection.covers(f"components/{each}")]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([("component", EQUAL, "cart")], ["cart"]),
        ([("component", EQUAL, "components/cart")], ["cart"]),
        ([("component", MATCHES, "cart|checkout")], ["cart", "checkout"]),
        ([("component", MATCHES, "c.*")], ["cart", "checkout"]),
        ([("component", MATCHES, "components/c.*")], ["cart", "checkout"]),
        ([("component", MATCHES, ".+"), ("component", NOT_EQUAL, "database")], ["cart", "checkout"]),
        ([("component", MATCHES, ".+"), ("component", NOT_EQUAL, "components/database")], ["cart", "checkout"]),
        ([("component", MATCHES, "c.*"), ("component", NOT_MATCHES, "ca.*")], ["checkout"]),
        ([("component", EQUAL, "cart"), ("alertname", MATCHES, ".*")], ["cart"]),
    ],
)
def test_a_window_covers_the_components_that_its_matchers_select(conditions: list[Condition], expected: list[str]) -> None:
    assert covered(*conditions) == expected


@pytest.mark.parametrize(
    "conditions",
    [
        [("component", EQUAL, "cart"), ("alertname", EQUAL, "Slow")],
        [("component", EQUAL, "cart"), ("alertname", NOT_EQUAL, "Slow")],
        [("component", EQUAL, "cart"), ("alertname", MATCHES, ".+")],
        [("component", MATCHES, ".*"), ("environment", NOT_MATCHES, "prod.*")],
        [("component", EQUAL, "cart"), ("component", EQUAL, "checkout")],
        [("component", MATCHES, "car")],
        [("component", MATCHES, "cart"), ("component", MATCHES, "components/.*")],
        [("alertname", EQUAL, "Slow")],
        [("alertname", MATCHES, ".*")],
        [("component", EQUAL, "")],
        [],
    ],
)
def test_a_window_that_leaves_some_alerts_of_every_component_covers_none(conditions: list[Condition]) -> None:
    assert covered(*conditions) == []


def test_a_pattern_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'\(' is no regex"):
        selection_of([LabelMatcher("component", MATCHES, "(")])


@given(st.lists(st.tuples(st.just("component"), st.sampled_from([EQUAL, NOT_EQUAL]), st.sampled_from(KNOWN)), max_size=3))
def test_one_more_condition_never_covers_more(conditions: list[Condition]) -> None:
    fewer = covered(*conditions[:-1])
    assert len(conditions) < 2 or set(covered(*conditions)) <= set(fewer)
