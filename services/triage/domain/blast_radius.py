"""The blast radius of a component: everything that needs it, and what that amounts to, with what is not known beside it."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from services.triage.domain.component import Tier
from services.triage.domain.component_graph import Columns, ComponentGraph, Dependent
from services.triage.domain.errors import ComponentNotFound
from services.triage.domain.reach import Layers
from shared.money import Money


@dataclass(frozen=True, slots=True)
class Extent:
    """Sums over the component and all that needs it. What is not known counts as nothing and is told apart."""

    dependent_count: int
    depth: int  # of the farthest one
    teams: tuple[tuple[str, int], ...]  # each with its components, the most first
    unowned_count: int
    tiers: tuple[tuple[Tier | None, int], ...]  # each with its components; None for those without
    users: int  # a sum: people who use several count in each
    users_unknown_count: int
    revenue_per_minute: tuple[Money, ...]  # one for each currency
    revenue_unknown_count: int
    is_unknown: bool  # the catalogue holds nothing of the component itself


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What falls with a component, as far as it was asked for."""

    graph: ComponentGraph
    name: str
    layers: Layers

    def extent(self) -> Extent:
        places = [place for layer in self.layers for place in layer]
        return _extent(self.graph.columns, [*places, self.graph.places[self.name]], self.layers, self.name not in self.graph.components)

    def after(self, depth: int, name: str, limit: int) -> list[Dependent]:
        """Returns up to `limit` dependents behind this one, nearest first and by name; from the first one on for depth 0."""
        found: list[Dependent] = []
        for number, layer in enumerate(self.layers[max(0, depth - 1) :], max(1, depth)):
            begin = bisect_right(layer, self.graph.places.get(name, -1)) if number == depth else 0
            nearer = frozenset(self.layers[number - 2] if number > 1 else [self.graph.places[self.name]])
            found += [self._dependent(each, number, nearer) for each in layer[begin : begin + limit - len(found)]]
            if len(found) == limit:
                break
        return found

    def _dependent(self, place: int, depth: int, nearer: frozenset[int]) -> Dependent:
        component = self.graph.component_at(place)
        return Dependent(component, depth, next(each for each in component.dependencies if self.graph.places[each] in nearer))


def blast_radius(graph: ComponentGraph, name: str, deepest: int = 0) -> BlastRadius:
    """Returns what needs the component, up to this depth, 0 for all. Raises ComponentNotFound for one the graph has never heard of."""
    if name not in graph.places:
        raise ComponentNotFound(name)
    return BlastRadius(graph, name, graph.layers_above([name], deepest))


def _extent(columns: Columns, places: Sequence[int], layers: Layers, is_unknown: bool) -> Extent:
    owners = Counter(map(columns.owners.__getitem__, places))
    tiers = Counter(map(columns.tiers.__getitem__, places))
    users = [each for each in map(columns.users.__getitem__, places) if each is not None]
    currencies = Counter(map(columns.currencies.__getitem__, places))
    unowned_count, revenue_unknown_count = owners.pop("", 0), currencies.pop("", 0)
    return Extent(
        dependent_count=len(places) - 1,
        depth=len(layers),
        teams=tuple(sorted(owners.items(), key=lambda each: (-each[1], each[0]))),
        unowned_count=unowned_count,
        tiers=tuple(sorted(tiers.items(), key=lambda each: each[0] or len(Tier) + 1)),
        users=sum(users),
        users_unknown_count=len(places) - len(users),
        revenue_per_minute=tuple(_sum(columns, places, each) for each in sorted(currencies)),
        revenue_unknown_count=revenue_unknown_count,
        is_unknown=is_unknown,
    )


def _sum(columns: Columns, places: Sequence[int], currency: str) -> Money:
    nanos = sum(columns.nanos[place] for place in places if columns.currencies[place] == currency)
    return Money.from_units_and_nanos(0, nanos, currency)
