"""Settings of governance, read from BALLAST_GOVERNANCE_* in the environment."""

from pydantic import Field, FilePath, field_validator
from pydantic_settings import SettingsConfigDict

from shared.events.manifest import LONGEST_UNSAID
from shared.settings import ServiceSettings, Subscriber


class GovernanceSettings(ServiceSettings):
    """What governance can be told."""

    model_config = SettingsConfigDict(env_prefix="BALLAST_GOVERNANCE_", extra="ignore", frozen=True)

    port: int = Field(7106, ge=0, le=65535, description="Port to listen on; 0 lets the system choose.")
    subscribers: dict[str, Subscriber] = Field(
        # Told to itself, so that its events enter the ledger. It ends there: to record an event causes none.
        # Services that keep documents hear what became of approvals they asked for.
        default_factory=lambda: {
            "governance": Subscriber(address="127.0.0.1:7106", types=("*",)),
            "intake": Subscriber(address="127.0.0.1:7101", types=("ballast.governance.v1.ApprovalChanged",)),
            "triage": Subscriber(address="127.0.0.1:7102", types=("ballast.governance.v1.ApprovalChanged",)),
            "allocation": Subscriber(address="127.0.0.1:7103", types=("ballast.governance.v1.ApprovalChanged",)),
        },
        description="Who is told of governance's events, by name.",
    )
    verification_batch: int = Field(1000, ge=1, le=100_000, description="Entries verified between two answers of VerifyLedger.")
    origin: str = Field(
        "ballast/governance",
        pattern=r"^[^\s+]{1,256}$",
        description="Name of this ledger in its checkpoints and of its key; best a URL without scheme, as example.org/ballast.",
    )
    signing_key: FilePath | None = Field(
        None,
        description="PEM file (PKCS #8) with the Ed25519 key that signs checkpoints; empty makes one under state_dir.",
    )
    delivery_patience_seconds: float = Field(
        300.0, ge=0, description="How long an event that its service says it recorded may be on its way before it counts as missing."
    )
    manifest_patience_seconds: float = Field(
        900.0,
        ge=0,
        description="How long an entry may wait for its service to say that it recorded it before it counts as extra. At least 300, as "
        "services say so every five minutes; 0, for tests, does not wait at all.",
    )
    lineage_walk_limit: int = Field(
        100_000, ge=100, le=1_000_000, description="Nodes one TraceLineage may visit; beyond them it is refused."
    )
    access_retention_days: int = Field(400, ge=1, le=36_500, description="How long the access log keeps who called what.")
    lineage_patience_seconds: float = Field(
        86_400.0, ge=0, description="How long the event of a resource that others name may take before the links to it count as overdue."
    )

    @field_validator("manifest_patience_seconds")
    @classmethod
    def _outlasts_a_manifest(cls, seconds: float) -> float:
        if 0 < seconds < LONGEST_UNSAID.total_seconds():
            raise ValueError(
                f"is {seconds:g}: services say what they recorded every {LONGEST_UNSAID.total_seconds():g} seconds, so that every entry "
                "would be a false alarm; set at least that, or 0 in tests"
            )
        return seconds
