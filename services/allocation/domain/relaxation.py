"""The Lagrangian relaxation of a planning programme: bounds far tighter than the linear ones, good plans, and variables that are settled.

Relaxed are the rows that tie sprints, teams and skills together; what is left are knapsacks in forests, one for each team and sprint, and
those are solved exactly (`knapsack`); their tables bound an enumeration of plans (`enumeration`). Multipliers start from the duals of the
linear relaxation and follow the subgradient with Polyak's step (B. Polyak, Minimization of unsmooth functionals, 1969). A variable is
settled when the bound with it at the other value is no better than the best plan known; what remains is a much smaller programme. Every
step is the same for the same programme.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.allocation.domain.enumeration import Arc, Enumeration, Layout
from services.allocation.domain.knapsack import NEVER, Floats, ForestKnapsacks
from services.allocation.domain.matrix import Matrix
from services.allocation.domain.schedule import SerialSchedule

MOST_ROUNDS = 16
_STEPS = 8  # of the subgradient in a round, after which variables are settled
_PATIENCE = 2  # steps without a better bound until the step is halved
_WIDE = 0.002  # a gap after the first round from which on better plans are looked for around the best
_SHIFTED = 100  # items at most, for it takes time in proportion to their square
_STALLED = 0.03  # share of the free variables that a round must settle to be worth another one
_SLOW = 1e-4  # or, where too many stay free to search them all, the share by which it must lower the bound
MOST_SEARCHED = 1_500  # free variables: a search among more takes longer than it is worth


@dataclass(slots=True)
class Search:
    """A programme's variables with what is settled of them, the best solution known, and the bound on any better one."""

    lower: Floats
    upper: Floats
    solution: Floats
    value: float
    bound: float = float("inf")

    @property
    def is_proven(self) -> bool:
        """Whether no solution is better: objectives are whole numbers, so one must gain by one at least."""
        return self.bound < self.value + 0.99

    @property
    def free(self) -> int:
        return int((self.upper > self.lower).sum())


@dataclass(frozen=True, slots=True)
class _Block:
    """The items of one team that are not settled yet, as columns by item and sprint."""

    members: Sequence[int]
    columns: np.ndarray[tuple[int, int], np.dtype[np.intp]]
    knapsacks: ForestKnapsacks


@dataclass(frozen=True, slots=True)
class Items:
    """What the relaxation knows of items: their team, hours in millionths, dependencies within the team, and the teams' hours."""

    crews: Sequence[int]
    weights: Sequence[int]
    dependencies: Sequence[Sequence[int]]
    capacity: Sequence[Sequence[int]]

    @property
    def horizon(self) -> int:
        return len(self.capacity[0])


class Relaxation:
    """Narrows a search: `matrix` holds all rows, each at most its limit; `edges` gives the rows of a dependency within a team."""

    def __init__(self, matrix: Matrix, cost: Floats, items: Items, edges: dict[tuple[int, int], slice], hours: Sequence[int]) -> None:
        self._matrix = matrix
        self._cost = cost
        self._items = items
        self._edges = edges
        self._hours = hours  # rows that the knapsacks keep
        self._size = len(items.crews) * items.horizon
        worth = cost[: self._size].reshape(-1, items.horizon)
        self._later = np.cumsum(worth[:, ::-1], axis=1)[:, ::-1]
        dense = worth.mean(axis=1) / np.maximum(items.weights, 1)
        self._rank = dense / max(float(dense.max(initial=0.0)), 1e-12)

    def narrow(self, search: Search, start: tuple[Floats, Floats], serial: SerialSchedule, widths: Sequence[int], rounds: int) -> None:
        """Improves the search until it is proven, more rounds would settle little, or so many were made.

        `start` are the duals and the solution of the linear relaxation. After the first rounds plans are enumerated, as wide as `widths`
        say; that is right only for items that nothing but hours and dependencies within their team binds.
        """
        duals, relaxed = start
        seen = relaxed[: self._size].reshape(-1, self._items.horizon).copy()
        self._offer(search, serial, seen.sum(axis=1))
        self._offer(search, serial, np.zeros(len(self._rank)))
        multipliers, theta = np.maximum(duals, 0), 1.0
        for turn in range(rounds):
            free, before = search.free, search.bound
            if search.is_proven or not free:
                return
            theta = self._round(search, multipliers, serial, seen, theta)
            if turn < len(widths):
                self._enumerate(search, multipliers, widths[turn])
                continue
            if turn == len(widths) and search.bound - search.value > _WIDE * abs(search.value) and len(self._rank) <= _SHIFTED:
                self._shift(search, serial)
            if free - search.free < _STALLED * free and (free <= MOST_SEARCHED or before - search.bound < _SLOW * abs(search.bound)):
                return

    def _enumerate(self, search: Search, multipliers: Floats, width: int) -> None:
        """Looks for a better plan item by item; where there was room for all that might be better, the best is proven."""
        blocks = self._blocks(search, multipliers) if not search.is_proven else []
        if len(blocks) != 1:
            return
        if self._is_contradicted:  # what a better plan would need does not fit: there is none
            search.bound = search.value
            return
        bound, _ = self._evaluate(search, blocks, multipliers)
        found = Enumeration(blocks[0].knapsacks, self._layout(search, blocks[0], multipliers, bound)).run(search.value + 0.99, width)
        if found.finish is not None and found.value > search.value:
            search.value = found.value
            search.solution = search.solution.copy()
            horizon = self._items.horizon
            search.solution[: self._size] = done_by([sprint if sprint <= horizon else None for sprint in found.finish.tolist()], horizon)
        search.bound = min(search.bound, max(found.dropped, search.value))

    def _layout(self, search: Search, block: _Block, multipliers: Floats, bound: float) -> Layout:
        """Returns what to enumerate: the rows that keep done items done need no multipliers there, nor those of dependencies."""
        horizon, count = self._items.horizon, len(self._rank)
        lower, upper = (limits[: self._size].reshape(count, horizon) for limits in (search.lower, search.upper))
        profit = self._profit(search, multipliers)
        worth, gains = np.zeros((count, horizon + 1)), np.zeros((count, horizon + 1))
        worth[:, :-1] = self._later
        gains[:, :-1] = np.cumsum(profit[: self._size].reshape(count, horizon)[:, ::-1], axis=1)[:, ::-1]
        gains[:, 1:-1] -= multipliers[: count * (horizon - 1)].reshape(count, horizon - 1)
        return Layout(
            members=block.members,
            first=horizon + 1 - upper.sum(axis=1).astype(np.int64),
            last=horizon + 1 - lower.sum(axis=1).astype(np.int64),
            gains=gains,
            worth=worth,
            arcs=[
                Arc(item, other, multipliers[self._edges[item, other]]) for item in range(count) for other in self._items.dependencies[item]
            ],
            constant=bound - float(block.knapsacks.solve(profit[block.columns])[0].sum()),
        )

    def _own_edges(self) -> list[tuple[int, int]]:
        return [(item, other) for item, waits in enumerate(self._items.dependencies) for other in waits]

    def _round(self, search: Search, multipliers: Floats, serial: SerialSchedule, seen: Floats, theta: float) -> float:
        """Follows the subgradient for some steps, then settles what the best of its bounds settles."""
        blocks = self._blocks(search, multipliers)
        best, best_multipliers, waited = float("inf"), multipliers.copy(), 0
        for _ in range(_STEPS):
            bound, solution = self._evaluate(search, blocks, multipliers)
            waited = 0 if bound < best - 1e-9 * abs(best) else waited + 1
            if bound < best:
                best, best_multipliers = bound, multipliers.copy()
            if waited >= _PATIENCE:
                theta, waited = theta / 2, 0
                multipliers[:] = best_multipliers
            self._learn(search, serial, seen, solution)
            search.bound = min(search.bound, max(best, search.value))
            slope = self._matrix.times(solution) - self._matrix.limits
            slope[self._kept] = 0
            slope[(multipliers <= 0) & (slope < 0)] = 0
            norm = float(slope @ slope)
            if search.is_proven or not norm:
                break
            target = max(search.value, bound - 0.02 * abs(bound))
            np.maximum(multipliers + theta * max(bound - target, 1.0) / norm * slope, 0, out=multipliers)
        multipliers[:] = best_multipliers
        if not search.is_proven:
            self._settle(search, blocks, multipliers)
        return max(theta, 0.05)

    def _learn(self, search: Search, serial: SerialSchedule, seen: Floats, solution: Floats) -> None:
        taken = solution[: self._size].reshape(seen.shape)
        seen *= 0.7
        seen += 0.3 * taken
        self._offer(search, serial, seen.sum(axis=1))
        self._offer(search, serial, taken.sum(axis=1))

    def _shift(self, search: Search, serial: SerialSchedule) -> None:
        """Tries the best plan with each item first, and with each last, until a round of that finds nothing better."""
        better = True
        while better:
            better = False
            for item in range(len(self._rank)):
                for place in (self._items.horizon + 1.0, -1.0):
                    rank = search.solution[: self._size].reshape(-1, self._items.horizon).sum(axis=1)
                    rank[item] = place
                    better = self._offer(search, serial, rank) or better

    def _offer(self, search: Search, serial: SerialSchedule, rank: Floats) -> bool:
        """Takes the serial plan of that rank when it is better than the best known; says whether it is."""
        finish = serial.plan((rank + 1e-3 * self._rank).tolist())
        if finish is None:
            return False
        value = float(sum(self._later[item, sprint - 1] for item, sprint in enumerate(finish) if sprint))
        if value <= search.value:
            return False
        search.value = value
        search.solution = search.solution.copy()
        search.solution[: self._size] = done_by(finish, self._items.horizon)
        return True

    def _blocks(self, search: Search, multipliers: Floats) -> list[_Block]:
        """Returns the knapsacks of what is not settled; of several dependencies the one whose rows weigh most stays exact."""
        items, horizon = self._items, self._items.horizon
        lower = search.lower[: self._size].reshape(-1, horizon)
        spread = search.upper[: self._size].reshape(-1, horizon) - lower
        live = [bool(each) for each in spread.max(axis=1)]
        parents = [self._parent(item, live, multipliers) if live[item] else -1 for item in range(len(live))]
        self._is_contradicted = False
        self._kept = np.zeros(len(multipliers), dtype=bool)
        self._kept[list(self._hours)] = True
        for item, parent in enumerate(parents):
            if parent >= 0:
                self._kept[self._edges[item, parent]] = True
        multipliers[self._kept] = 0
        blocks = []
        for crew, limits in enumerate(items.capacity):
            members = [item for item in range(len(live)) if live[item] and items.crews[item] == crew]
            if members:
                used = sum(
                    (lower[item] * items.weights[item] for item in range(len(live)) if not live[item] and items.crews[item] == crew),
                    np.zeros(horizon),
                )
                places = {item: place for place, item in enumerate(members)}
                self._is_contradicted |= any(limit < int(taken) for limit, taken in zip(limits, used, strict=True))
                capacity = [max(limit - int(taken), 0) for limit, taken in zip(limits, used, strict=True)]
                knapsacks = ForestKnapsacks(
                    [items.weights[item] for item in members], capacity, [places.get(parents[item], -1) for item in members], lower[members]
                )
                blocks.append(_Block(members, np.array(members)[:, None] * horizon + np.arange(horizon), knapsacks))
        return blocks

    def _parent(self, item: int, live: Sequence[bool], multipliers: Floats) -> int:
        own = [other for other in self._items.dependencies[item] if live[other]]
        return max(own, key=lambda other: (float(multipliers[self._edges[item, other]].sum()), other), default=-1)

    def _evaluate(self, search: Search, blocks: Sequence[_Block], multipliers: Floats) -> tuple[float, Floats]:
        profit = self._profit(search, multipliers)
        solution = search.lower.copy()
        loose = np.arange(len(profit)) >= self._size
        solution[loose & (profit > 0) & (search.upper > search.lower)] = 1
        for block in blocks:
            solution[block.columns] = 0
        bound = float(multipliers @ self._matrix.limits + profit @ solution)
        for block in blocks:
            optima, taken = block.knapsacks.solve(profit[block.columns])
            solution[block.columns] = taken
            bound += float(optima.sum())
        return bound, solution

    def _profit(self, search: Search, multipliers: Floats) -> Floats:
        profit = self._cost - self._matrix.transposed_times(multipliers)
        profit[search.upper == 0] = NEVER
        return profit

    def _settle(self, search: Search, blocks: Sequence[_Block], multipliers: Floats) -> None:
        """Settles each variable whose other value cannot be part of a better solution."""
        bound, _ = self._evaluate(search, blocks, multipliers)
        profit, enough = self._profit(search, multipliers), search.value + 0.99
        for block in blocks:
            optima, _ = block.knapsacks.solve(profit[block.columns])
            taken, left = block.knapsacks.bounds(profit[block.columns])
            upper, lower = search.upper[block.columns], search.lower[block.columns]
            upper[bound - optima + taken < enough] = 0
            lower[bound - optima + left < enough] = 1
            search.upper[block.columns], search.lower[block.columns] = upper, lower
        self._matrix.spread(search.lower, search.upper)
        if (search.lower > search.upper).any():  # nothing better is left
            search.bound = search.value
            search.lower, search.upper = search.solution.copy(), search.solution.copy()
        elif not search.free:
            self._take(search, search.lower)

    def _take(self, search: Search, last: Floats) -> None:
        """Takes the one solution that is left when all is settled, where it is one and better than the best known."""
        value = float(self._cost @ last)
        if (
            value > search.value
            and (self._matrix.times(last) <= self._matrix.limits + 1e-9 * np.maximum(abs(self._matrix.limits), 1_000)).all()
        ):
            search.solution, search.value = last.copy(), value
        search.bound = search.value


def done_by(finish: Sequence[int | None], horizon: int) -> Floats:
    """Returns, for each item and sprint, 1 when the item is done by its end, as one row."""
    sprints = np.array([sprint or horizon + 1 for sprint in finish])
    return (np.arange(1, horizon + 1) >= sprints[:, None]).astype(float).ravel()
