"""Everything a policy can look at, as one record: what is None cannot be told, and is never taken for zero."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import Protocol

from services.allocation.domain.survival import Median


class Cause(IntEnum):
    """Where an incident or an exhausted budget came from, seen from the team that owns the component (SRE workbook, example error
    budget policy); the numbers are those of triage's contract."""

    UNKNOWN = 1
    OWN_CHANGE = 2
    DEPENDENCY = 3
    PLATFORM = 4
    EXTERNAL = 5
    FROZEN_TEAM = 6
    OUT_OF_SCOPE = 7
    MISCATEGORISED = 8


# What would mend it is not in the team's hands: rules that forgive leave these out. The same as triage's.
FORGIVEN = frozenset({Cause.PLATFORM, Cause.EXTERNAL, Cause.FROZEN_TEAM, Cause.OUT_OF_SCOPE})


class Tier(IntEnum):
    """How much a component is needed; the numbers are those of triage's contract."""

    CRITICAL = 1
    HIGH = 2
    MEDIUM = 3
    LOW = 4


class Hours(Protocol):
    """Person-hours that remediation will ask of a sprint: a distribution."""

    @property
    def mean(self) -> float: ...

    def quantile(self, level: float) -> float:
        """Returns the fewest hours that suffice with this chance."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Incidents opened in the sprint judged, and in all the sprints compared with together."""

    count: int
    history_count: int = 0
    history_sprints: int = 0  # none: there is nothing to compare with

    @property
    def mean(self) -> Decimal | None:
        """Incidents a sprint, of the history."""
        return Decimal(self.history_count) / self.history_sprints if self.history_sprints else None


@dataclass(frozen=True, slots=True)
class Restoring:
    """Median times to restore, with open incidents as censored: of the sprint judged, and of the sprints compared with."""

    recent: Median | None
    recent_count: int
    earlier: Median | None
    earlier_count: int


@dataclass(frozen=True, slots=True)
class BudgetSignal:
    """An error budget of a component that the team owns, as triage last told."""

    remaining: float  # share of the budget; negative when more failed than may
    burn: float | None  # in the shortest window told; None where nothing came
    frozen: bool  # triage's budget policy asks for a freeze
    cause: Cause = Cause.UNKNOWN
    tier: Tier | None = None

    @property
    def exhausted(self) -> bool:
        return self.remaining <= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What a policy can look at for one team at one moment. Hours are person-hours, shares parts of 1 unless they say millionths."""

    at: datetime
    sprint: int  # number of the present one
    judged: int  # number of the sprint judged: the one just ended when a sprint begins, else the present one so far
    capacity_hours: Decimal  # of the present sprint
    observed: bool = True  # whether the sprint judged was observed; when not, nothing is known of its incidents
    # For the policy's three triggers, each over its own history and severities.
    frequency: Tally | None = None
    restoring: Restoring | None = None
    grave_open: int | None = None
    # For its rules: all severities, over the policy's history.
    incidents: Tally | None = None
    restore: Restoring | None = None
    open_incidents: int | None = None
    open_grave: int | None = None  # of SEV1 and SEV2
    causes: Mapping[Cause, int] | None = field(default=None, hash=False)  # incidents opened in the sprint judged
    demand: Hours | None = None  # of the present sprint, by the forecast from all sprints before it
    demand_note: str = ""  # why it cannot be told
    backlog_hours: float | None = None  # expected to be left of the incidents open now
    budgets: tuple[BudgetSignal, ...] | None = None  # None where triage told of none of the team's
    loss_per_hour: Decimal | None = None  # money, of the incidents open now: in their one currency, else unknown
    worst_tier: Tier | None = None  # of the components with a budget or an open incident
    users: int | None = None  # hindered by the incidents open now; no service tells of them yet
    open_actions: int | None = None  # corrective actions; no service tells of them yet
    overdue_actions: int | None = None
    adherence_drift: float | None = None  # share worked on remediation minus the share planned, over the sprints last finished
    own: "Signals | None" = None  # the same without what came of forgiven causes; None where that is the same
