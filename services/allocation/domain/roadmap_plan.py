"""Roadmap plans of one team or several together: from what is held of them to the best plan and what stands in its way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from services.allocation.domain.conflict import Conflict, conflicts_of
from services.allocation.domain.errors import PlanCurrencyMismatch, PlanTooLarge, SprintNotBegun
from services.allocation.domain.impact import blocked_items
from services.allocation.domain.plan import Deadline, Plan, PlanItem, Problem, due_deadlines, late_items, protecting_deadlines, value_of
from services.allocation.domain.program import best_plan
from services.allocation.domain.quantity import share_of
from services.allocation.domain.roadmap import LEFT_OUT, RoadmapItem
from services.allocation.domain.schedule import greedy_plan
from services.allocation.domain.sprint import Sprint
from services.allocation.domain.staffing import MOST_SKILLS, Crew
from services.allocation.domain.team import Team
from shared.money import Money

MOST_ITEMS = 2_000
_NANO = 10**9


@dataclass(frozen=True, slots=True)
class TeamRoadmap:
    """What is held of a team: its items, the share that remediation has, and the hours recorded on the roadmap in the present sprint."""

    team: Team
    items: tuple[RoadmapItem, ...]
    remediation_share: int
    recorded_hours: Decimal


@dataclass(frozen=True, slots=True)
class Terms:
    """How to plan: from when, how many sprints, on which quantile of efforts (without one on the effort as stored), and how thoroughly."""

    now: datetime
    horizon: int
    quantile: float = 0.0
    quick: bool = False


class Roadmaps:
    """Teams' roadmaps as one planning problem."""

    def __init__(self, teams: Sequence[TeamRoadmap], terms: Terms) -> None:
        """Raises SprintNotBegun, PlanCurrencyMismatch or PlanTooLarge."""
        self.teams = tuple(teams)
        self.terms = terms
        everything = [item for each in teams for item in each.items]
        self.blocked = blocked_items(everything)
        self.items = tuple(
            sorted((item for item in everything if not item.is_done and item.name not in self.blocked), key=lambda it: it.name)
        )
        self._by_name = {item.name: item for item in everything}
        for each in teams:
            if each.team.cadence.number_at(terms.now) < 1:
                raise SprintNotBegun(each.team.name, each.team.first_sprint_at.isoformat())
        if len(self.items) > MOST_ITEMS:
            raise PlanTooLarge(f"{len(self.items):,} items", f"{MOST_ITEMS:,}")
        self._check_skills()
        self.currency = self._currency()

    @cached_property
    def problem(self) -> Problem:
        positions = {item.name: index for index, item in enumerate(self.items)}
        crews = {each.team.name: position for position, each in enumerate(self.teams)}
        planned = tuple(self._plan_item(item, positions, crews[item.team]) for item in self.items)
        return Problem(planned, (), tuple(self._crew(each) for each in self.teams))

    @property
    def unplanned(self) -> tuple[str, ...]:
        """Items of other teams that planned ones wait for."""
        return tuple(sorted({name for item in self.items for name in item.details.cross_team_dependencies if name not in self._by_name}))

    @property
    def late_for_good(self) -> tuple[str, ...]:
        """Items due within the horizon that wait for one left out."""
        waiting = (self._by_name[name] for name in sorted(self.blocked))
        return tuple(each.name for each in waiting if each.stage not in LEFT_OUT and each.due_at and each.due_at <= self._end(each.team))

    def sprint(self, team: str, number: int) -> Sprint:
        """Returns that sprint of the plan, 1 for the present one."""
        cadence = next(each.team.cadence for each in self.teams if each.team.name == team)
        return cadence.sprint(cadence.number_at(self.terms.now) + number - 1)

    def finish_at(self, item: RoadmapItem, sprint: int | None) -> datetime | None:
        return self.sprint(item.team, sprint).end_at if sprint else None

    def roadmap_hours(self, of: TeamRoadmap) -> list[Decimal]:
        """Returns the hours of each sprint that the roadmap has."""
        capacities = (of.team.capacity_in(self.sprint(of.team.name, number)) for number in range(1, self.terms.horizon + 1))
        present, *later = (capacity - share_of(capacity, of.remediation_share) for capacity in capacities)
        return [max(present - of.recorded_hours, Decimal(0)), *later]

    def money(self, nanos: int) -> Money:
        return Money(Decimal(nanos) / _NANO, self.currency)

    def _end(self, team: str) -> datetime:
        return self.sprint(team, self.terms.horizon).end_at

    def _crew(self, of: TeamRoadmap) -> Crew:
        total, sums = Decimal(0), []
        for hours in self.roadmap_hours(of):
            total += hours
            sums.append(total)
        sprints = [self.sprint(of.team.name, number) for number in range(1, self.terms.horizon + 1)]
        present = tuple(of.team.people_in(sprint) for sprint in sprints) if of.team.varies else ()
        return Crew(tuple(sums), tuple(int(sprint.end_at.timestamp()) for sprint in sprints), of.team.people, present)

    def _plan_item(self, item: RoadmapItem, positions: Mapping[str, int], crew: int) -> PlanItem:
        effort = item.details.effort.quantile(self.terms.quantile) if item.details.effort and self.terms.quantile else item.effort_hours
        remaining = max(effort - item.recorded_hours, Decimal("0.000001"))
        return PlanItem(
            name=item.name,
            remaining_hours=remaining,
            value=0,
            dependencies=tuple(positions[name] for name in item.awaited if name in positions),
            due=self._due(item),
            protected=item.protected,
            crew=crew,
            gains=self._gains(item),
            skills=tuple(
                (skill, (needed * remaining / item.effort_hours).quantize(Decimal("0.000001"))) for skill, needed in item.details.skills
            ),
        )

    def _gains(self, item: RoadmapItem) -> tuple[int, ...]:
        following = (self.sprint(item.team, number) for number in range(2, self.terms.horizon + 2))
        return tuple(int(item.delay_cost(sprint.begin_at, sprint.end_at).amount * _NANO) for sprint in following)

    def _due(self, item: RoadmapItem) -> int | None:
        """Returns the last sprint that has ended by then: a plan that counts in sprints can promise no less."""
        if item.due_at is None:
            return None
        cadence = next(each.team.cadence for each in self.teams if each.team.name == item.team)
        whole = cadence.number_at(item.due_at) - cadence.number_at(self.terms.now)
        return max(whole, 0) if whole <= self.terms.horizon else None

    def _check_skills(self) -> None:
        for each in self.teams:
            skills = {skill for item in self.items if item.team == each.team.name for skill, _ in item.details.skills}
            if len(skills) >= MOST_SKILLS:
                raise PlanTooLarge(f"{len(skills)} skills that items of {each.team.name} need", f"{MOST_SKILLS - 1}")

    def _currency(self) -> str:
        currencies = sorted({item.cost_of_delay_per_week.currency for item in self.items})
        if len(currencies) > 1:
            raise PlanCurrencyMismatch.at("teams", f"count in {' and '.join(currencies)}; plan together teams that count in one currency")
        return currencies[0] if currencies else "USD"


@dataclass(frozen=True, slots=True)
class RoadmapPlan:
    """The best plan of roadmaps, what it saves in billionths, and what a plan by rank saves."""

    roadmaps: Roadmaps
    plan: Plan
    deadlines: tuple[Deadline, ...]
    value: int
    ranked_value: int

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """What cannot be kept, of what is due: also what was due before any sprint ends, which no plan is asked to keep."""
        problem = self.roadmaps.problem
        over = (Deadline(index, 0) for index, item in enumerate(problem.items) if item.due is not None and item.due <= 0)
        return conflicts_of(problem, (*self.deadlines, *over))

    @property
    def late(self) -> tuple[str, ...]:
        return tuple(sorted({*late_items(self.roadmaps.problem, self.plan), *self.roadmaps.late_for_good}))


@dataclass(frozen=True, slots=True)
class Alternative:
    """The best plan in which an item is done no later than at present, and what it costs; `conflict` says why there is none."""

    item: RoadmapItem
    sprint: int | None
    plan: Plan | None
    cost: int
    conflict: Conflict | None = None


def plan_roadmaps(roadmaps: Roadmaps, present: RoadmapPlan | None = None, churn: int = 0) -> RoadmapPlan:
    """Returns the best plan; beside a present one it keeps protected items where that has them, and moves nothing without gain.

    `churn` is what moving an item by a sprint costs, in billionths; it is weighed against the value, while among equal plans the nearest
    to the present one is taken anyway.
    """
    problem = roadmaps.problem
    near = _nearest(roadmaps, present) if present else None
    deadlines = due_deadlines(problem)
    if near:
        deadlines = (*protecting_deadlines(problem, near), *deadlines)
    plan = best_plan(_weighed(problem, near, churn) if near and churn else problem, deadlines, near, quick=roadmaps.terms.quick)
    # Beside the dates that the best plan keeps: what breaks more of them may well be worth more.
    kept = [each for each in deadlines if plan.is_done_by(each.item, each.sprint)]
    return RoadmapPlan(roadmaps, plan, deadlines, value_of(problem, plan), value_of(problem, greedy_plan(problem, kept)))


def alternative(best: RoadmapPlan, name: str, present: RoadmapPlan) -> Alternative:
    """Returns the best plan that finishes the item no later than the present one, beside all deadlines that can be kept with that."""
    roadmaps, problem = best.roadmaps, best.roadmaps.problem
    position = next(index for index, item in enumerate(roadmaps.items) if item.name == name)
    item = roadmaps.items[position]
    sprint = dict(zip((each.name for each in present.roadmaps.items), present.plan.finish, strict=True)).get(name)
    if sprint is None:
        return Alternative(item, None, best.plan, 0)
    forced = Deadline(position, sprint, protects=True)
    blocking = conflicts_of(problem, [forced])
    if blocking:
        return Alternative(item, sprint, None, 0, blocking[0])
    # Deadlines in conflict with it give way first: an alternative is what keeping this item takes.
    kept = [forced]
    for deadline in best.deadlines:
        if best.plan.is_done_by(deadline.item, deadline.sprint) and not conflicts_of(problem, [*kept, deadline]):
            kept.append(deadline)
    plan = best_plan(problem, kept, best.plan, quick=roadmaps.terms.quick)
    return Alternative(item, sprint, plan, best.value - value_of(problem, plan))


def _nearest(roadmaps: Roadmaps, present: RoadmapPlan) -> Plan:
    finish = dict(zip((item.name for item in present.roadmaps.items), present.plan.finish, strict=True))
    horizon = roadmaps.terms.horizon
    sprints = (finish.get(item.name) for item in roadmaps.items)
    return Plan(tuple(sprint if sprint is not None and sprint <= horizon else None for sprint in sprints))


def _weighed(problem: Problem, near: Plan, churn: int) -> Problem:
    """Returns the problem with the cost of moving items in their gains: an item's sprints on either side of `near` differ by it."""
    items = []
    for index, item in enumerate(problem.items):
        signs = (1 if near.is_done_by(index, sprint) else -1 for sprint in range(1, problem.horizon + 1))
        items.append(replace(item, gains=tuple(item.gain(sprint) + sign * churn for sprint, sign in enumerate(signs, start=1))))
    return replace(problem, items=tuple(items))
