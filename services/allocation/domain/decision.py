"""Decisions: how a team's split was set, on which facts, by which rule, and what it displaced."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum

from services.allocation.domain.quantity import WHOLE, share_of
from services.allocation.domain.rule_memory import RuleMemory
from services.allocation.domain.standing import Standing
from shared.money import Money


class DecisionTrigger(IntEnum):
    """Why a decision was made now; the numbers are the contract's."""

    SPRINT_BEGAN = 1
    ASSESSMENT = 2
    REQUEST = 3
    ROLLBACK = 4
    CAPACITY = 5
    BUDGET = 6


class DecisionOutcome(IntEnum):
    """What a decision did to the remediation share; the numbers are the contract's."""

    RAISED = 1
    LOWERED = 2
    HELD = 3


class Unit(StrEnum):
    """What a decision's input is measured in."""

    INCIDENTS = "incidents"
    HOURS = "hours"
    SHARE = "share"
    SPRINTS = "sprints"
    RATIO = "ratio"
    CHANGES = "changes"
    BUDGETS = "budgets"
    USERS = "users"
    ACTIONS = "actions"
    MONEY = "money"


@dataclass(frozen=True, slots=True)
class DecisionTerm:
    """One addend of the share asked for, in millionths."""

    term: str
    share: int
    fired: bool
    reason: str


@dataclass(frozen=True, slots=True)
class DecisionBound:
    """A limit that changed the share, in millionths."""

    bound: str
    before_share: int
    after_share: int
    reason: str


@dataclass(frozen=True, slots=True)
class DecisionInput:
    """A fact the decision was made on; shares stand as a part of 1."""

    input: str
    value: Decimal
    unit: Unit
    sample_count: int = 0


@dataclass(frozen=True, slots=True)
class WeighedIncident:
    """An incident the decision weighed, as it then stood."""

    incident: str
    assessment: str
    assessment_revision: int
    severity: int
    open: bool
    time_to_restore: timedelta
    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True)
class Split:
    """How a team's capacity in a sprint is shared out."""

    team: str
    sprint_number: int
    remediation_share: int  # millionths of capacity
    capacity_hours: Decimal
    decision: str  # the decision that set it, `decisions/{uuid}`
    policy: str
    policy_revision: int
    effective_at: datetime

    @property
    def roadmap_share(self) -> int:
        return WHOLE - self.remediation_share

    @property
    def remediation_hours(self) -> Decimal:
        return share_of(self.capacity_hours, self.remediation_share)

    @property
    def roadmap_hours(self) -> Decimal:
        """What is left of capacity, so that both parts add up to it exactly."""
        return self.capacity_hours - self.remediation_hours


@dataclass(frozen=True, slots=True)
class DisplacedItem:
    """A roadmap item that a decision delays, or advances when `delay` is negative.

    Done beyond the horizon counts as done one sprint after it, so delay and value at risk are then lower bounds.
    """

    roadmap_item: str
    title: str
    delay: timedelta
    value_at_risk: Money
    planned_before_at: datetime | None
    planned_after_at: datetime | None
    protected: bool


@dataclass(frozen=True, slots=True)
class RoadmapImpact:
    """The difference between the best plan before a decision and the best plan after it."""

    displaced: tuple[DisplacedItem, ...]
    advanced: tuple[DisplacedItem, ...]
    value_at_risk: Money | None  # None for a team without a roadmap, whose currency is unknown
    late_items: tuple[str, ...]
    horizon_sprints: int
    optimality_gap: float
    solver: str


@dataclass(frozen=True, slots=True)
class Decision:
    """How a team's split was set; `name` is empty and `trace_id` too for one that is only a preview."""

    name: str
    team: str
    sprint_number: int
    sprint_begin_at: datetime
    trigger: DecisionTrigger
    assessment: str
    outcome: DecisionOutcome
    before: Split | None
    after: Split
    inputs: tuple[DecisionInput, ...]
    terms: tuple[DecisionTerm, ...]
    requested_share: int
    bounds: tuple[DecisionBound, ...]
    incidents: tuple[WeighedIncident, ...]
    impact: RoadmapImpact
    explanation: str
    policy: str
    policy_revision: int
    formula_version: str
    trace_id: str
    created_at: datetime
    standing: Standing = field(default_factory=Standing)
    rules: tuple[RuleMemory, ...] = ()  # what is remembered of the policy's rules after it

    @property
    def fired(self) -> bool:
        """Whether any trigger of the policy fired; a sprint with such a decision is not quiet."""
        return any(term.fired for term in self.terms if term.term != BASELINE)

    @property
    def share_before(self) -> int:
        """The remediation share before; for a team's first decision, the policy's baseline."""
        return self.before.remediation_share if self.before else self.terms[0].share

    @property
    def share_change(self) -> int:
        """Of the remediation share, in millionths."""
        return self.after.remediation_share - self.share_before

    def named(self, name: str, trace_id: str) -> "Decision":
        """Returns the decision as it is stored: under its name, which a split it set carries too."""
        after = self.after if self.after.decision else replace(self.after, decision=name)
        return replace(self, name=name, trace_id=trace_id, after=after)


BASELINE = "baseline"
ROLLBACK = "rollback"
CAPACITY = "capacity"
