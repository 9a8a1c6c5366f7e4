"""Why a roadmap cannot keep its promises: the smallest sets of deadlines that no plan keeps together, and what would resolve each."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.allocation.domain.plan import Deadline, Overload, Problem, can_keep, first_overload, latest_sprints


@dataclass(frozen=True, slots=True)
class Way:
    """Moving one deadline of a conflict alone: to the end of `sprint`, the first that resolves it; None when none of the horizon does."""

    deadline: Deadline
    sprint: int | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Deadlines that cannot be kept together, though any of them left out the others can; where hours lack, and the ways out.

    `overload` is None when time itself lacks: something must be done before any sprint of its team ends.
    """

    deadlines: tuple[Deadline, ...]
    overload: Overload | None
    ways: tuple[Way, ...]


def conflicts_of(problem: Problem, deadlines: Sequence[Deadline]) -> tuple[Conflict, ...]:
    """Returns conflicts without a deadline in common: without all of theirs, the other deadlines can be kept together."""
    rest, found = list(dict.fromkeys(deadlines)), []
    while not can_keep(problem, rest):
        smallest = _smallest(problem, rest)
        latest = latest_sprints(problem, smallest)
        lacking = None if 0 in latest.values() else first_overload(problem, latest)
        found.append(Conflict(smallest, lacking, tuple(_way(problem, smallest, index) for index in range(len(smallest)))))
        rest = [deadline for deadline in rest if deadline not in smallest]
    return tuple(found)


def _smallest(problem: Problem, deadlines: Sequence[Deadline]) -> tuple[Deadline, ...]:
    """Leaves out one deadline after the other that the conflict does not need: what remains is minimal, for fewer are never harder."""
    kept = list(deadlines)
    # The latest go first: what is due soonest is what people look at.
    for deadline in sorted(deadlines, key=lambda each: (-each.sprint, -each.item)):
        without = [each for each in kept if each != deadline]
        if not can_keep(problem, without):
            kept = without
    return tuple(kept)


def _way(problem: Problem, deadlines: Sequence[Deadline], index: int) -> Way:
    moved = deadlines[index]
    others = [deadline for position, deadline in enumerate(deadlines) if position != index]
    sprints = range(moved.sprint + 1, problem.horizon + 1)
    return Way(moved, next((sprint for sprint in sprints if can_keep(problem, [*others, Deadline(moved.item, sprint)])), None))
