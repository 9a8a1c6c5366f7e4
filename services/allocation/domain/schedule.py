"""Serial schedules: items one after the other, in a given order, each with what it waits for and as early as it fits.

So plan the tools that rank items; here it gives the comparison, and the plans that the exact search starts from.
"""

from collections.abc import Sequence
from fractions import Fraction

from services.allocation.domain.plan import Deadline, Plan, Problem, can_keep, first_overload, latest_sprints

_MICRO = 10**6


def greedy_plan(problem: Problem, deadlines: Sequence[Deadline] = ()) -> Plan:
    """Returns the plan by rank: cost of delay over duration (CD3), respecting precedence; deadlines are kept if all can be kept together.

    Source: D. G. Reinertsen, The Principles of Product Development Flow (2009), principle D13: weighted shortest job first.
    """
    rank = [Fraction(item.gain(1)) / (Fraction(item.remaining_hours) or Fraction(1, _MICRO)) for item in problem.items]
    kept = latest_sprints(problem, deadlines) if deadlines and can_keep(problem, deadlines) else {}
    return Plan(SerialSchedule(problem, kept).plan(rank) or (None,) * len(problem.items))


class SerialSchedule:
    """Makes plans that finish certain items by certain sprints, which must be possible, and the rest as a rank says."""

    def __init__(self, problem: Problem, latest: dict[int, int]) -> None:
        self._problem = problem
        self._latest = latest
        self._needs, self._room = _resources(problem)
        self._exact = not any(item.skills for item in problem.items)
        self._reserved = [list(room) for room in self._room]
        for item, sprint in latest.items():
            self._take(self._reserved, item, sprint, 1)

    def plan(self, rank: Sequence[float | Fraction]) -> tuple[int | None, ...] | None:
        """Returns each item's sprint, highest rank first; None when people with several skills are needed twice."""
        left = [list(room) for room in self._reserved]
        finish: list[int | None] = [None] * len(self._problem.items)
        for item in self._order(rank):
            earliest = self._begin(item, finish)
            reserved = self._latest.get(item)
            if earliest is None and reserved is None:
                continue
            if reserved is not None:
                self._take(left, item, reserved, -1)
            sprint = self._fit(left, item, earliest or reserved or 1)
            if sprint is not None:
                finish[item] = sprint
                self._take(left, item, sprint, 1)
        if self._exact or self._fits(finish):
            return tuple(finish)
        return None

    def _fits(self, finish: Sequence[int | None]) -> bool:
        return first_overload(self._problem, {item: sprint for item, sprint in enumerate(finish) if sprint}) is None

    def _order(self, rank: Sequence[float | Fraction]) -> list[int]:
        """Returns all items by rank, each after all that it depends on."""
        order: dict[int, None] = {}
        for first in sorted(range(len(rank)), key=lambda item: (-rank[item], item)):
            stack = [first]
            while stack:
                item = stack[-1]
                waits = [other for other in self._problem.items[item].dependencies if other not in order] if item not in order else []
                if waits:
                    stack.extend(sorted(waits, key=lambda other: (rank[other], -other)))
                else:
                    order[item] = None
                    stack.pop()
        return list(order)

    def _begin(self, item: int, finish: Sequence[int | None]) -> int | None:
        """Returns the first sprint by whose end all is done that the item depends on, or None."""
        problem, earliest = self._problem, 1
        for dependency in problem.items[item].dependencies:
            done = finish[dependency]
            if done is None:
                return None
            while earliest <= problem.horizon and problem.needed_by(item, earliest, dependency) < done:
                earliest += 1
        return earliest if earliest <= problem.horizon else None

    def _fit(self, left: list[list[int]], item: int, earliest: int) -> int | None:
        sprint = self._problem.horizon
        needs = self._needs[item]
        while sprint >= earliest and all(left[resource][sprint - 1] >= hours for resource, hours in needs):
            sprint -= 1
        return sprint + 1 if sprint < self._problem.horizon else None

    def _take(self, left: list[list[int]], item: int, sprint: int, sign: int) -> None:
        for resource, hours in self._needs[item]:
            room = left[resource]
            for index in range(sprint - 1, len(room)):
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
