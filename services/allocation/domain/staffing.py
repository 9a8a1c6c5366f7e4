"""Staffing: whether a team's people, each with their skills, have the hours for what must be done by when.

People are counted exactly: somebody with two skills works each hour once. Work due by the ends of sprints fits if and only if, for every
choice of a set of skills per sprint, each within that of the sprint before, the hours due of the chosen skills are no more than the hours
of those who have any of them (Hall's condition of the flow from people and sprints to work; the sets nest because what is due by a
sprint may be worked in any sprint up to it). Work that needs no skill is done by anybody: it is the skill "", which all have.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

_MICRO = 10**6
MOST_SKILLS = 8  # that items of one team need: the check takes time in proportion to two to this power

Demand = dict[str, list[Decimal]]  # by skill, the hours due by the end of each sprint and not before


@dataclass(frozen=True, slots=True)
class Crew:
    """One team's hours: `capacity[s-1]` is the sum over sprints 1 to s, never falling.

    `ends` says when each sprint ends, in a unit that all crews of a problem share; empty when all have the same sprints.
    `people` gives each person's skills and share of the hours; empty when nothing is known of skills. With `people_by_sprint` the shares
    of each sprint stand there: who is away has none.
    """

    capacity: tuple[Decimal, ...]
    ends: tuple[int, ...] = ()
    people: tuple[tuple[frozenset[str], Decimal], ...] = ()
    people_by_sprint: tuple[tuple[tuple[frozenset[str], Decimal], ...], ...] = ()  # where shares are not those of `people`

    def end_of(self, sprint: int) -> int:
        return self.ends[sprint - 1] if self.ends else sprint

    def hours(self, skills: frozenset[str]) -> tuple[int, ...]:
        """Returns, for each sprint, the millionths of hours of all who have one of the skills; of everybody when "" is among them."""
        return _hours(self, skills)


@lru_cache(maxsize=4096)
def _hours(crew: Crew, skills: frozenset[str]) -> tuple[int, ...]:
    present = crew.people_by_sprint or (crew.people,) * len(crew.capacity)
    parts = (_part(people, skills) for people in present)
    before = (Decimal(0), *crew.capacity)
    return tuple(int((after - earlier) * part * _MICRO) for earlier, after, part in zip(before, crew.capacity, parts, strict=False))


def _part(people: tuple[tuple[frozenset[str], Decimal], ...], skills: frozenset[str]) -> Decimal:
    """Returns the share of the hours of all who have one of the skills."""
    if "" in skills:
        return Decimal(1)
    return min(sum((share for has, share in people if has & skills), Decimal(0)), Decimal(1))


@dataclass(frozen=True, slots=True)
class Overload:
    """Work that does not fit: `chosen` skills, each with the sprint by which its hours are due, ask for more than there is."""

    crew: int
    chosen: tuple[tuple[str, int], ...]
    needed_hours: Decimal
    available_hours: Decimal


def overload(position: int, crew: Crew, demand: Demand) -> Overload | None:
    """Returns the work that overruns the crew by most, or None when all fits."""
    skills = sorted(skill for skill, hours in demand.items() if any(hours))
    if not skills:
        return None
    chosen = _worst_chain(crew, demand, skills) if skills != [""] else _worst_sprint(crew, demand[""])
    if not chosen:
        return None
    needed = sum((sum(demand[skill][:sprint], Decimal(0)) for skill, sprint in chosen), Decimal(0))
    return Overload(position, chosen, needed, Decimal(room(crew, chosen)) / _MICRO)


def room(crew: Crew, chosen: tuple[tuple[str, int], ...]) -> int:
    """Returns the millionths of hours there are for these skills, each up to its sprint."""
    total = 0
    for sprint in range(1, max(last for _, last in chosen) + 1):
        total += crew.hours(frozenset(skill for skill, last in chosen if last >= sprint))[sprint - 1]
    return total


def _worst_sprint(crew: Crew, due: list[Decimal]) -> tuple[tuple[str, int], ...]:
    over = [sum(due[:sprint], Decimal(0)) - limit for sprint, limit in enumerate(crew.capacity, start=1)]
    worst = max(range(len(over)), key=lambda index: over[index])
    return (("", worst + 1),) if over[worst] > 0 else ()


def _worst_chain(crew: Crew, demand: Demand, skills: list[str]) -> tuple[tuple[str, int], ...]:
    """Finds the nested sets by dynamic programming over sprints, last first: the best continuation within each set of skills."""
    size, horizon = len(skills), len(crew.capacity)
    sets = [frozenset(skill for bit, skill in enumerate(skills) if mask >> bit & 1) for mask in range(1 << size)]
    best = [(0, mask) for mask in range(1 << size)]
    picks: list[list[int]] = []
    for sprint in range(horizon, 0, -1):
        due = [int(demand[skill][sprint - 1] * _MICRO) for skill in skills]
        gain = [sum(due[bit] for bit in range(size) if mask >> bit & 1) - crew.hours(sets[mask])[sprint - 1] for mask in range(1 << size)]
        gain[0] = 0
        here = [(gain[mask] + best[mask][0], mask) for mask in range(1 << size)]
        for bit in range(size):
            here = [max(here[mask], here[mask & ~(1 << bit)], key=lambda each: (each[0], -each[1])) for mask in range(1 << size)]
        picks.append([mask for _, mask in here])
        best = here
    return _unfold(skills, picks) if best[-1][0] > 0 else ()


def _unfold(skills: list[str], picks: list[list[int]]) -> tuple[tuple[str, int], ...]:
    last: dict[str, int] = {}
    mask = (1 << len(skills)) - 1
    for sprint, pick in enumerate(reversed(picks), start=1):
        mask = pick[mask]
        last |= {skill: sprint for bit, skill in enumerate(skills) if mask >> bit & 1}
    return tuple(sorted(last.items()))
