"""Knapsacks in a forest: for each sprint by itself, the best set of one team's items that fits and holds all its items' parents.

Exact by dynamic programming over items in preorder and over whole units of hours, for all sprints at once (G. Johnson, K. Niemi, On
knapsacks, partitions, and a new dynamic programming technique for trees, 1983). Tables are numpy arrays: sprint × units still free.
"""

from collections.abc import Sequence
from math import gcd

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
NEVER = -1e15

# More units than this are rounded: hours down to whole units, so that what the knapsack finds stays an upper bound.
_MOST_UNITS = 2_000


class ForestKnapsacks:
    """The knapsacks of one team: `weights` and `capacity` in one unit, `parents` as positions among these items, -1 for none.

    `order` has the items in preorder, `end` for each place that after its item's descendants; `tables[place, sprint, units]` is, after
    `solve`, the best that the items from a place on do with so many units. The `exact` ones are not rounded to units.
    """

    def __init__(self, weights: Sequence[int], capacity: Sequence[int], parents: Sequence[int], forced: Floats) -> None:
        unit = gcd(*weights) or 1
        unit *= max(-(-max(capacity) // unit // _MOST_UNITS), 1)
        self.unit = unit
        self.exact_weights, self.exact_free = weights, np.array(capacity, dtype=np.int64)
        self.weights = [weight // unit for weight in weights]
        self.free = np.array([limit // unit for limit in capacity])
        self._parents = parents
        self.order, self.end = _preorder(parents)
        self._skip = np.where(forced > 0, NEVER, 0.0)  # what leaving an item out costs, by item and sprint
        self._forced = [bool(each) for each in forced.max(axis=1, initial=0.0)]
        self._sprints = np.arange(len(capacity))
        shape = len(weights) + 1, len(capacity), int(self.free.max()) + 1
        self.tables = np.zeros(shape)  # the best of the items from a position on
        self._unused = np.empty(shape)

    def solve(self, profit: Floats) -> tuple[Floats, Floats]:
        """Returns each sprint's optimum, and which items it takes, 0 or 1 by item and sprint."""
        rest = self.tables
        for position in range(len(self.order) - 1, -1, -1):
            item, table = self.order[position], rest[position]
            weight, width = self.weights[item], table.shape[1]
            np.copyto(table, rest[self.end[position]])
            if self._forced[item]:
                table += self._skip[item][:, None]
            if weight < width:
                np.maximum(table[:, weight:], rest[position + 1][:, : width - weight] + profit[item][:, None], out=table[:, weight:])
        return rest[0][self._sprints, self.free], self._taken(profit)

    def _taken(self, profit: Floats) -> Floats:
        taken = np.zeros(profit.shape)
        rest, order, end, weights = self.tables, self.order, self.end, self.weights
        for sprint in range(profit.shape[1]):
            free, position = int(self.free[sprint]), 0
            while position < len(order):
                item = order[position]
                weight = weights[item]
                without = rest[end[position], sprint, free] + self._skip[item, sprint]
                if weight <= free and rest[position + 1, sprint, free - weight] + profit[item, sprint] >= without:
                    taken[item, sprint] = 1
                    free -= weight
                    position += 1
                else:
                    position = end[position]
        return taken

    def bounds(self, profit: Floats) -> tuple[Floats, Floats]:
        """Returns, for each item and sprint, the optimum with the item taken and with it left out; after `solve` of the same profit."""
        used, rest = self._unused, self.tables
        used.fill(4 * NEVER)
        used[0][self._sprints, self.free] = 0
        taken, left = np.empty(profit.shape), np.empty(profit.shape)
        for position, item in enumerate(self.order):
            table, weight = used[position], self.weights[item]
            width, end = table.shape[1], self.end[position]
            if weight < width:
                with_item = table[:, weight:] + profit[item][:, None]
                taken[item] = (with_item + rest[position + 1][:, : width - weight]).max(axis=1)
                np.maximum(used[position + 1][:, : width - weight], with_item, out=used[position + 1][:, : width - weight])
            else:
                taken[item] = NEVER
            without = table + self._skip[item][:, None]
            left[item] = (without + rest[end]).max(axis=1)
            if self._parents[item] >= 0:
                np.maximum(left[item], left[self._parents[item]], out=left[item])
            np.maximum(used[end], without, out=used[end])
        return taken, left


def _preorder(parents: Sequence[int]) -> tuple[list[int], list[int]]:
    """Returns the items, each before its children, and for each place the place after all its descendants."""
    children: dict[int, list[int]] = {}
    for item, parent in enumerate(parents):
        children.setdefault(parent, []).append(item)
    order: list[int] = []
    end = [0] * len(parents)
    stack = [(item, False) for item in reversed(children.get(-1, []))]
    while stack:
        item, left = stack.pop()
        if left:
            end[item] = len(order)
            continue
        order.append(item)
        stack.append((item, True))
        stack.extend((child, False) for child in reversed(children.get(item, [])))
    return order, [end[item] for item in order]
