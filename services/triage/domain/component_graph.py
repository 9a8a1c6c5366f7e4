"""The graph of components: who needs whom, held so that everything that needs a component is found in a millisecond or two."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.triage.domain.component import Component
from services.triage.domain.dependency_cycle import Circle, circles_of
from services.triage.domain.inputs import Surroundings
from services.triage.domain.reach import Layers, Reach
from shared.ids import name_of

_NANOS = Decimal(10**9)
_MOST_IN_64_BITS = 2**62


class ComponentGraph:
    """The catalogue at one version. May hold cycles, and components that others need and nobody described.

    Components are numbered by name, so that sets of them are sets of small numbers and an order of numbers is one of names.
    """

    def __init__(self, components: Iterable[Component]) -> None:
        self.components: Mapping[str, Component] = {each.name: each for each in components}
        self.names: Sequence[str] = sorted(
            self.components.keys() | {need for each in self.components.values() for need in each.dependencies}
        )
        self.places = {name: place for place, name in enumerate(self.names)}
        needed_by: list[list[int]] = [[] for _ in self.names]
        for each in self.components.values():
            for needed in each.dependencies:
                needed_by[self.places[needed]].append(self.places[each.name])
        self._above = Reach(needed_by)
        needs = [self.components[name].dependencies if name in self.components else () for name in self.names]
        self.columns = Columns([self.components.get(name) for name in self.names])
        self._below = Reach([[self.places[needed] for needed in each] for each in needs])

    def layers_above(self, names: Iterable[str], deepest: int = 0) -> Layers:
        """Returns what needs these components, directly or through others, themselves left out; up to this depth, 0 for all."""
        return self._above.layers((self.places[name] for name in names if name in self.places), deepest)

    def layers_below(self, names: Iterable[str]) -> Layers:
        """Returns what these components need, directly or through others, themselves left out."""
        return self._below.layers(self.places[name] for name in names if name in self.places)

    def component_at(self, place: int) -> Component:
        """Returns a component that needs others; what is only needed by others may not be known."""
        return self.components[self.names[place]]

    def surroundings(self, ids: Iterable[str]) -> Surroundings:
        """Returns what the catalogue knows of these components, and how many others need them, directly or through others."""
        names = sorted({name_of("components", each) for each in ids})
        dependents = sum(len(layer) for layer in self.layers_above(names))
        return Surroundings(tuple(self.components[name] for name in names if name in self.components), dependents)

    @cached_property
    def circles(self) -> tuple[Circle, ...]:
        return circles_of({name: each.dependencies for name, each in self.components.items()})

    @cached_property
    def nobody_described(self) -> tuple[str, ...]:
        """Components that others need and the catalogue does not hold, by name."""
        return tuple(name for name in self.names if name not in self.components)


class Columns:
    """What sums are made of, by place, as numpy's columns: sums over ten thousand components then take a fraction of a millisecond."""

    def __init__(self, components: Sequence[Component | None]) -> None:
        owners = [each.owner_team if each else "" for each in components]
        self.owners: Sequence[str] = sorted(set(owners))
        code = {owner: number for number, owner in enumerate(self.owners)}
        self.owner_codes = np.array([code[each] for each in owners], np.int64)
        self.tiers = np.array([each.tier if each and each.tier else 0 for each in components], np.int64)  # 0 where it is not known
        users = [each.users if each else None for each in components]
        self.users = _summable([each or 0 for each in users])
        self.users_known = np.array([each is not None for each in users], np.bool_)
        revenues = [each.revenue_per_minute if each else None for each in components]
        self.revenue_known = np.array([each is not None for each in revenues], np.bool_)
        self.nanos = {
            currency: _summable([int(money.amount * _NANOS) if money and money.currency == currency else 0 for money in revenues])
            for currency in sorted({money.currency for money in revenues if money})
        }
        self.has_currency = {
            currency: np.array([money is not None and money.currency == currency for money in revenues], np.bool_)
            for currency in self.nanos
        }


def _summable(values: Sequence[int]) -> NDArray[Any]:
    """Returns a column of which no sum overflows."""
    return np.array(values, np.int64 if sum(values) < _MOST_IN_64_BITS else object)


@dataclass(frozen=True, slots=True)
class Dependent:
    """A component that needs the failing one; `via` is the nearer one through which it does, the first by name among several."""

    component: Component
    depth: int  # 1 for what needs it directly
    via: str
