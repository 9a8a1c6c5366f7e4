"""The example's catalogue: components, teams, roadmap, policy and the rule of remediation work, as people write them in YAML."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from clients.cli.demo.outage_file import Impact
from clients.cli.demo.yaml_file import Entry

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Share = Annotated[float, Field(ge=0, le=1)]
Hours = Annotated[float, Field(ge=0, le=10_000)]


class ComponentEntry(Entry):
    """One product; `product` is its name on the status page."""

    id: Id
    product: Name
    team: Id
    tier: Literal["critical", "high", "medium", "low"]
    revenue_per_minute_usd: int = Field(ge=0)
    users: int = Field(ge=0)
    dependencies: tuple[Id, ...] = ()


class ComponentFile(Entry):
    components: tuple[ComponentEntry, ...] = Field(min_length=1)


class MemberEntry(Entry):
    id: Name
    weekly_hours: float = Field(gt=0, le=80)
    focus_factor: float = Field(gt=0, le=1)


class TeamEntry(Entry):
    id: Id
    display_name: Name
    members: tuple[MemberEntry, ...] = Field(min_length=1)


class TeamFile(Entry):
    """The teams, and the cadence they share."""

    first_sprint_at: AwareDatetime
    sprint_weeks: int = Field(ge=1, le=12)
    sprint_count: int = Field(ge=1, le=52)
    teams: tuple[TeamEntry, ...] = Field(min_length=1)

    @property
    def sprint_length(self) -> timedelta:
        return timedelta(weeks=self.sprint_weeks)


class ItemEntry(Entry):
    """One roadmap item; effort in person-hours from start to end."""

    id: Id
    team: Id
    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    effort_hours: float = Field(gt=0, le=100_000)
    cost_of_delay_per_week_usd: int = Field(ge=0)
    dependencies: tuple[Id, ...] = ()
    due: AwareDatetime | None = None
    protected: bool = False


class RoadmapFile(Entry):
    items: tuple[ItemEntry, ...] = Field(min_length=1)


class FrequencyEntry(Entry):
    history_sprints: int
    ratio: float
    minimum_count: int
    raise_by: Share
    severity_at_most: int


class RestoreEntry(Entry):
    history_sprints: int
    ratio: float
    minimum_count: int
    raise_by: Share


class OpenEntry(Entry):
    severity_at_most: int
    raise_by: Share
    raise_at_most: Share


class ThresholdEntry(Entry):
    """From what size on a change of the share needs that others agree."""

    share_change: Share | None = None
    value_at_risk_usd: int | None = Field(default=None, gt=0)
    displaced_items: int | None = None


class ProtectEntry(Entry):
    items: tuple[str, ...] = Field(min_length=1)


class RuleEntry(Entry):
    """A rule of the policy: a condition in CEL, and one effect."""

    id: Id
    when: str
    until: str = ""
    reason: str
    raise_by: Share | None = None
    set_share: Share | None = None
    protect: ProtectEntry | None = None


class AllocationEntry(Entry):
    """An allocation policy. Its rules are the service's to check."""

    id: Id
    reason: str
    baseline_share: Share
    floor_share: Share
    cap_share: Share
    largest_step: Share
    quiet_sprints: int
    horizon_sprints: int
    incident_frequency: FrequencyEntry | None = None
    time_to_restore: RestoreEntry | None = None
    open_incidents: OpenEntry | None = None
    approval_thresholds: ThresholdEntry | None = None
    rules: tuple[RuleEntry, ...] = ()


class WorkRule(Entry):
    """Hours one incident takes a team: responders × min(duration, restore_hours_at_most) + follow_up_hours."""

    responders: int = Field(ge=1, le=50)
    restore_hours_at_most: Hours
    follow_up_hours: Hours


class WorkRules(Entry):
    """The rule for each impact."""

    outage: WorkRule
    disruption: WorkRule
    information: WorkRule

    def of(self, impact: Impact) -> WorkRule:
        return {Impact.OUTAGE: self.outage, Impact.DISRUPTION: self.disruption, Impact.INFORMATION: self.information}[impact]


class PolicyFile(Entry):
    """`approvers` are who must agree to what the policy puts before others; they do so as soon as they are asked."""

    allocation: AllocationEntry
    approvers: tuple[Name, ...] = ()
    remediation: WorkRules
