"""Plans: which roadmap item is done by the end of which sprint, and what a plan must keep."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class PlanItem:
    """An item to plan. Positions refer to the problem's items; sprints count from 1, the present one."""

    name: str
    remaining_hours: Decimal
    value: int  # of having it a week earlier, in a unit all items of the problem share
    dependencies: tuple[int, ...]
    due: int | None = None  # the last sprint by whose end it must be done; 0 when that is past; None when any time will do
    protected: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Items and the hours there are for them: `capacity[s-1]` is the sum over sprints 1 to s, never falling."""

    items: tuple[PlanItem, ...]
    capacity: tuple[Decimal, ...]

    @property
    def horizon(self) -> int:
        return len(self.capacity)


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


def latest_sprints(problem: Problem, deadlines: Sequence[Deadline]) -> dict[int, int]:
    """Returns, for each item that a deadline needs, the sprint by which it must be done: an item's deadline binds all it depends on."""
    latest: dict[int, int] = {}
    stack = [(deadline.item, deadline.sprint) for deadline in deadlines]
    while stack:
        item, sprint = stack.pop()
        if latest.get(item, problem.horizon + 1) > sprint:
            latest[item] = sprint
            stack.extend((dependency, sprint) for dependency in problem.items[item].dependencies)
    return latest


def can_keep(problem: Problem, deadlines: Sequence[Deadline]) -> bool:
    """Whether one plan keeps them all. Exact: what the deadlines need, each as late as allowed, and nothing else, is then such a plan."""
    latest = latest_sprints(problem, deadlines)
    needed = [Decimal(0)] * (problem.horizon + 1)
    for item, sprint in latest.items():
        needed[sprint] += problem.items[item].remaining_hours
    total = Decimal(0)
    for sprint, limit in enumerate(problem.capacity, start=1):
        total += needed[sprint]
        if total > limit:
            return False
    return True


def earliest_sprints(problem: Problem) -> tuple[int, ...]:
    """Returns the first sprint by whose end each item with all it depends on fits; one beyond the horizon when it never does."""
    earliest = []
    for index in range(len(problem.items)):
        needed = latest_sprints(problem, [Deadline(index, problem.horizon)])
        work = sum((problem.items[item].remaining_hours for item in needed), Decimal(0))
        earliest.append(next((sprint for sprint, limit in enumerate(problem.capacity, start=1) if work <= limit), problem.horizon + 1))
    return tuple(earliest)
