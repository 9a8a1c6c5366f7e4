"""The server builder: every service's server has the same stages, limits, health, reflection and way of stopping."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2_grpc

from shared.rpc.access import Authority
from shared.rpc.access_log import AccessLog, AccessLogStage
from shared.rpc.deadline import DeadlineStage
from shared.rpc.health import LIVENESS, SERVING, HealthServicer, add_reflection
from shared.rpc.pipeline import Pipeline, Registrar, Stage
from shared.rpc.poller import hold_poller
from shared.rpc.stages import AccessStage, ErrorStage, TelemetryStage, ValidationStage
from shared.settings import ServiceSettings
from shared.telemetry import Telemetry

# gRPC itself refuses what is larger still, before it is read into memory; in between our own refusal says what to do.
_HARD_LIMIT_FACTOR = 8


class AddressTaken(RuntimeError):
    """Something else listens where this server should."""


@dataclass(frozen=True, slots=True)
class GrpcService:
    """A gRPC service as its contract gives it: the descriptor, and the generated `add_…_to_server`.

    `salvaged` names, for RPCs that take batches, the repeated field whose items are refused alone when they cannot be decoded; the
    handler asks `shared.rpc.salvage.damage_of` each.
    """

    descriptor: ServiceDescriptor
    register: Callable[[Any, grpc.aio.Server], None]
    salvaged: Mapping[str, str] = field(default_factory=dict)


class Server:
    """A gRPC server on one address, from start to drained stop."""

    def __init__(self, name: str, settings: ServiceSettings, telemetry: Telemetry, access_log: AccessLog | None = None) -> None:
        hold_poller()
        self._name = name
        self._settings = settings
        self._health = HealthServicer()
        self._names: list[str] = []
        validation = ValidationStage()
        stages: list[Stage] = [
            TelemetryStage(telemetry, settings.host),
            ErrorStage(f"{name}.ballast"),
            *([AccessLogStage(access_log)] if access_log else []),
            AccessStage(Authority(settings)),
            validation,
            DeadlineStage(settings.default_deadline_seconds),
        ]
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", settings.largest_message_bytes * _HARD_LIMIT_FACTOR),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),  # a second server on a port must fail, not share its calls
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
                ("grpc.max_connection_age_ms", 30 * 60_000),  # lets clients find new replicas
                ("grpc.max_connection_age_grace_ms", 60_000),
            ],
        )
        self._pipeline = Pipeline(stages, validation.check, settings.largest_message_bytes)
        self._registrar: Any = Registrar(self._server, self._pipeline)
        self.port = 0
        self.token_port = 0  # of callers known by token, where others are known by certificate

    def add(self, service: GrpcService, servicer: object) -> None:
        """Serves `servicer`; to be called before `start`."""
        for name, batch in service.salvaged.items():
            self._pipeline.salvage(service.descriptor.methods_by_name[name], batch)
        service.register(servicer, self._registrar)
        self._names.append(service.descriptor.full_name)

    async def start(self) -> None:
        """Listens and serves; not yet ready until `set_ready`. Raises AddressTaken, naming the address, when it is taken."""
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._registrar)
        add_reflection(self._registrar, self._names)
        settings = self._settings
        self.port = self._listen(settings.port, certificates=bool(settings.tls_client_ca))
        if settings.tls_client_ca and settings.oidc_issuer:
            self.token_port = self._listen(settings.token_port, certificates=False)
        await self._health.set_ready(self._names, ready=False)
        await self._health.set(LIVENESS, SERVING)
        await self._server.start()

    async def set_ready(self, *, ready: bool) -> None:
        await self._health.set_ready(self._names, ready=ready)

    async def stop(self) -> None:
        """Says NOT_SERVING first, then lets calls under way end for as long as the settings allow, and reads no further from streams."""
        await self._health.enter_graceful_shutdown()
        stopping = asyncio.ensure_future(self._server.stop(self._settings.drain_seconds))
        await asyncio.sleep(0)  # from here on no call begins
        self._pipeline.end_streams()
        await stopping

    @property
    def address(self) -> str:
        return self._address_of(self.port)

    @property
    def token_address(self) -> str:
        """Where callers without a certificate are known by their token."""
        return self._address_of(self.token_port or self.port)

    def _address_of(self, port: int) -> str:
        host = self._settings.host
        return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"

    def _listen(self, port: int, *, certificates: bool) -> int:
        """Listens there, asking callers for certificates or not: gRPC can only demand one or never ask, so both take two ports."""
        address = self._address_of(port)
        credentials = self._credentials(certificates=certificates)
        try:
            return self._server.add_secure_port(address, credentials) if credentials else self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise AddressTaken(
                f"{self._name}: cannot listen on {address}: {error}; choose another port, or stop what listens there"
            ) from error

    def _credentials(self, *, certificates: bool) -> grpc.ServerCredentials | None:
        settings = self._settings
        if not settings.tls_cert or not settings.tls_key:
            return None
        return grpc.ssl_server_credentials(
            [(settings.tls_key.read_bytes(), settings.tls_cert.read_bytes())],
            root_certificates=settings.tls_client_ca.read_bytes() if settings.tls_client_ca else None,
            require_client_auth=certificates,
        )
