"""Recurrence: which incidents are of one class, and what is said of those before."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.recurrence import MOST_NAMED, SimilarIncident, class_of, class_title, recurrence
from services.triage.domain.severity import Severity
from tests.support.triage import MONDAY_NOON, incident


def past(days: float, number: int = 0) -> SimilarIncident:
    return SimilarIncident(f"incidents/{number}", "It fails", Severity.SEV3, MONDAY_NOON - timedelta(days=days), None)


def test_the_same_signal_of_the_same_components_is_one_class() -> None:
    one = replace(incident("web", "db"), signal="HighErrorRate")
    assert class_of(one) == class_of(replace(incident("db", "web", "web"), signal="HighErrorRate", title="other words"))
    assert class_of(one) != class_of(replace(one, signal="Down"))
    assert class_of(one) != class_of(replace(one, components=("web",)))


def test_without_a_signal_titles_are_alike_but_for_numbers_and_ids() -> None:
    titles = ["Disk 95% full on node-17", "disk 96% full on node-3", "Disk is full"]
    first, second, third = (class_of(replace(incident("web"), title=title)) for title in titles)
    assert first == second != third


def test_a_class_has_one_title_for_people() -> None:
    one = replace(incident("web", "db"), signal="HighErrorRate")
    assert class_title(one) == class_title(replace(one, components=("db", "web", "db"), title="x")) == "HighErrorRate of db, web"
    assert class_title(replace(incident(), title="Disk 95% full on node-17")) == "disk #% full on node-#"


def test_only_what_was_opened_before_counts_and_the_latest_are_named() -> None:
    told = recurrence(MONDAY_NOON, [past(days, number) for number, days in enumerate((-1, 0, 1, 28, 28.1, 90, 91, 200))])
    assert (told.last_28_days, told.last_90_days) == (2, 4)
    assert [each.incident for each in told.similar] == [f"incidents/{number}" for number in range(2, 2 + MOST_NAMED)]


@given(st.lists(st.floats(-10, 100), max_size=20).flatmap(lambda days: st.tuples(st.just(days), st.permutations(range(len(days))))))
def test_the_order_they_come_in_does_not_matter(drawn: tuple[list[float], list[int]]) -> None:
    days, order = drawn
    stored = [past(each, number) for number, each in enumerate(days)]
    assert recurrence(MONDAY_NOON, [stored[at] for at in order]) == recurrence(MONDAY_NOON, stored)
