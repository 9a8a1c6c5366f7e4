"""Settings every service shares: one class, read from BALLAST_* in the environment, each with a usable default."""

from ipaddress import ip_address
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, FilePath, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Subscriber(BaseModel):
    """Who is told of a service's events, and of which."""

    address: str = Field(description="Where it serves ballast.events.v1.EventSinkService, as host:port.")
    types: tuple[str, ...] = Field(("*",), description='Types of events, full message names; "*" means every type.')


class ServiceSettings(BaseSettings):
    """What any Ballast service can be told. A service's own settings subclass this with its own environment prefix."""

    model_config = SettingsConfigDict(env_prefix="BALLAST_", extra="ignore", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on. Anything but loopback needs credentials.")
    port: int = Field(0, ge=0, le=65535, description="Port to listen on; 0 lets the system choose.")
    database_url: str = Field("", description="PostgreSQL, as postgresql+asyncpg://…; empty starts the embedded one under state_dir.")
    cache_url: str = Field("", description="Redis or Valkey, as redis://… or unix://…; empty starts the embedded one under state_dir.")
    state_dir: Path = Field(Path(".ballast"), description="Where embedded engines keep their state.")
    database_pool_size: int = Field(8, ge=2, le=200, description="Connections to PostgreSQL.")
    subscribers: dict[str, Subscriber] = Field(
        default_factory=dict,
        description='Who is told of this service\'s events, by name, as JSON: {"audit": {"address": "audit:7000", "types": ["*"]}}.',
    )
    governance_address: str = Field(
        "127.0.0.1:7106", description="Where approvals are asked for, as host:port; asked for kinds in approved_documents alone."
    )
    approved_documents: tuple[str, ...] = Field(
        (),
        description="Kinds of this service's documents that change only with approval, as JSON: "
        '["severity-matrix"]; "*" means every kind. '
        "A kind that it does not keep is refused at its start. ListDocuments says which there are.",
    )
    delivery_concurrency: int = Field(10, ge=1, le=200, description="Deliveries under way at once.")
    delivery_max_attempts: int = Field(20, ge=1, le=100, description="Tries before a delivery becomes a dead letter.")
    largest_message_bytes: int = Field(4 * 1024 * 1024, ge=1024, description="Largest request accepted; larger ones are refused.")
    default_deadline_seconds: float = Field(30.0, gt=0, description="Deadline of a call whose caller set none.")
    access_log_seconds: float = Field(
        60.0, ge=0, description="How often calls counted in memory are told to whoever keeps the access log; 0 never tells them."
    )
    drain_seconds: float = Field(10.0, ge=0, description="How long calls under way may go on after SIGTERM.")
    otlp_endpoint: str = Field(
        "",
        description="OTLP gRPC endpoint for traces, metrics and logs, such as http://127.0.0.1:4317; empty exports none.",
    )
    log_format: str = Field("json", pattern="^(json|console)$", description="How log lines are written.")
    tls_cert: FilePath | None = Field(None, description="PEM certificate of this server.")
    tls_key: FilePath | None = Field(None, description="PEM key of this server.")
    tls_client_ca: FilePath | None = Field(
        None, description="PEM authorities that callers' certificates must come from; makes callers present one."
    )
    trust_domain: str = Field("ballast", description="SPIFFE trust domain whose ids are services of this suite.")
    token_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port for callers known by token; used only with tls_client_ca, which makes those of the other port present "
        "certificates. 0 lets the system choose.",
    )
    oidc_issuer: str = Field("", description="Issuer of bearer tokens; empty accepts none.")
    oidc_audience: str = Field("ballast", description="Audience a bearer token must name.")
    oidc_jwks: str = Field("", description="Key set of the issuer: an https URL, or a file.")
    oidc_roles_claim: str = Field("ballast_roles", description='Claim that holds roles, as "viewer" or "planner@teams/x".')

    @property
    def has_credentials(self) -> bool:
        """Whether callers can be told apart: by certificate, or by token over TLS."""
        return bool(self.tls_cert and self.tls_key and (self.tls_client_ca or self.oidc_issuer))

    @model_validator(mode="after")
    def _safe_together(self) -> Self:
        """Refuses what would leave a service open, or without the effect somebody relies on."""
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ValueError("tls_cert, tls_key: one without the other; set both or neither")
        for field in ("tls_client_ca", "oidc_issuer"):
            if getattr(self, field) and not self.tls_cert:
                raise ValueError(f"{field}: has no effect without tls_cert and tls_key; set them too")
        if self.oidc_issuer and not self.oidc_jwks:
            raise ValueError("oidc_jwks: needed with oidc_issuer; give the https URL or file of the issuer's key set")
        if self.oidc_jwks and not self.oidc_jwks.startswith("https://") and not Path(self.oidc_jwks).is_file():
            raise ValueError(f"oidc_jwks: {self.oidc_jwks} is neither an https URL nor a file")
        if not is_loopback(self.host) and not self.has_credentials:
            raise ValueError(
                f"host: {self.host} is not loopback and no credentials are configured; set tls_cert and tls_key with tls_client_ca "
                "or oidc_issuer, or listen on 127.0.0.1"
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`; a name other than localhost may mean any address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
