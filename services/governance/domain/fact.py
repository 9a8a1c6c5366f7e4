"""Facts: what events tell that lineage is drawn from."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.money import Money


@dataclass(frozen=True, slots=True)
class Attribution:
    """What people hold to have caused an incident: a resource, and how sure they are, 0 to 1."""

    ref: str
    confidence: float


@dataclass(frozen=True, slots=True)
class IncidentFact:
    """An incident as it stands, and the alerts that joined it."""

    name: str
    title: str
    components: tuple[str, ...] = ()  # as alerts name them, with or without the collection
    alerts: tuple[str, ...] = ()
    merged_into: str = ""  # the incident that took it over
    attribution: Attribution | None = None
    opened_at: datetime | None = None
    resolved_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AssessmentFact:
    """An assessment; severity 1 to 5."""

    name: str
    incident: str
    incident_title: str
    severity: int
    matrix_revision: int = 0  # of the rules it was made by; 0 where it tells none
    gates_revision: int = 0


@dataclass(frozen=True, slots=True)
class WeighedAssessment:
    """An assessment a decision weighed, at the revision it had then; severity 1 to 5, 0 where unknown."""

    name: str
    revision: int = 0
    severity: int = 0


@dataclass(frozen=True, slots=True)
class Displacement:
    """A roadmap item a decision delays."""

    roadmap_item: str
    title: str
    delay: timedelta
    value_at_risk: Money | None


@dataclass(frozen=True, slots=True)
class DecisionFact:
    """A decision as it stands; shares are of capacity, for remediation, 0 to 1; the one before is None for a team's first decision.

    `state` is that of the contract in lower case; empty of those told before there were any, which were in force.
    """

    name: str
    sprint: str
    before_share: float | None
    after_share: float
    policy: str
    policy_revision: int
    weighed: tuple[WeighedAssessment, ...] = ()
    displaced: tuple[Displacement, ...] = ()
    state: str = ""
    state_reason: str = ""
    approval: str = ""  # asked for it
    rolls_back: str = ""  # the decision it takes back

    @property
    def came_in_force(self) -> bool:
        """Whether it ever set a split: others only would have."""
        return self.state not in {"proposed", "rejected", "lapsed"}


@dataclass(frozen=True, slots=True)
class BundleFact:
    """A rendered bundle; decision and assessment are empty where it was not rendered on one."""

    name: str
    template: str
    template_version: str
    decision: str = ""
    assessment: str = ""
    supersedes: str = ""  # the bundle whose place it took


@dataclass(frozen=True, slots=True)
class PolicyFact:
    name: str
    revision: int
    change_reason: str
    approval: str = ""  # by which it was made; empty where it tells none
    replaces: int = 0  # the version before, where it tells; 0 where it does not, or there was none


@dataclass(frozen=True, slots=True)
class ComponentFact:
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class RoadmapItemFact:
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class ChangeFact:
    """A change to components, as far as it has come; `kind` and `outcome` are words for people."""

    name: str
    kind: str
    summary: str = ""
    version: str = ""
    components: tuple[str, ...] = ()
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApprovalFact:
    """An approval of what `subject` is to become; `state` is a word for people."""

    name: str
    subject: str
    kind: str
    state: str


@dataclass(frozen=True, slots=True)
class BudgetFact:
    """Where the error budget of an objective stood; `remaining` is a share of it, negative when it is exhausted."""

    name: str  # slos/{id}/errorBudgets/{objective}
    slo: str
    component: str
    remaining: float
    step: str = ""  # of the budget policy, empty for none
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DutyFact:
    """That a post-mortem of an incident is due, for the share of a four-week budget it used."""

    name: str
    incident: str
    slo: str
    objective: int
    share: float


@dataclass(frozen=True, slots=True)
class Work:
    """Work done for an incident or a roadmap item, in person-hours."""

    name: str
    purpose: str
    is_remediation: bool
    team: str
    hours: float


@dataclass(frozen=True, slots=True)
class WorkFact:
    records: tuple[Work, ...]


Fact = (
    IncidentFact
    | AssessmentFact
    | DecisionFact
    | BundleFact
    | PolicyFact
    | ComponentFact
    | RoadmapItemFact
    | ChangeFact
    | ApprovalFact
    | BudgetFact
    | DutyFact
    | WorkFact
)
