"""What if: a team's situation as it is and with something otherwise, with what follows for the sprints to come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from services.allocation.domain.backlog_path import BacklogState, backlog_path
from services.allocation.domain.decision import Decision, DecisionTrigger
from services.allocation.domain.demand_forecast import DemandForecast, SprintDemand
from services.allocation.domain.errors import CapacityZero, FieldRefused, MemberDuplicate, MemberNotFound, RoadmapItemNotFound
from services.allocation.domain.incident import IncidentFact
from services.allocation.domain.member import Member
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.quantity import share_of
from services.allocation.domain.roadmap import RoadmapItem, check_items
from services.allocation.domain.roadmap_plan import RoadmapPlan, Roadmaps, TeamRoadmap, Terms, plan_roadmaps
from services.allocation.domain.rule import Occasion, decide
from services.allocation.domain.situation import Situation
from services.allocation.domain.surroundings import Outlook
from services.allocation.domain.team import Team

USUAL_SEVERITY = 3
_MOST_ADDED = 200  # incidents that are put in by themselves; more change no signal


@dataclass(frozen=True, slots=True)
class Spike:
    """More incidents for so many sprints, the present one first."""

    times: float = 1.0
    plus: float = 0.0
    sprints: int = 1
    severity: int = USUAL_SEVERITY

    @property
    def surge(self) -> tuple[tuple[float, float], ...]:
        return ((self.times, self.plus),) * self.sprints

    def added(self, mean: float) -> int:
        """Returns how many more than usual come in a sprint that so many are expected in."""
        return max(round(mean * (self.times - 1) + self.plus), 0)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is to be otherwise; nothing by default."""

    spike: Spike | None = None
    away: tuple[tuple[str, int], ...] = ()  # members and for how many sprints; 0 for good
    joining: tuple[Member, ...] = ()
    items: tuple[RoadmapItem, ...] = ()
    without: tuple[str, ...] = ()
    policy: AllocationPolicy | None = None


@dataclass(frozen=True, slots=True)
class ScenarioSprint:
    """A sprint to come; hours are person-hours."""

    capacity: Decimal
    reserved: Decimal
    demand: SprintDemand | None  # None where nothing foretells it
    backlog: BacklogState | None


@dataclass(frozen=True, slots=True)
class Side:
    """How things are, or would be."""

    decision: Decision
    sprints: tuple[ScenarioSprint, ...]
    plan: RoadmapPlan


class AwayRoadmaps(Roadmaps):
    """A roadmap of a team some of whose people are away for a while: `lost` person-hours of each sprint ahead."""

    def __init__(self, team: TeamRoadmap, terms: Terms, lost: Sequence[Decimal]) -> None:
        self._lost = lost
        super().__init__([team], terms)

    def roadmap_hours(self, of: TeamRoadmap) -> list[Decimal]:
        lost = [hours - share_of(hours, of.remediation_share) for hours in self._lost]
        return [max(hours - less, Decimal(0)) for hours, less in zip(super().roadmap_hours(of), lost, strict=True)]


def members_with(team: Team, scenario: Scenario, ahead: int) -> Team:
    """Returns the team as it is so many sprints ahead, 0 for the present one. Raises MemberNotFound, MemberDuplicate or CapacityZero."""
    known = {each.id for each in team.members}
    for place, (member, _) in enumerate(scenario.away):
        if member not in known:
            raise MemberNotFound(f"scenario.away[{place}].member", member, team.name)
    for place, each in enumerate(scenario.joining):
        if each.id in known or any(other.id == each.id for other in scenario.joining[:place]):
            raise MemberDuplicate.at(f"scenario.joining[{place}].id", f"{each.id!r} is in {team.name} already; give another id")
    gone = {member for member, sprints in scenario.away if not sprints or ahead < sprints}
    found = replace(team, members=(*(each for each in team.members if each.id not in gone), *scenario.joining))
    # That nobody is there for a while is no error: then there are no hours to share out.
    for_good = {member for member, sprints in scenario.away if not sprints}
    if not scenario.joining and known <= for_good:
        raise CapacityZero.at("scenario.away", "leaves nobody to do anything; leave somebody, or let somebody join")
    return found


def changed(situation: Situation, scenario: Scenario, added: int, now: datetime) -> Situation:
    """Returns the situation with the scenario, as the present sprint sees it: so many incidents more, open now.

    Raises what `members_with` raises, RoadmapItemNotFound, FieldRefused and what `check_items` raises.
    """
    return replace(
        situation,
        team=members_with(situation.team, scenario, 0),
        policy=scenario.policy or situation.policy,
        items=_items(situation.team, {each.name: each for each in situation.items}, scenario),
        incidents=(*situation.incidents, *_spiked(situation, scenario, added, now)),
    )


def foreseeing(situation: Situation, outlook: Outlook, forecast: DemandForecast | None) -> Situation:
    """Returns the situation in which the policy looks at this forecast, as far as history is long enough for it to look at any."""
    if forecast is not None and outlook.hours is not None:
        outlook = replace(outlook, hours=forecast.sprints[0].hours)
    return replace(situation, surroundings=replace(situation.surroundings, outlook=outlook))


def side_of(situation: Situation, now: datetime, horizon: int) -> tuple[Decision, Terms]:
    """Returns what would be decided now, and how the roadmap is to be planned. Raises SprintNotBegun."""
    return decide(situation, Occasion(DecisionTrigger.REQUEST, now)), Terms(now, horizon)


def planned(
    situation: Situation, decision: Decision, terms: Terms, lost: Sequence[Decimal], present: RoadmapPlan | None = None
) -> RoadmapPlan:
    """Returns the best plan under the share decided."""
    roadmap = TeamRoadmap(situation.team, situation.items, decision.after.remediation_share, situation.roadmap_recorded_hours)
    return plan_roadmaps(AwayRoadmaps(roadmap, terms, lost), present)


def sprints_of(capacities: Sequence[Decimal], share: int, forecast: DemandForecast | None, backlog: float) -> tuple[ScenarioSprint, ...]:
    """Returns the sprints to come under one share, and what is left over after each."""
    reserved = [share_of(capacity, share) for capacity in capacities]
    demands = list(forecast.sprints) if forecast else [None] * len(capacities)
    hours = [each.hours for each in demands if each and each.hours]
    path = backlog_path(hours, [float(each) for each in reserved], backlog) if len(hours) == len(capacities) else [None] * len(capacities)
    return tuple(ScenarioSprint(*each) for each in zip(capacities, reserved, demands, path, strict=True))


def _items(team: Team, stored: Mapping[str, RoadmapItem], scenario: Scenario) -> tuple[RoadmapItem, ...]:
    for place, item in enumerate(scenario.items):
        if item.team != team.name:
            raise FieldRefused.at(f"scenario.items[{place}].team", f"is {item.team}; only items of {team.name} can be changed here")
    for name in scenario.without:
        if name not in stored:
            raise RoadmapItemNotFound(name)
    rest = {name: item for name, item in stored.items() if name not in scenario.without}
    if scenario.items:
        check_items(scenario.items, rest.values())
    # Work recorded on a stored item counts for the one that stands in for it.
    new = {
        item.name: replace(item, recorded_hours=stored[item.name].recorded_hours if item.name in stored else item.recorded_hours)
        for item in scenario.items
    }
    return tuple(item for _, item in sorted((rest | new).items()))


def _spiked(situation: Situation, scenario: Scenario, added: int, now: datetime) -> list[IncidentFact]:
    severity = scenario.spike.severity if scenario.spike else USUAL_SEVERITY
    return [
        IncidentFact(f"incidents/00000000-0000-0000-0000-{number:012}", "", 1, severity, now, None, (situation.team.name,), "", "")
        for number in range(1, min(added, _MOST_ADDED) + 1)
    ]
