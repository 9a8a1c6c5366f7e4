"""Everything a decision is made on, as held at one moment."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from services.allocation.domain.decision import Decision, DecisionTrigger, Split
from services.allocation.domain.incident import IncidentFact
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.roadmap import RoadmapItem
from services.allocation.domain.rule_memory import RuleMemory
from services.allocation.domain.sprint import Sprint
from services.allocation.domain.surroundings import Surroundings
from services.allocation.domain.team import Team

# Sprints for which earlier decisions are looked at: as many as the longest wait a policy may ask for, and the present one.
REMEMBERED_SPRINTS = 27


@dataclass(frozen=True, slots=True)
class DecisionMark:
    """An earlier decision of the team: when and why it was made, and whether a trigger of the policy fired in it."""

    made_at: datetime
    trigger: DecisionTrigger
    fired: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A decision that changed the share, in millionths: when it came in force, and why it was made."""

    decision: str
    made_at: datetime
    trigger: DecisionTrigger
    before_share: int
    after_share: int


@dataclass(frozen=True, slots=True)
class Situation:
    """What is held of a team. Tuples may hold more than a decision needs, never less (see `needed_since`)."""

    team: Team
    policy: AllocationPolicy
    incidents: tuple[IncidentFact, ...]
    observed_since: datetime  # the earlier of when the team was stored and when its first known incident opened
    marks: tuple[DecisionMark, ...]
    split: Split | None
    items: tuple[RoadmapItem, ...]
    roadmap_recorded_hours: Decimal  # recorded on roadmap items in the present sprint
    changes: tuple[Change, ...] = ()  # of the share, oldest first
    proposal: Decision | None = None  # the decision that waits for approvers
    heard_at: datetime | None = None  # when triage last told anything
    stale_after: timedelta | None = None  # silence after which what is known counts as stale; None for never
    rules: tuple[RuleMemory, ...] = ()  # what the newest decision remembers of the policy's rules
    surroundings: Surroundings = field(default_factory=Surroundings)  # empty for a policy that looks at nothing of them

    def changes_in(self, now: datetime) -> list[Change]:
        """Returns the changes of the sprint that holds `now`."""
        sprint = self.team.cadence.sprint_at(now)
        return [change for change in self.changes if sprint.holds(change.made_at)]

    def was_observed(self, sprint: Sprint) -> bool:
        """Whether incidents of that sprint would be known."""
        return sprint.number >= 1 and sprint.end_at > self.observed_since

    def quiet_sprints_before(self, number: int) -> int:
        """Finished sprints in a row, up to the one before `number`, in which decisions were made and no trigger fired.

        A sprint without any decision breaks the row: nobody looked.
        """
        count = 0
        while number - 1 - count >= 1:
            sprint = self.team.cadence.sprint(number - 1 - count)
            fired = [mark.fired for mark in self.marks if sprint.holds(mark.made_at)]
            if not fired or any(fired):
                break
            count += 1
        return count

    def awaits_boundary_decision(self, now: datetime) -> bool:
        """Whether the present sprint has begun and no decision was made for that yet."""
        sprint = self.team.cadence.sprint_at(now)
        made = any(mark.trigger is DecisionTrigger.SPRINT_BEGAN and sprint.holds(mark.made_at) for mark in self.marks)
        return sprint.number >= 1 and not made

    def has_fired_in(self, sprint: Sprint) -> bool:
        return any(mark.fired for mark in self.marks if sprint.holds(mark.made_at))


def needed_since(team: Team, policy: AllocationPolicy, now: datetime) -> datetime:
    """Returns the moment from which incidents that opened or ended, and decisions made, matter for a decision at `now`."""
    # One sprint more than the history: at a boundary the sprint compared is the one just ended.
    back = max(policy.longest_history + 1, REMEMBERED_SPRINTS)
    return team.cadence.sprint(max(team.cadence.number_at(now) - back, 1)).begin_at
