"""Settings of playbook, read from BALLAST_PLAYBOOK_* in the environment."""

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from services.playbook.storage.template_folder import SHIPPED, load_templates
from shared.settings import ServiceSettings, Subscriber


class PlaybookSettings(ServiceSettings):
    """What playbook can be told."""

    model_config = SettingsConfigDict(env_prefix="BALLAST_PLAYBOOK_", extra="ignore", frozen=True)

    port: int = Field(7104, ge=0, le=65535, description="Port to listen on; 0 lets the system choose.")
    subscribers: dict[str, Subscriber] = Field(
        default_factory=lambda: {"governance": Subscriber(address="127.0.0.1:7106", types=("*",))},
        description="Who is told of playbook's events, by name.",
    )
    template_dir: Path = Field(SHIPPED, description="Folder that holds a folder for each template.")
    incident_template: str = Field("incident-response", description="Id of the template rendered for incidents by itself.")

    @field_validator("template_dir")
    @classmethod
    def _templates_are_fit(cls, value: Path) -> Path:
        # Here, and not at the first incident: a template that does not load must stop the service while somebody watches.
        load_templates(value)
        return value
