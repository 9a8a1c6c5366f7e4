"""Serial schedules: items one after the other, in a given order, each with what it waits for and as early as it fits.

So plan the tools that rank items; here it gives the comparison, and the plans that the exact search starts from.
"""

from collections.abc import Sequence
from fractions import Fraction
from heapq import heapify, heappop, heappush

from services.allocation.domain.plan import Deadline, Plan, Problem, can_keep, first_overload, latest_sprints

_MICRO = 10**6


def greedy_plan(problem: Problem, deadlines: Sequence[Deadline] = ()) -> Plan:
    """Returns the plan by rank: cost of delay over duration (CD3), respecting precedence; deadlines are kept if all can be kept together.

    Source: D. G. Reinertsen, The Principles of Product Development Flow (2009), principle D13: weighted shortest job first.
    """
    rank = [Fraction(item.gain(1)) / (Fraction(item.remaining_hours) or Fraction(1, _MICRO)) for item in problem.items]
    kept = latest_sprints(problem, deadlines) if deadlines and can_keep(problem, deadlines) else {}
    order = _available_first(problem, rank)
    planned = SerialSchedule(problem, kept).plan([-order.index(item) for item in range(len(order))])
    return Plan(planned or tuple(kept.get(item) for item in range(len(order))))


def _available_first(problem: Problem, rank: Sequence[Fraction]) -> list[int]:
    """Returns the items as one takes them from a ranked list: always the highest of those whose dependencies were taken."""
    waits = [len(item.dependencies) for item in problem.items]
    after: dict[int, list[int]] = {}
    for index, waiting in enumerate(problem.items):
        for dependency in waiting.dependencies:
            after.setdefault(dependency, []).append(index)
    ready = [(-rank[item], item) for item, count in enumerate(waits) if not count]
    heapify(ready)
    order = []
    while ready:
        _, item = heappop(ready)
        order.append(item)
        for other in after.get(item, ()):
            waits[other] -= 1
            if not waits[other]:
                heappush(ready, (-rank[other], other))
    return order


class SerialSchedule:
    """Makes plans that finish certain items by certain sprints, which must be possible, and the rest as a rank says."""

    def __init__(self, problem: Problem, latest: dict[int, int]) -> None:
        self._problem = problem
        self._latest = latest
        self._horizon = problem.horizon
        self._waits = [item.dependencies for item in problem.items]
        self._aligned = len({crew.ends for crew in problem.crews}) == 1
        self._needs, self._room = _resources(problem)
        self._exact = not any(item.skills for item in problem.items)
        self._reserved = [list(room) for room in self._room]
        for item, sprint in latest.items():
            self._take(self._reserved, item, sprint, 1)

    def plan(self, rank: Sequence[float | Fraction]) -> tuple[int | None, ...] | None:
        """Returns each item's sprint, highest rank first; None when people with several skills are needed twice."""
        left = [list(room) for room in self._reserved]
        finish: list[int | None] = [None] * len(self._waits)
        for item in self._order(rank):
            earliest, reserved = self._begin(item, finish), self._latest.get(item)
            if reserved is not None:
                self._take(left, item, reserved, -1)
            elif earliest is None:
                continue
            sprint = self._fit(left, item, earliest or reserved or 1)
            if sprint is not None:
                finish[item] = sprint
                self._take(left, item, sprint, 1)
        return tuple(finish) if self._exact or self._fits(finish) else None

    def _fits(self, finish: Sequence[int | None]) -> bool:
        return first_overload(self._problem, {item: sprint for item, sprint in enumerate(finish) if sprint}) is None

    def _order(self, rank: Sequence[float | Fraction]) -> list[int]:
        """Returns all items by rank, each after all that it depends on."""
        order: dict[int, None] = {}
        for first in sorted(range(len(rank)), key=lambda item: -rank[item]):
            stack = [first]
            while stack:
                item = stack[-1]
                waits = [other for other in self._waits[item] if other not in order] if item not in order else []
                if waits:
                    stack.extend(sorted(waits, key=lambda other: (rank[other], -other)))
                else:
                    order[item] = None
                    stack.pop()
        return list(order)

    def _begin(self, item: int, finish: Sequence[int | None]) -> int | None:
        """Returns the first sprint by whose end all is done that the item depends on, or None."""
        earliest = 1
        for dependency in self._waits[item]:
            done = finish[dependency]
            if done is None:
                return None
            if self._aligned:
                earliest = max(earliest, done)
            else:
                while earliest <= self._horizon and self._problem.needed_by(item, earliest, dependency) < done:
                    earliest += 1
        return earliest if earliest <= self._horizon else None

    def _fit(self, left: list[list[int]], item: int, earliest: int) -> int | None:
        """Returns the first sprint from which on there are hours to the end, for all that the item needs."""
        first = earliest
        for resource, hours in self._needs[item]:
            room, sprint = left[resource], self._horizon
            while sprint >= first and room[sprint - 1] >= hours:
                sprint -= 1
            first = max(first, sprint + 1)
        return first if first <= self._horizon else None

    def _take(self, left: list[list[int]], item: int, sprint: int, sign: int) -> None:
        for resource, hours in self._needs[item]:
            room = left[resource]
            for index in range(sprint - 1, self._horizon):
                room[index] -= sign * hours


def _resources(problem: Problem) -> tuple[list[list[tuple[int, int]]], list[list[int]]]:
    """Returns what each item needs of which resource, and what there is of each by the end of each sprint, in millionths of hours."""
    positions: dict[tuple[int, str], int] = {}
    room: list[list[int]] = []
    needs = []
    for item in problem.items:
        own = []
        for skill, hours in (("", item.remaining_hours), *item.skills):
            if (item.crew, skill) not in positions:
                positions[item.crew, skill] = len(room)
                room.append(_sums(problem.crews[item.crew].hours(frozenset([skill]))))
            own.append((positions[item.crew, skill], int(hours * _MICRO)))
        needs.append(own)
    return needs, room


def _sums(hours: Sequence[int]) -> list[int]:
    total, sums = 0, []
    for each in hours:
        total += each
        sums.append(total)
    return sums
