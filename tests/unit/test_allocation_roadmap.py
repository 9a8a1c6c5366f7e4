"""Roadmap items and the rules a roadmap keeps."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.allocation.domain.errors import CurrencyMismatch, DependencyCycle, DependencyUnknown, FieldRefused
from services.allocation.domain.roadmap import RoadmapStage, check_items, find_cycle
from shared.money import Money
from tests.support.allocation import item


def test_a_cycle_is_refused_and_named() -> None:
    with pytest.raises(DependencyCycle) as refused:
        check_items([item("a", 1, 1, "c")], [item("b", 1, 1, "a"), item("c", 1, 1, "b")])
    assert refused.value.metadata["cycle"] == "roadmapItems/a → roadmapItems/c → roadmapItems/b → roadmapItems/a"


def test_an_item_that_depends_on_itself_is_a_cycle() -> None:
    with pytest.raises(DependencyCycle):
        check_items([item("a", 1, 1, "a")], [])


def test_items_that_share_a_dependency_are_no_cycle() -> None:
    check_items([item("a"), item("b", 1, 1, "a"), item("c", 1, 1, "a"), item("d", 1, 1, "b", "c")], [])


def test_a_cycle_may_be_broken_by_the_request_that_would_have_closed_it() -> None:
    check_items([item("a", 1, 1, "b"), item("b")], [item("b", 1, 1, "a")])


def test_an_unknown_dependency_is_refused_by_field() -> None:
    with pytest.raises(DependencyUnknown) as refused:
        check_items([item("a"), item("b", 1, 1, "a", "nowhere")], [])
    assert refused.value.violations[0].field == "items[1].dependencies[1]"


def test_a_dependency_of_another_team_is_refused() -> None:
    with pytest.raises(DependencyUnknown, match="belongs to teams/other"):
        check_items([item("a", 1, 1, "b"), item("b", team="teams/other")], [])


def test_a_second_currency_in_a_team_is_refused() -> None:
    with pytest.raises(CurrencyMismatch) as refused:
        check_items([item("b", cost_of_delay_per_week=Money(Decimal(1), "EUR"))], [item("a")])
    assert refused.value.violations[0].field == "items[0].cost_of_delay_per_week.currency_code"


def test_two_teams_may_use_two_currencies() -> None:
    check_items([item("a"), item("b", team="teams/other", cost_of_delay_per_week=Money(Decimal(1), "EUR"))], [])


def test_a_negative_cost_of_delay_is_refused() -> None:
    with pytest.raises(FieldRefused, match="cost_of_delay_per_week"):
        check_items([item("a", 1, -1)], [])


@pytest.mark.parametrize("due_at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_a_due_date_at_the_end_of_time_is_refused(due_at: datetime) -> None:
    with pytest.raises(FieldRefused, match="due_at"):
        check_items([item("a", due_at=due_at)], [])


def test_an_item_stays_with_its_team() -> None:
    with pytest.raises(FieldRefused, match="belongs to teams/web"):
        check_items([item("a", team="teams/other")], [item("a")])


def test_remaining_hours_are_never_negative() -> None:
    assert item("a", 10, recorded_hours=Decimal(12)).remaining_hours == 0


@pytest.mark.parametrize(
    ("built", "done"),
    [
        (item("a", 10, recorded_hours=Decimal(10)), True),
        (item("a", 10, stage=RoadmapStage.DONE), True),
        (item("a", 10, recorded_hours=Decimal(10), stage=RoadmapStage.DROPPED), False),
        (item("a", 10), False),
    ],
)
def test_an_item_is_done_when_said_so_or_when_nothing_remains(built: object, done: bool) -> None:
    assert built.is_done is done  # type: ignore[attr-defined]


@given(st.dictionaries(st.integers(0, 12), st.lists(st.integers(0, 12), max_size=4), max_size=13))
def test_a_cycle_found_is_a_cycle_and_none_is_missed(graph: dict[int, list[int]]) -> None:
    named = {str(node): [str(other) for other in others] for node, others in graph.items()}
    cycle = find_cycle(named)
    if cycle:
        assert cycle[0] == cycle[-1]
        assert all(after in named[before] for before, after in pairwise(cycle))
    else:
        # Kahn's algorithm takes every node away exactly when there is no cycle.
        left = {node: {other for other in others if other in named} for node, others in named.items()}
        while free := [node for node, others in left.items() if not others & left.keys()]:
            for node in free:
                del left[node]
        assert not left
