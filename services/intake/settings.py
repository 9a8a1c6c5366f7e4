"""Settings of intake, read from BALLAST_INTAKE_* in the environment."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings, Subscriber

INCIDENT_EVENTS = ("ballast.intake.v1.IncidentOpened", "ballast.intake.v1.IncidentChanged")


class IntakeSettings(ServiceSettings):
    """What intake can be told."""

    model_config = SettingsConfigDict(env_prefix="BALLAST_INTAKE_", extra="ignore", frozen=True)

    port: int = Field(7101, ge=0, le=65535, description="Port to listen on; 0 lets the system choose.")
    subscribers: dict[str, Subscriber] = Field(
        default_factory=lambda: {
            "triage": Subscriber(address="127.0.0.1:7102", types=INCIDENT_EVENTS),
            "playbook": Subscriber(address="127.0.0.1:7104", types=INCIDENT_EVENTS),
            "governance": Subscriber(address="127.0.0.1:7106", types=("*",)),
        },
        description="Who is told of intake's events, by name.",
    )
    group_by: tuple[str, ...] = Field(("component",), min_length=1, description="Labels by whose values alerts become one incident.")
    component_label: str = Field("component", min_length=1, description="Label that names the component.")
