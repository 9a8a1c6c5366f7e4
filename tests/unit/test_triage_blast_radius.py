"""The blast radius: all that needs a component, however the graph looks, and what it amounts to."""

import random
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.blast_radius import blast_radius
from services.triage.domain.component import Component, Tier
from services.triage.domain.component_graph import ComponentGraph
from services.triage.domain.dependency_cycle import circles_of
from services.triage.domain.errors import ComponentNotFound
from services.triage.domain.reach import Reach
from shared.money import Money
from tests.support.triage import component

NAMES = [f"components/{letter}" for letter in "abcdefgh"]
graphs = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), unique=True, max_size=4).map(sorted), max_size=8)


def graph_of(needs: dict[str, list[str]]) -> ComponentGraph:
    return ComponentGraph(Component(name, dependencies=tuple(needed)) for name, needed in needs.items())


def naive_depths(needs: dict[str, list[str]], name: str) -> dict[str, int]:
    """Asks again and again who needs something found, until nothing new comes."""
    depths = {name: 0}
    while True:
        fresh = {each for each, needed in needs.items() if each not in depths and any(one in depths for one in needed)}
        if not fresh:
            return {each: depth for each, depth in depths.items() if depth}
        depth = max(depths.values()) + 1
        depths |= dict.fromkeys(fresh, depth)


@given(graphs, st.sampled_from(NAMES))
def test_it_is_what_a_naive_walk_finds_also_with_cycles(needs: dict[str, list[str]], name: str) -> None:
    graph = graph_of(needs)
    if name not in graph.places:
        with pytest.raises(ComponentNotFound):
            blast_radius(graph, name)
        return
    found = blast_radius(graph, name).after(0, "", 100)
    assert {each.component.name: each.depth for each in found} == naive_depths(needs, name)
    keys = [(each.depth, each.component.name) for each in found]
    assert keys == sorted(keys)
    depths = naive_depths(needs, name) | {name: 0}
    assert all(depths[each.via] == each.depth - 1 and each.via in each.component.dependencies for each in found)


@given(graphs, st.sampled_from(NAMES), st.integers(1, 4))
def test_pages_put_together_are_the_whole(needs: dict[str, list[str]], name: str, size: int) -> None:
    graph = graph_of(needs)
    if name not in graph.places:
        return
    radius = blast_radius(graph, name)
    together, last = [], (0, "")
    while page := radius.after(*last, size):
        together += page
        last = page[-1].depth, page[-1].component.name
    assert together == radius.after(0, "", 100)


@given(graphs, st.lists(st.sampled_from(NAMES), max_size=3), st.integers(0, 4))
def test_wide_layers_reach_what_narrow_ones_do(needs: dict[str, list[str]], starts: list[str], deepest: int) -> None:
    places = {name: place for place, name in enumerate(NAMES)}
    reach = Reach([[places[needed] for needed in needs.get(name, [])] for name in NAMES])
    narrow = reach.layers((places[each] for each in starts), deepest)
    seen, layer = bytearray(len(NAMES)), sorted({places[each] for each in starts})
    wide: list[list[int]] = []
    for place in layer:
        seen[place] = True
    while layer and (not deepest or len(wide) < deepest):
        layer = reach._wide(np.array(layer, np.int64), seen).tolist()
        wide += [layer] if layer else []
    assert [each.tolist() for each in narrow] == wide


def test_a_graph_wider_than_python_walks_and_a_chain_longer_than_it_recurses_are_walked_to_the_end() -> None:
    chance = random.Random(7)
    needs = {f"components/n{n:04}": [f"components/n{chance.randrange(n):04}" for _ in range(4)] if n else [] for n in range(2000)}
    needs = {name: sorted(set(needed)) for name, needed in needs.items()}
    found = blast_radius(graph_of(needs), "components/n0003").after(0, "", 5000)
    assert {each.component.name: each.depth for each in found} == naive_depths(needs, "components/n0003")
    chain = {f"components/c{n:04}": [f"components/c{n - 1:04}"] if n else [] for n in range(5000)}
    assert blast_radius(graph_of(chain), "components/c0000").extent().depth == 4999


@pytest.fixture
def shop() -> ComponentGraph:
    return ComponentGraph(
        [
            component("db", Tier.CRITICAL, owner_team="teams/data", users=5),
            component("cart", Tier.HIGH, "100 USD", owner_team="teams/shop", users=1000, dependencies=("components/db",)),
            component("web", Tier.CRITICAL, "12.50 EUR", owner_team="teams/shop", dependencies=("components/cart", "components/mail")),
            component("report", revenue="0.5 USD", dependencies=("components/cart", "components/web")),
        ]
    )


def test_sums_say_what_is_not_known(shop: ComponentGraph) -> None:
    extent = blast_radius(shop, "components/db").extent()
    assert (extent.dependent_count, extent.depth, extent.is_unknown) == (3, 2, False)
    assert extent.teams == (("teams/shop", 2), ("teams/data", 1))
    assert extent.unowned_count == 1
    assert extent.tiers == ((Tier.CRITICAL, 2), (Tier.HIGH, 1), (None, 1))
    assert (extent.users, extent.users_unknown_count) == (1005, 2)
    assert extent.revenue_per_minute == (Money(Decimal("12.5"), "EUR"), Money(Decimal("100.5"), "USD"))
    assert extent.revenue_unknown_count == 1


def test_great_sums_are_exact_and_end_where_the_contract_does() -> None:
    most = 2**63 - 1
    graph = ComponentGraph([component("db", users=2**62), component("web", users=2**61, dependencies=("components/db",))])
    assert blast_radius(graph, "components/db").extent().users == 2**62 + 2**61
    priced = [component(f"c{n}", revenue=f"{most}.5 USD" if n else "1 USD", users=most, dependencies=("components/db",)) for n in range(3)]
    extent = blast_radius(ComponentGraph(priced), "components/db").extent()
    assert (extent.users, extent.revenue_per_minute) == (most, (Money(Decimal(most), "USD"),))
    cheap = [component(f"c{n}", revenue="99999999999.999999999 USD", dependencies=("components/db",)) for n in range(90)]
    assert blast_radius(ComponentGraph(cheap), "components/db").extent().revenue_per_minute == (
        Money(Decimal("8999999999999.99999991"), "USD"),
    )


def test_a_component_that_is_only_needed_has_a_radius_and_is_said_to_be_unknown(shop: ComponentGraph) -> None:
    radius = blast_radius(shop, "components/mail")
    assert [each.component.name for each in radius.after(0, "", 9)] == ["components/web", "components/report"]
    extent = radius.extent()
    assert (extent.is_unknown, extent.users_unknown_count, extent.unowned_count) == (True, 3, 2)
    assert shop.nobody_described == ("components/mail",)


def test_a_bound_on_the_depth_bounds_the_sums_too(shop: ComponentGraph) -> None:
    extent = blast_radius(shop, "components/db", 1).extent()
    assert (extent.dependent_count, extent.users) == (1, 1005)


def test_surroundings_count_what_needs_any_of_several_once_and_none_of_themselves(shop: ComponentGraph) -> None:
    around = shop.surroundings(["db", "cart", "nobody"])
    assert [each.name for each in around.known] == ["components/cart", "components/db"]
    assert around.dependents == 2


@given(graphs)
def test_circles_are_the_components_that_reach_each_other(needs: dict[str, list[str]]) -> None:
    reach = {name: set(needed) for name, needed in needs.items()}
    for middle in NAMES:  # Warshall's closure
        for needed in reach.values():
            if middle in needed:
                needed.update(reach.get(middle, set()))
    circular = {name for name in needs if name in reach[name]}
    wanted = {tuple(sorted(each for each in circular if each in reach[name] and name in reach[each])) for name in circular}
    found = circles_of(needs)
    assert {each.members for each in found} == wanted
    for each in found:
        assert each.path[0] == each.path[-1] == each.members[0]
        assert all(needed in needs[name] for name, needed in zip(each.path, each.path[1:], strict=False))


def test_the_way_round_is_the_shortest_and_the_first_by_name() -> None:
    (circle,) = circles_of({"a": ["c", "b"], "b": ["a"], "c": ["d", "a"], "d": ["a"]})
    assert circle.members == ("a", "b", "c", "d")
    assert circle.path == ("a", "b", "a")
