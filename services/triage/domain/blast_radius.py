"""The blast radius of a component: everything that needs it, and what that amounts to, with what is not known beside it."""

from dataclasses import dataclass

import numpy as np

from services.triage.domain.component import Tier
from services.triage.domain.component_graph import Columns, ComponentGraph, Dependent
from services.triage.domain.errors import ComponentNotFound
from services.triage.domain.reach import Layer, Layers
from shared.money import Money

_NANOS = 10**9
_MOST = 2**63 - 1  # of a sum, as the contract can carry it; beyond it are figures that nobody has


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
        places = np.concatenate([*self.layers, [self.graph.places[self.name]]])
        return _extent(self.graph.columns, places, len(self.layers), self.name not in self.graph.components)

    def after(self, depth: int, name: str, limit: int) -> list[Dependent]:
        """Returns up to `limit` dependents behind this one, nearest first and by name; from the first one on for depth 0."""
        found: list[Dependent] = []
        for number, layer in enumerate(self.layers[max(0, depth - 1) :], max(1, depth)):
            begin = int(np.searchsorted(layer, self.graph.places.get(name, -1), "right")) if number == depth else 0
            nearer = frozenset(self.layers[number - 2].tolist() if number > 1 else [self.graph.places[self.name]])
            found += [self._dependent(each, number, nearer) for each in layer[begin : begin + limit - len(found)].tolist()]
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


def _extent(columns: Columns, places: Layer, depth: int, is_unknown: bool) -> Extent:
    owned = zip(columns.owners, np.bincount(columns.owner_codes[places], minlength=len(columns.owners)).tolist(), strict=True)
    teams = {team: count for team, count in owned if count}
    unowned_count = teams.pop("", 0)
    tiers = np.bincount(columns.tiers[places], minlength=len(Tier) + 1).tolist()
    return Extent(
        dependent_count=len(places) - 1,
        depth=depth,
        teams=tuple(sorted(teams.items(), key=lambda each: (-each[1], each[0]))),
        unowned_count=unowned_count,
        tiers=tuple((tier, tiers[tier or 0]) for tier in (*Tier, None) if tiers[tier or 0]),
        users=min(int(columns.users[places].sum()), _MOST),
        users_unknown_count=int(np.count_nonzero(~columns.users_known[places])),
        revenue_per_minute=tuple(
            Money.from_units_and_nanos(*divmod(min(int(nanos[places].sum()), _MOST * _NANOS), _NANOS), currency)
            for currency, nanos in columns.nanos.items()
            if columns.has_currency[currency][places].any()
        ),
        revenue_unknown_count=int(np.count_nonzero(~columns.revenue_known[places])),
        is_unknown=is_unknown,
    )
