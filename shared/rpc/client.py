"""The client factory: a deadline on every call, our own errors rebuilt, retries only where the contract declares them safe."""

import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from shared.rpc.method import retry_safe_methods
from shared.rpc.poller import hold_poller
from shared.rpc.status import error_from
from shared.telemetry import current_traceparent

DEFAULT_DEADLINE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """How a client shows who it is: a certificate, a token, or (on bare loopback) only a name for the record."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    token: str = ""
    local_name: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """A connection to one service; give `grpc` to a generated stub."""

    grpc: grpc.aio.Channel
    target: str

    async def close(self) -> None:
        await self.grpc.close(None)


def connect(
    target: str,
    services: Iterable[ServiceDescriptor] = (),
    *,
    credentials: ClientCredentials | None = None,
    deadline_seconds: float = DEFAULT_DEADLINE_SECONDS,
    largest_message_bytes: int = 64 * 1024 * 1024,
) -> Channel:
    """Opens a channel to `target` (`host:port`, or `dns:///…` for all addresses of a name, taken in turn).

    Retries are made only for RPCs of `services` whose contract declares an idempotency level, on UNAVAILABLE, with backoff.
    """
    hold_poller()
    credentials = credentials or ClientCredentials()
    interceptors: list[Any] = [
        _UnaryInterceptor(credentials, deadline_seconds),
        _StreamInterceptor(credentials),
        _BothWaysInterceptor(credentials),
    ]
    options = [
        ("grpc.service_config", json.dumps(_service_config(services))),
        ("grpc.enable_retries", 1),
        # gRPC's own second and two minutes would outlast the retries, and keep a subscriber that is back without its events.
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 5_000),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.max_receive_message_length", largest_message_bytes),
        ("grpc.max_send_message_length", largest_message_bytes),
    ]
    if credentials.ca is None:
        return Channel(grpc.aio.insecure_channel(target, options, interceptors=interceptors), target)
    ssl = grpc.ssl_channel_credentials(
        credentials.ca.read_bytes(),
        credentials.key.read_bytes() if credentials.key else None,
        credentials.cert.read_bytes() if credentials.cert else None,
    )
    return Channel(grpc.aio.secure_channel(target, ssl, options, interceptors=interceptors), target)


def _service_config(services: Iterable[ServiceDescriptor]) -> dict[str, Any]:
    names = [{"service": service.full_name, "method": method} for service in services for method in retry_safe_methods(service)]
    policy = {
        "maxAttempts": 4,
        "initialBackoff": "0.1s",
        "maxBackoff": "2s",
        "backoffMultiplier": 3,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    config: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
    if names:
        config["methodConfig"] = [{"name": names, "retryPolicy": policy}]
    return config


def _prepared(details: grpc.aio.ClientCallDetails, credentials: ClientCredentials, deadline: float | None) -> grpc.aio.ClientCallDetails:
    metadata = grpc.aio.Metadata(*(details.metadata or ()))
    traceparent = current_traceparent()
    if traceparent and "traceparent" not in metadata:
        metadata.add("traceparent", traceparent)
    if credentials.token:
        metadata.add("authorization", f"Bearer {credentials.token}")
    elif credentials.local_name:
        metadata.add("ballast-principal", credentials.local_name)
    timeout = details.timeout if details.timeout is not None else deadline
    return grpc.aio.ClientCallDetails(details.method, timeout, metadata, details.credentials, details.wait_for_ready)


class _UnaryInterceptor(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[type-arg]
    def __init__(self, credentials: ClientCredentials, deadline: float) -> None:
        self._credentials = credentials
        self._deadline = deadline

    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Awaitable[Any]],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        # A retry, by gRPC or by the caller's own hand, is safe only with an id that stays the same.
        if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
            request.request_id = str(uuid.uuid4())
        call = await continuation(_prepared(client_call_details, self._credentials, self._deadline), request)
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise error_from(error) from None


class _StreamInterceptor(grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[type-arg]
    def __init__(self, credentials: ClientCredentials) -> None:
        self._credentials = credentials

    async def intercept_unary_stream(  # type: ignore[override]  # the published types miss that the continuation is awaited
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Awaitable[Any]],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> AsyncIterator[Any]:
        call = await continuation(_prepared(client_call_details, self._credentials, None), request)
        return _rebuilt(call)


class _BothWaysInterceptor(grpc.aio.StreamStreamClientInterceptor):  # type: ignore[type-arg]
    def __init__(self, credentials: ClientCredentials) -> None:
        self._credentials = credentials

    async def intercept_stream_stream(  # type: ignore[override]  # as above
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Awaitable[Any]],
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: Any,
    ) -> AsyncIterator[Any]:
        call = await continuation(_prepared(client_call_details, self._credentials, None), request_iterator)
        return _rebuilt(call)


async def _rebuilt(call: Any) -> AsyncIterator[Any]:
    try:
        async for response in call:
            yield response
    except grpc.aio.AioRpcError as error:
        raise error_from(error) from None
    finally:
        call.cancel()
