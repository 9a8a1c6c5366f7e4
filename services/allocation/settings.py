"""Settings of allocation, read from BALLAST_ALLOCATION_* in the environment."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings, Subscriber

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
    split_staleness_seconds: float = Field(
        30, ge=0.1, le=3600, description="How old a split may be that GetSplit answers from the cache, whatever happened to either."
    )

    @property
    def stale_after(self) -> timedelta | None:
        return timedelta(hours=self.stale_after_hours) if self.stale_after_hours else None

    @property
    def split_life(self) -> timedelta:
        return timedelta(seconds=self.split_staleness_seconds)
