"""Dependencies of components: cycles are refused, and named."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.dependency import check_acyclic
from services.triage.domain.errors import DependencyCycle

graphs = st.dictionaries(st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=3), max_size=8)


def test_a_chain_and_a_diamond_are_no_cycle() -> None:
    check_acyclic({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": ["not stored yet"]})


def test_a_cycle_is_named_in_the_order_of_need() -> None:
    with pytest.raises(DependencyCycle) as refused:
        check_acyclic({"web": ["cart"], "cart": ["db", "cache"], "db": ["web"], "cache": []})
    assert refused.value.reason == "DEPENDENCY_CYCLE"
    path = refused.value.metadata["cycle"].split(" -> ")
    assert path[0] == path[-1]
    assert set(path) == {"web", "cart", "db"}
    needs = {"web": ["cart"], "cart": ["db", "cache"], "db": ["web"]}
    assert all(needed in needs[name] for name, needed in pairwise(path))


def test_a_component_that_needs_itself_is_a_cycle() -> None:
    with pytest.raises(DependencyCycle, match="a -> a is a cycle"):
        check_acyclic({"a": ["a"]})


def test_a_chain_deeper_than_python_recurses_is_accepted() -> None:
    check_acyclic({str(n): [str(n + 1)] for n in range(5000)})


def test_a_cycle_that_was_there_before_stops_no_other_change() -> None:
    held = {"a": ["b"], "b": ["a"], "c": []}
    check_acyclic(held, held)
    check_acyclic(held | {"c": ["a"], "d": ["c"]}, held)
    check_acyclic(held | {"a": []}, held)
    with pytest.raises(DependencyCycle, match="b -> c -> a -> b is a cycle"):
        check_acyclic({"a": ["b"], "b": ["a", "c"], "c": ["a"]}, held | {"c": ["a"]})


@given(graphs)
def test_a_graph_is_refused_exactly_when_a_component_depends_on_itself_through_others(graph: dict[str, list[str]]) -> None:
    reach = {name: set(needed) for name, needed in graph.items()}
    for middle in "abcdefgh":  # Warshall's closure, an independent way to the same answer
        for needed in reach.values():
            if middle in needed:
                needed.update(reach.get(middle, set()))
    cyclic = any(name in needed for name, needed in reach.items())
    try:
        check_acyclic(graph)
    except DependencyCycle:
        assert cyclic
    else:
        assert not cyclic


@given(graphs)
def test_the_order_in_which_a_graph_is_told_does_not_change_the_cycle_named(graph: dict[str, list[str]]) -> None:
    def told(items: list[tuple[str, list[str]]]) -> str:
        try:
            check_acyclic(dict(items))
        except DependencyCycle as error:
            return error.message
        return ""

    forwards = list(graph.items())
    assert told(forwards) == told([(name, needed[::-1]) for name, needed in forwards[::-1]])
