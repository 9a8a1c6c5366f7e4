"""Previews: what a policy would have decided as each of a team's last sprints began, beside another and what was decided really."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.allocation.domain.decision import DecisionTrigger
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.ruling import Memory, Ruling, rule_on
from services.allocation.domain.signal import measured
from services.allocation.domain.situation import Situation
from services.allocation.domain.sprint import Sprint
from services.allocation.domain.surroundings import Surroundings
from services.allocation.domain.team import Team

USUAL_SPRINTS = 12
UNOBSERVED = "Nothing was observed of this team in these sprints."


@dataclass(frozen=True, slots=True)
class Past:
    """A team as known now: its incidents far enough back, and the shares that came in force, oldest first, in millionths."""

    situation: Situation
    shares: tuple[tuple[datetime, int], ...]

    def share_before(self, moment: datetime) -> int | None:
        """Returns the share in force right before then; None before the first decision."""
        return next((share for at, share in reversed(self.shares) if at < moment), None)


@dataclass(frozen=True, slots=True)
class PreviewedSprint:
    """One sprint by both policies, and the share really in force at its end, or now."""

    sprint: Sprint
    in_force: Ruling
    tried: Ruling
    decided: int | None


@dataclass(frozen=True, slots=True)
class TeamPreview:
    """A team's sprints, oldest first; `note` says why there are none."""

    team: str
    sprints: tuple[PreviewedSprint, ...]
    note: str = ""

    @property
    def differing(self) -> int:
        return sum(each.in_force.share != each.tried.share for each in self.sprints)


def earliest_needed(team: Team, policies: Sequence[AllocationPolicy], count: int, now: datetime) -> datetime:
    """Returns the moment from which incidents matter for a preview of so many sprints."""
    back = count + max(_warming(each) + each.longest_history for each in policies) + 1
    return team.cadence.sprint(max(team.cadence.number_at(now) - back, 1)).begin_at


def sprints_to_rule(past: Past, policies: Sequence[AllocationPolicy], count: int, now: datetime) -> list[Sprint]:
    """Returns the sprints that a preview goes through: those shown, and those before them that tell what is remembered."""
    present = past.situation.team.cadence.number_at(now)
    first = max(present - count + 1 - max(map(_warming, policies)), 1)
    sprints = [past.situation.team.cadence.sprint(number) for number in range(first, present + 1)]
    return [each for each in sprints if past.situation.was_observed(each)]


def previewed(
    past: Past,
    policies: tuple[AllocationPolicy, AllocationPolicy],
    around: Mapping[int, tuple[Surroundings, Surroundings]],
    count: int,
    now: datetime,
) -> TeamPreview:
    """Rules by both policies, the one in force and the one tried, as each sprint began; `around` has the surroundings of each then."""
    sprints = sprints_to_rule(past, policies, count, now)
    first = past.situation.team.cadence.number_at(now) - count + 1
    in_force, tried = (
        _rulings(past, policy, {number: each[place] for number, each in around.items()}, sprints, first)
        for place, policy in enumerate(policies)
    )
    shown = [each for each in sprints if each.number >= first]
    found = tuple(PreviewedSprint(each, in_force[each.number], tried[each.number], past.share_before(each.end_at)) for each in shown)
    return TeamPreview(past.situation.team.name, found, "" if found else UNOBSERVED)


def _rulings(
    past: Past, policy: AllocationPolicy, around: Mapping[int, Surroundings], sprints: Sequence[Sprint], first: int
) -> dict[int, Ruling]:
    """Both begin at the share really in force: of the sprints before the first one shown only what they tell of calm and rules is kept."""
    memory, found = Memory(policy.baseline_share), dict[int, Ruling]()
    for sprint in sprints:
        if sprint.number <= first:
            real = past.share_before(sprint.begin_at)
            memory = replace(memory, share=policy.baseline_share if real is None else real, rests=())
        situation = replace(past.situation, policy=policy, surroundings=around.get(sprint.number, Surroundings()))
        signals = measured(situation, DecisionTrigger.SPRINT_BEGAN, sprint.begin_at).signals
        found[sprint.number] = rule_on(policy, signals, memory, begins=True)
        memory = found[sprint.number].memory.next_sprint()
    return found


def _warming(policy: AllocationPolicy) -> int:
    return max(policy.quiet_sprints, *(rule.cool_down_sprints for rule in policy.rules), 0)
