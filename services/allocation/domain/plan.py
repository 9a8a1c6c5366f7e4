"""Plans: which roadmap item is done by the end of which sprint, and what a plan must keep."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.allocation.domain.staffing import Crew, Demand, Overload, overload

__all__ = ["Crew", "Deadline", "Overload", "Plan", "PlanItem", "Problem"]


@dataclass(frozen=True, slots=True)
class PlanItem:
    """An item to plan. Positions refer to the problem's items; sprints count from 1, the present one."""

    name: str
    remaining_hours: Decimal
    value: int  # of having it a week earlier, in a unit all items of the problem share
    dependencies: tuple[int, ...]
    due: int | None = None  # the last sprint by whose end it must be done; 0 when that is past; None when any time will do
    protected: bool = False
    crew: int = 0  # whose hours it takes
    gains: tuple[int, ...] = ()  # what being done by the end of each sprint saves until the next ends; empty: `value` for each
    skills: tuple[tuple[str, Decimal], ...] = ()  # of the remaining hours, those that only people with the skill can work

    def gain(self, sprint: int) -> int:
        return self.gains[sprint - 1] if self.gains else self.value


@dataclass(frozen=True, slots=True)
class Problem:
    """Items and the hours there are for them: `capacity[s-1]` is the sum over sprints 1 to s, never falling.

    Several teams, or skills, are given as `crews`, each with as many sprints; `capacity` is then left empty.
    """

    items: tuple[PlanItem, ...]
    capacity: tuple[Decimal, ...]
    crews: tuple[Crew, ...] = ()

    def __post_init__(self) -> None:
        if not self.crews:
            object.__setattr__(self, "crews", (Crew(self.capacity),))

    @property
    def horizon(self) -> int:
        return len(self.crews[0].capacity)

    def needed_by(self, item: int, sprint: int, dependency: int) -> int:
        """Returns the last sprint of the dependency's team that has ended when that of the item's ends: 0 when none has."""
        own, other = self.crews[self.items[item].crew], self.crews[self.items[dependency].crew]
        return sprint if own.ends == other.ends else bisect_right(other.ends or range(1, self.horizon + 1), own.end_of(sprint))

    def worth(self, item: int, finish: int | None) -> int:
        """Returns what having the item done by the end of that sprint saves, up to one sprint after the horizon."""
        return sum(self.items[item].gain(sprint) for sprint in range(finish, self.horizon + 1)) if finish else 0


@dataclass(frozen=True, slots=True)
class Deadline:
    """A promise that an item is done by the end of a sprint; `protects` when it comes from an item's protection, not its due date."""

    item: int
    sprint: int
    protects: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """When each item is done: its sprint, or None beyond the horizon; `gap` is the proven distance from the optimum, as a share of it."""

    finish: tuple[int | None, ...]
    gap: float = 0.0

    def is_done_by(self, item: int, sprint: int) -> bool:
        finish = self.finish[item]
        return finish is not None and finish <= sprint


def due_deadlines(problem: Problem) -> tuple[Deadline, ...]:
    """Returns the due dates that are not past already."""
    return tuple(Deadline(index, item.due) for index, item in enumerate(problem.items) if item.due)


def protecting_deadlines(problem: Problem, before: Plan, *, every: bool = False) -> tuple[Deadline, ...]:
    """Returns the promise, for each protected item, or for every item, to be done no later than in the plan before."""
    return tuple(
        Deadline(index, finish, protects=True)
        for index, (item, finish) in enumerate(zip(problem.items, before.finish, strict=True))
        if (every or item.protected) and finish is not None
    )


def late_items(problem: Problem, plan: Plan) -> tuple[str, ...]:
    """Returns the items that the plan finishes after their due date, by name."""
    return tuple(
        sorted(item.name for index, item in enumerate(problem.items) if item.due is not None and not plan.is_done_by(index, item.due))
    )


def value_of(problem: Problem, plan: Plan) -> int:
    """Returns what the plan saves in cost of delay."""
    return sum(problem.worth(item, finish) for item, finish in enumerate(plan.finish))


def latest_sprints(problem: Problem, deadlines: Sequence[Deadline]) -> dict[int, int]:
    """Returns, for each item that a deadline needs, the sprint by which it must be done: an item's deadline binds all it depends on.

    0 says that no sprint is early enough.
    """
    latest: dict[int, int] = {}
    stack = [(deadline.item, deadline.sprint) for deadline in deadlines]
    while stack:
        item, sprint = stack.pop()
        if latest.get(item, problem.horizon + 1) > sprint:
            latest[item] = sprint
            waits = problem.items[item].dependencies if sprint else ()
            stack.extend((dependency, problem.needed_by(item, sprint, dependency)) for dependency in waits)
    return latest


def can_keep(problem: Problem, deadlines: Sequence[Deadline]) -> bool:
    """Whether one plan keeps them all. Exact: what the deadlines need, each as late as allowed, and nothing else, is then such a plan."""
    latest = latest_sprints(problem, deadlines)
    return 0 not in latest.values() and first_overload(problem, latest) is None


def first_overload(problem: Problem, finish: dict[int, int]) -> Overload | None:
    """Returns where finishing these items in those sprints asks for more hours than there are, or None when they fit."""
    for position, crew in enumerate(problem.crews):
        demand: Demand = {}
        for item, sprint in finish.items():
            planned = problem.items[item]
            if planned.crew == position:
                _ask(demand, planned, sprint, problem.horizon)
        found = overload(position, crew, demand)
        if found:
            return found
    return None


def _ask(demand: Demand, item: PlanItem, sprint: int, horizon: int) -> None:
    skilled = sum((hours for _, hours in item.skills), Decimal(0))
    for skill, hours in (*item.skills, ("", item.remaining_hours - skilled)):
        demand.setdefault(skill, [Decimal(0)] * horizon)[sprint - 1] += hours


def earliest_sprints(problem: Problem) -> tuple[int, ...]:
    """Returns the first sprint by whose end each item with all it depends on fits; one beyond the horizon when it never does."""
    return tuple(_earliest(problem, index) for index in range(len(problem.items)))


def _earliest(problem: Problem, index: int) -> int:
    needed = latest_sprints(problem, [Deadline(index, problem.horizon)])
    if len(problem.crews) == 1 and not problem.crews[0].people:
        work = sum((problem.items[item].remaining_hours for item in needed), Decimal(0))
        return next((sprint for sprint, limit in enumerate(problem.crews[0].capacity, start=1) if work <= limit), problem.horizon + 1)
    return next((s for s in range(1, problem.horizon + 1) if can_keep(problem, [Deadline(index, s)])), problem.horizon + 1)
