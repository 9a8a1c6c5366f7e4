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
            "triage": Subscriber(address="127.0.0.1:7102", types=(*INCIDENT_EVENTS, "ballast.intake.v1.MaintenanceWindowChanged")),
            # Causes, for rules of policies that forgive what is not in a team's hands.
            "allocation": Subscriber(address="127.0.0.1:7103", types=("ballast.intake.v1.IncidentChanged",)),
            "playbook": Subscriber(address="127.0.0.1:7104", types=INCIDENT_EVENTS),
            "governance": Subscriber(address="127.0.0.1:7106", types=("*",)),
        },
        description="Who is told of intake's events, by name.",
    )
    group_by: tuple[str, ...] = Field(("component",), min_length=1, description="Labels by whose values alerts become one incident.")
    component_label: str = Field("component", min_length=1, description="Label that names the component.")
    report_window_days: int = Field(
        7320, ge=1, le=36500, description="How far back a report's times may lie, in days; older ones are refused. Twenty years unless set."
    )
    rejoin_seconds: float = Field(
        15, ge=0, le=3600, description="An alert that begins again this soon after its end goes on as the same alert."
    )
    flap_count: int = Field(5, ge=2, le=1000, description="An alert flaps that began again this often within the flap window.")
    flap_window_seconds: float = Field(3600, ge=60, le=86400, description="The flap window.")
    storm_enter_count: int = Field(
        5_000, ge=1, description="A storm begins when this many new alerts came within the storm window at one replica."
    )
    storm_leave_count: int = Field(1_000, ge=1, description="A storm lasts while at least this many come within the storm window.")
    storm_window_seconds: float = Field(10, ge=1, le=600, description="The storm window.")
    storm_calm_seconds: float = Field(30, ge=1, le=3600, description="A storm is over when it was calm for this long.")
    waiting_limit: int = Field(50_000, ge=1_000, description="Reports that may wait for storage; beyond it load is shed as OVERLOADED.")
    alert_settle_hours: float = Field(
        24, ge=1, le=720, description="How long alerts stay at hand after their end before they go into the history."
    )
    alert_retention_days: int = Field(400, ge=1, le=36500, description="How long the history keeps alerts, by whole months.")
