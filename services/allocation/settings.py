"""Settings of allocation, read from BALLAST_ALLOCATION_* in the environment."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings, Subscriber


class AllocationSettings(ServiceSettings):
    """What allocation can be told."""

    model_config = SettingsConfigDict(env_prefix="BALLAST_ALLOCATION_", extra="ignore", frozen=True)

    port: int = Field(7103, ge=0, le=65535, description="Port to listen on; 0 lets the system choose.")
    subscribers: dict[str, Subscriber] = Field(
        default_factory=lambda: {
            "playbook": Subscriber(address="127.0.0.1:7104", types=("ballast.allocation.v1.DecisionMade",)),
            "governance": Subscriber(address="127.0.0.1:7106", types=("*",)),
        },
        description="Who is told of allocation's events, by name.",
    )
