"""Settings of triage, read from BALLAST_TRIAGE_* in the environment."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings, Subscriber

_ASSESSMENTS = ("ballast.triage.v1.AssessmentMade",)
_SIGN_OF_LIFE = "ballast.events.v1.OutboxManifest"  # of what it recorded, of whatever kind
# What rules of allocation policies look at.
_SIGNALS = ("ballast.triage.v1.ErrorBudgetChanged", "ballast.triage.v1.ComponentChanged")
# Told to itself: open incidents are then assessed again.
_SURROUNDINGS = (
    "ballast.triage.v1.ComponentChanged",
    "ballast.triage.v1.SeverityMatrixChanged",
    "ballast.triage.v1.GatingRulesChanged",
    "ballast.triage.v1.ErrorBudgetChanged",
)


class TriageSettings(ServiceSettings):
    """What triage can be told."""

    model_config = SettingsConfigDict(env_prefix="BALLAST_TRIAGE_", extra="ignore", frozen=True)

    port: int = Field(7102, ge=0, le=65535, description="Port to listen on; 0 lets the system choose.")
    subscribers: dict[str, Subscriber] = Field(
        default_factory=lambda: {
            "intake": Subscriber(address="127.0.0.1:7101", types=("ballast.triage.v1.ComponentChanged",)),
            "triage": Subscriber(address="127.0.0.1:7102", types=_SURROUNDINGS),
            "allocation": Subscriber(address="127.0.0.1:7103", types=(*_ASSESSMENTS, *_SIGNALS, _SIGN_OF_LIFE)),
            "playbook": Subscriber(address="127.0.0.1:7104", types=_ASSESSMENTS),
            "governance": Subscriber(address="127.0.0.1:7106", types=("*",)),
        },
        description="Who is told of triage's events, by name.",
    )
    largest_message_bytes: int = Field(
        16 * 1024 * 1024, ge=1024, description="Largest request accepted, an import of some 30,000 components; larger ones are refused."
    )
    escalate_at_chance: float = Field(
        0.5, gt=0, le=1, description="Chance of missing the time to restore from which an open incident is escalated."
    )
    escalate_at_share: float = Field(
        0.75, gt=0, le=1, description="Share of the time to restore after which it is escalated where the chance cannot be told."
    )
    currency: str = Field(
        "USD", pattern="^[A-Z]{3}$", description="Currency of the revenue scale, ISO 4217; revenue in another counts as unknown."
    )
    prometheus_url: str = Field("", description="Prometheus asked for SLOs whose data source names no url, such as http://127.0.0.1:9090.")
    prometheus_hosts: tuple[str, ...] = Field(
        ("127.0.0.1", "localhost"), description='Hosts that data sources of SLOs may name; others are not asked. "*" allows any.'
    )
    pull_interval_seconds: float = Field(
        60, ge=1, le=600, description="How often Prometheus is asked for indicators; the step between their samples."
    )
    pull_deadline_seconds: float = Field(10, gt=0, le=60, description="Deadline of one query to Prometheus.")

    @property
    def escalate_at(self) -> tuple[float, float]:
        """Chance, and share of the time."""
        return self.escalate_at_chance, self.escalate_at_share
