"""Facts about incidents as other services told them: plain values, none of them trusted to be harmless text."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

from shared.money import Money


class Severity(IntEnum):
    """How bad an incident is; a lower number is worse."""

    SEV1 = 1
    SEV2 = 2
    SEV3 = 3
    SEV4 = 4
    SEV5 = 5


class IncidentState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    MITIGATED = "mitigated"


class ServiceImpact(StrEnum):
    INFORMATION = "information"
    DISRUPTION = "disruption"
    OUTAGE = "outage"


class Level(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class SplitOutcome(StrEnum):
    RAISED = "raised"
    LOWERED = "lowered"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What alerts said of the impact; None where none said anything."""

    users_affected: int | None = None
    service_impact: ServiceImpact | None = None
    data_loss: bool | None = None
    security: bool | None = None
    safety: bool | None = None
    workaround: bool | None = None
    burn_rate: float | None = None
    recent_change: bool | None = None


@dataclass(frozen=True, slots=True)
class IncidentFact:
    """An incident at one version, from intake. Title, summary and components are text from outside."""

    name: str
    version: int
    title: str
    summary: str
    state: IncidentState
    components: tuple[str, ...]
    opened_at: datetime
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    alert_count: int = 0
    firing_count: int = 0
    evidence: Evidence = Evidence()


@dataclass(frozen=True, slots=True)
class Term:
    """One addend of an assessment's score. Value and reason may quote text from outside."""

    feature: str
    axis: str
    points: float
    missing: bool
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Override:
    """A rule that asks for a severity whatever the score says."""

    reason: str
    at_least: Severity
    applied: bool


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """The smallest change of one input that would alter the severity."""

    feature: str
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class AssessmentFact:
    """An assessment at one revision, from triage; terms come largest first."""

    name: str
    incident: str
    revision: int
    severity: Severity
    scored_severity: Severity
    score: float
    impact: Level | None
    urgency: Level | None
    terms: tuple[Term, ...]
    overrides: tuple[Override, ...]
    counterfactuals: tuple[Counterfactual, ...]
    model_version: str
    matrix_revision: int
    components: tuple[str, ...]
    unknown_components: tuple[str, ...]
    teams: tuple[str, ...]
    title: str
    state: IncidentState
    opened_at: datetime
    restore_target: timedelta | None = None
    expected_loss_per_hour: Money | None = None
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class Shares:
    """A team's split at one moment."""

    remediation_share: float
    roadmap_share: float
    capacity_hours: float
    remediation_hours: float
    roadmap_hours: float


@dataclass(frozen=True, slots=True)
class Displacement:
    """A roadmap item that a decision delays."""

    roadmap_item: str
    title: str
    delay: timedelta
    value_at_risk: Money
    planned_before_at: datetime | None = None
    planned_after_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DecisionFact:
    """A decision on one team's split that an assessment triggered, from allocation; decisions never change."""

    name: str
    team: str
    sprint: str
    assessment: str
    incident: str  # empty when the decision itself does not say which incident its assessment is of
    severity: Severity | None
    outcome: SplitOutcome
    before: Shares | None
    after: Shares
    displaced: tuple[Displacement, ...]
    late_items: tuple[str, ...]
    value_at_risk: Money | None
    explanation: str
    policy: str
    policy_revision: int
    formula_version: str
    created_at: datetime
    assessment_revision: int = 0  # zero when the decision does not say on which revision it rests
    trace_id: str = ""

    @property
    def order(self) -> tuple[datetime, int, str]:
        """What tells a newer decision from an older one: several may be made at one instant, as on a simulated clock."""
        return self.created_at, self.assessment_revision, self.name


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """All that is known of one incident: the newest of each fact, and the newest decision of each team, by team."""

    name: str
    incident: IncidentFact | None = None
    assessment: AssessmentFact | None = None
    decisions: tuple[DecisionFact, ...] = ()

    @property
    def is_empty(self) -> bool:
        return self.incident is None and self.assessment is None and not self.decisions

    @property
    def newest_decision(self) -> DecisionFact | None:
        return max(self.decisions, key=lambda decision: decision.order, default=None)
