"""Settings of governance, read from BALLAST_GOVERNANCE_* in the environment."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings, Subscriber


class GovernanceSettings(ServiceSettings):
    """What governance can be told."""

    model_config = SettingsConfigDict(env_prefix="BALLAST_GOVERNANCE_", extra="ignore", frozen=True)

    port: int = Field(7106, ge=0, le=65535, description="Port to listen on; 0 lets the system choose.")
    subscribers: dict[str, Subscriber] = Field(
        # Told to itself, so that its events enter the ledger. It ends there: to record an event causes none.
        default_factory=lambda: {"governance": Subscriber(address="127.0.0.1:7106", types=("*",))},
        description="Who is told of governance's events, by name.",
    )
    verification_batch: int = Field(1000, ge=1, le=100_000, description="Entries verified between two answers of VerifyLedger.")
    lineage_walk_limit: int = Field(
        100_000, ge=100, le=1_000_000, description="Nodes one TraceLineage may visit; beyond them it is refused."
    )
