"""Settings of allocation, read from BALLAST_ALLOCATION_* in the environment."""

from datetime import timedelta
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.allocation.domain.work import WorkClass
from shared.settings import ServiceSettings, Subscriber

Counts = Literal["remediation", "roadmap", "other"]
_CATEGORIES: dict[str, Counts] = {
    "toil": "remediation",
    "on-call": "remediation",
    "corrective-action": "remediation",
    "discovery": "roadmap",
    "support": "other",
    "meeting": "other",
    "learning": "other",
}
_DECISIONS = ("ballast.allocation.v1.DecisionMade", "ballast.allocation.v1.DecisionChanged")


class AllocationSettings(ServiceSettings):
    """What allocation can be told."""

    model_config = SettingsConfigDict(env_prefix="BALLAST_ALLOCATION_", extra="ignore", frozen=True)

    port: int = Field(7103, ge=0, le=65535, description="Port to listen on; 0 lets the system choose.")
    subscribers: dict[str, Subscriber] = Field(
        default_factory=lambda: {
            "playbook": Subscriber(address="127.0.0.1:7104", types=_DECISIONS),
            "governance": Subscriber(address="127.0.0.1:7106", types=("*",)),
        },
        description="Who is told of allocation's events, by name.",
    )
    stale_after_hours: float = Field(
        0, ge=0, le=8760, description="Silence of triage after which decisions that change a share are put to approvers; 0 for never."
    )
    plan_processes: int = Field(
        0, ge=0, le=64, description="Processes that make plans of single teams, one a core, of some 80 MB each; 0 for threads of this one."
    )
    split_staleness_seconds: float = Field(
        30, ge=0.1, le=3600, description="How old a split may be that GetSplit answers from the cache, whatever happened to either."
    )
    work_categories: dict[str, Counts] = Field(
        default_factory=lambda: dict(_CATEGORIES),
        description="Categories that work may be recorded on, and what each counts as (JSON).",
    )
    drift_false_alarm_sprints: float = Field(
        370, ge=10, le=100_000, description="Sprints between false alarms of drift, on average, that its charts are designed for."
    )
    least_recorded_share: float = Field(
        0.5, gt=0, le=1, description="Part of a sprint's capacity of which work must be recorded before it is compared with the plan."
    )

    @property
    def work_classes(self) -> dict[str, WorkClass]:
        """What each category counts as."""
        return {name: WorkClass[counts.upper()] for name, counts in self.work_categories.items()}

    @property
    def stale_after(self) -> timedelta | None:
        return timedelta(hours=self.stale_after_hours) if self.stale_after_hours else None

    @property
    def split_life(self) -> timedelta:
        return timedelta(seconds=self.split_staleness_seconds)
