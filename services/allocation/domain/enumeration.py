"""The enumeration of plans one item after the other, bounded by what the knapsacks say of the rest: it finds plans, and proves the best.

A state is a choice of sprints for some items: the hours it leaves free in each sprint, and what it is worth. What the items still to come
can add is at most the sum, over sprints, of the best that each sprint's knapsack does with the hours left in it: that stands in the tables
of `knapsack`. States that cannot beat the best plan known are dropped. All states of an item are numpy arrays, so that an item costs some
thirty array operations. Where a layer grows beyond its width the most promising states stay, and the best bound among the others is told:
nothing is proven then beyond it. Source: T. Morin, R. Marsten, Branch-and-bound strategies for dynamic programming, 1976.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.allocation.domain.knapsack import Floats, ForestKnapsacks

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Arc:
    """That an item waits for another of its team, with the multipliers of its rows, sprint by sprint; zero where the forest keeps them."""

    item: int
    dependency: int
    multipliers: Floats

    def slack(self, item_finish: Ints, dependency_finish: Ints) -> Floats:
        """Returns what the relaxation counts for the sprints in which only the dependency is done: no plan gains that."""
        sums = np.concatenate([[0.0], np.cumsum(self.multipliers)])
        found: Floats = sums[item_finish - 1] - sums[dependency_finish - 1]
        return found


@dataclass(frozen=True, slots=True)
class Layout:
    """What is enumerated: `members` are the knapsacks' items, in their order; all others are settled.

    Each item finishes in a sprint from `first` to `last`, where one beyond the horizon stands for never. `gains[item, f - 1]` is what
    finishing in f adds to the relaxed value, and `worth` to the objective; `constant` is the relaxed value without the members.
    """

    members: Sequence[int]
    first: Ints
    last: Ints
    gains: Floats
    worth: Floats
    arcs: Sequence[Arc]
    constant: float


@dataclass(frozen=True, slots=True)
class Enumerated:
    """The best plan found, as sprints by item, or None; and the best bound among the states dropped for want of room."""

    finish: Ints | None
    value: float
    dropped: float


@dataclass(frozen=True, slots=True)
class _States:
    """One layer: each state's sprints chosen, relaxed value so far, hours free, and where in the forest each sprint's knapsack stands."""

    finish: Ints
    value: Floats
    free: Ints
    stand: Ints


class Enumeration:
    """Plans of one team's items, of which `knapsacks` were solved for the profits that the layout's gains come from."""

    def __init__(self, knapsacks: ForestKnapsacks, layout: Layout) -> None:
        self._knapsacks = knapsacks
        self._layout = layout
        self._horizon = layout.gains.shape[1] - 1
        self._tables = knapsacks.tables.reshape(-1)
        self._table, self._row = knapsacks.tables[0].size, np.arange(self._horizon) * knapsacks.tables.shape[2]
        sprints = np.arange(1, self._horizon + 1)
        self._done = (sprints >= np.arange(1, self._horizon + 2)[:, None]).astype(np.int64)  # by the sprint of finishing
        places = {layout.members[own]: position for position, own in enumerate(knapsacks.order)}
        self._arcs: list[list[Arc]] = [[] for _ in range(len(knapsacks.order) + 1)]  # by the place of the later end; settled ones last
        for arc in layout.arcs:
            self._arcs[max(places.get(arc.item, -1), places.get(arc.dependency, -1))].append(arc)

    def run(self, above: float, width: int) -> Enumerated:
        """Enumerates the plans worth at least `above`, of each layer the `width` most promising states."""
        layout, dropped = self._layout, -np.inf
        settled = layout.last[None, :].copy()
        constant = layout.constant - sum(float(each.slack(settled[0, each.item], settled[0, each.dependency])) for each in self._arcs[-1])
        states = _States(settled, np.array([constant]), self._knapsacks.exact_free[None, :], np.zeros((1, self._horizon), dtype=np.int64))
        for position in range(len(self._knapsacks.order)):
            worth, bound = self._options(states, position)
            chosen: tuple[Ints, ...] = np.nonzero(bound >= above)
            if len(chosen[0]) > width:
                bounds = bound[chosen]
                best = np.argpartition(-bounds, width)
                dropped = max(dropped, float(bounds[best[width:]].max()))
                kept = np.sort(best[:width])
                chosen = chosen[0][kept], chosen[1][kept]
            if not len(chosen[0]):
                return Enumerated(None, above, dropped)
            states = self._next(states, position, chosen, worth[chosen])
        value = layout.worth[np.arange(len(layout.worth)), states.finish - 1].sum(axis=1)
        best_state = int(np.argmax(value))
        return Enumerated(states.finish[best_state], float(value[best_state]), dropped)

    def _next(self, states: _States, position: int, chosen: tuple[Ints, ...], value: Floats) -> _States:
        own = self._knapsacks.order[position]
        item, weight = self._layout.members[own], self._knapsacks.exact_weights[own]
        state, sprint = chosen[0], chosen[1] + self._layout.first[item]
        done, finish = self._done[sprint - 1], states.finish[state]
        finish[:, item] = sprint
        stand = np.where(done, position + 1, self._left_out(states, position)[state])
        return _States(finish, value, states.free[state] - done * weight, stand)

    def _left_out(self, states: _States, position: int) -> Ints:
        """Returns where each sprint's knapsack stands without the item: behind all that waits for it."""
        return np.where(states.stand <= position, self._knapsacks.end[position], states.stand)

    def _options(self, states: _States, position: int) -> tuple[Floats, Floats]:
        """Returns, for each state and each sprint that the item may finish in, the relaxed value so far and the bound with the rest."""
        layout, own = self._layout, self._knapsacks.order[position]
        item = layout.members[own]
        sprints = np.arange(layout.first[item], layout.last[item] + 1)
        rest, earliest = self._rest(states, position, self._knapsacks.exact_weights[own])
        worth = states.value[:, None] + layout.gains[item, sprints - 1]
        latest = np.full(len(worth), self._horizon + 1)
        for arc in self._arcs[position]:
            if arc.item == item:
                other = states.finish[:, arc.dependency]
                worth -= arc.slack(sprints, other[:, None])
                earliest = np.maximum(earliest, other)
            else:
                other = states.finish[:, arc.item]
                worth -= arc.slack(other[:, None], sprints)
                latest = np.minimum(latest, other)
        bound = worth + rest[:, sprints - 1]
        bound[(sprints < earliest[:, None]) | (sprints > latest[:, None])] = -np.inf
        return worth, bound

    def _rest(self, states: _States, position: int, weight: int) -> tuple[Floats, Ints]:
        """Returns what the knapsacks add for each sprint of finishing, and the first sprint in which there is room for it to the end."""
        unit = self._knapsacks.unit  # hours left rounded down, as those of items are, so that a bound stays one
        fits = (states.free >= weight) & (states.stand <= position)
        without = self._tables[self._left_out(states, position) * self._table + self._row + states.free // unit]
        taken = self._tables[(position + 1) * self._table + self._row + np.where(fits, states.free - weight, 0) // unit]
        rest = np.zeros((len(fits), self._horizon + 1))
        np.cumsum(without, axis=1, out=rest[:, 1:])
        rest[:, :-1] += np.cumsum(taken[:, ::-1], axis=1)[:, ::-1]
        return rest, np.where(fits, 0, np.arange(1, self._horizon + 1)).max(axis=1) + 1
