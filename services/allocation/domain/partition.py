"""Partition of a planning problem: teams that no dependency ties together, even by way of others, are planned apart and as well."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.allocation.domain.plan import Deadline, Plan, Problem, value_of


@dataclass(frozen=True, slots=True)
class Part:
    """Some teams of a problem as one of their own; `items` are the positions of its items in the whole."""

    items: tuple[int, ...]
    problem: Problem

    def deadlines(self, of: Sequence[Deadline]) -> tuple[Deadline, ...]:
        places = {item: place for place, item in enumerate(self.items)}
        return tuple(replace(each, item=places[each.item]) for each in of if each.item in places)

    def plan(self, of: Plan | None) -> Plan | None:
        return of and Plan(tuple(of.finish[item] for item in self.items), of.gap)


def parts_of(problem: Problem) -> tuple[Part, ...]:
    """Returns the parts in the order of their first teams; one for a problem that cannot be parted. Teams without items are in none."""
    leader = list(range(len(problem.crews)))
    for item in problem.items:
        for dependency in item.dependencies:
            one, other = _leader(leader, item.crew), _leader(leader, problem.items[dependency].crew)
            leader[max(one, other)] = min(one, other)
    groups: dict[int, list[int]] = {}
    for position, item in enumerate(problem.items):
        groups.setdefault(_leader(leader, item.crew), []).append(position)
    if len(groups) < 2:
        return (Part(tuple(range(len(problem.items))), problem),)
    return tuple(_part(problem, groups[first]) for first in sorted(groups))


def whole_plan(problem: Problem, parts: Sequence[Part], plans: Sequence[Plan]) -> Plan:
    """Returns the plans of all parts as one; its gap is theirs, each for its share of the value."""
    finish: list[int | None] = [None] * len(problem.items)
    for part, plan in zip(parts, plans, strict=True):
        for item, sprint in zip(part.items, plan.finish, strict=True):
            finish[item] = sprint
    values = [value_of(part.problem, plan) for part, plan in zip(parts, plans, strict=True)]
    missing = sum(plan.gap * value for plan, value in zip(plans, values, strict=True))
    return Plan(tuple(finish), missing / max(sum(values), 1))


def _part(problem: Problem, items: Sequence[int]) -> Part:
    crews = sorted({problem.items[item].crew for item in items})
    seats, places = {crew: seat for seat, crew in enumerate(crews)}, {item: place for place, item in enumerate(items)}
    own = (
        replace(each, crew=seats[each.crew], dependencies=tuple(places[other] for other in each.dependencies))
        for each in (problem.items[item] for item in items)
    )
    return Part(tuple(items), Problem(tuple(own), (), tuple(problem.crews[crew] for crew in crews)))


def _leader(leader: list[int], crew: int) -> int:
    while leader[crew] != crew:
        crew = leader[crew]
    return crew
