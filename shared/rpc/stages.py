"""The stages of a call, outermost first: telemetry, errors, access, validation, deadline.

Telemetry is outermost so that it sees the status every other stage ends a call with. Errors come next, to turn whatever those
below raise into a status. Access stands before validation, so that a stranger learns nothing about a request's fields, and the
deadline innermost, with a margin, so that the server's own error still travels back in time.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import structlog
from opentelemetry import trace

from shared.errors import BallastError, DeadlineExceeded, InvalidInput, Violation, invalid_field
from shared.principal import enter, leave
from shared.rpc.access import Authority
from shared.rpc.fault import faults_of
from shared.rpc.pipeline import Call, Oversized, Unreadable
from shared.rpc.shape import breaches_of
from shared.rpc.status import DETAILS_KEY, code_of, status_of
from shared.telemetry import DURATION_BUCKETS_SECONDS, Telemetry, context_from_traceparent

_MARGIN_SHARE = 0.1
_LARGEST_MARGIN_SECONDS = 0.25
_SERVER_FAULTS = {
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}
_log = structlog.get_logger(__name__)


class _SeesNoStream:
    def received(self, call: Call, message: Any) -> None:
        """Most stages have nothing to say about a message of a stream."""


class TelemetryStage(_SeesNoStream):
    """One span and one duration a call, named as OpenTelemetry's semantic conventions 1.44 say."""

    def __init__(self, telemetry: Telemetry, address: str) -> None:
        self._telemetry = telemetry
        self._address = address
        self._duration = telemetry.meter.create_histogram(
            "rpc.server.call.duration",
            "s",
            "Duration of a call, by method and status.",
            explicit_bucket_boundaries_advisory=DURATION_BUCKETS_SECONDS,
        )

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        metadata = {key: value for key, value in call.context.invocation_metadata() or () if key in {"traceparent", "tracestate"}}
        parent = context_from_traceparent(str(metadata.get("traceparent", "")), str(metadata.get("tracestate", "")))
        attributes = {"rpc.system.name": "grpc", "rpc.method": call.method.full_name, "server.address": self._address}
        begin = time.perf_counter()
        with self._telemetry.tracer.start_as_current_span(
            call.method.full_name,
            context=parent,
            kind=trace.SpanKind.SERVER,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            finally:
                code = grpc.StatusCode(_named(call.context.code()))
                outcome = {"rpc.response.status_code": code.name}
                if code is not grpc.StatusCode.OK:
                    outcome["error.type"] = code.name
                if code in _SERVER_FAULTS:
                    span.set_status(trace.StatusCode.ERROR, call.context.details() or None)
                span.set_attributes(outcome)
                self._duration.record(time.perf_counter() - begin, attributes | outcome)


class ErrorStage(_SeesNoStream):
    """Ends a call with the status of the error it raised; anything not ours becomes INTERNAL with an id found in the log."""

    def __init__(self, domain: str) -> None:
        self._domain = domain

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        try:
            yield
        except BallastError as error:
            await self._abort(call, error)
        except (grpc.aio.AbortError, grpc.aio.UsageError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer and the log the cause
            error_id = uuid.uuid4().hex
            _log.exception("a call failed unexpectedly", error_id=error_id, method=call.method.full_name, exc_info=error)
            message = f"internal error {error_id}: it is in the server's log under this id"
            await self._abort(call, BallastError(message, reason="INTERNAL", metadata={"error_id": error_id}))

    async def _abort(self, call: Call, error: BallastError) -> None:
        status = status_of(error, self._domain)
        await call.context.abort(code_of(error), status.message, trailing_metadata=((DETAILS_KEY, status.SerializeToString()),))


class AccessStage(_SeesNoStream):
    """Lets a call through when its caller holds the role its contract asks for."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        principal = await self._authority.admit(call.method, call.request, call.context)
        token = enter(principal)
        try:
            yield
        finally:
            leave(token)


class ValidationStage:
    """Refuses a request that breaks a shape rule of its contract, naming every field at fault."""

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        if call.request is not None:
            self.received(call, call.request)
        try:
            yield
        except BallastError:
            raise
        except Exception as error:
            # Looked for only now: no service can do anything with such values, and looking costs more than most calls do.
            faults = faults_of(call.request)
            if faults:
                raise _field_invalid(faults) from error
            raise

    def received(self, call: Call, message: Any) -> None:
        if isinstance(message, Oversized):
            description = f"is {message.size:,} bytes, the limit is {message.limit:,}: send it in smaller parts"
            raise invalid_field("request", description, reason="REQUEST_TOO_LARGE")
        if isinstance(message, Unreadable):
            description = f"cannot be read ({message.cause}); generate the client from this service's contract"
            raise invalid_field("request", description, reason="REQUEST_MALFORMED")
        if not call.method.role:
            return  # health and reflection have no rules of ours
        found = breaches_of(message)
        if found:
            raise _field_invalid(found)


class DeadlineStage(_SeesNoStream):
    """Ends a call a margin before the caller's deadline; a unary call without one gets the default."""

    def __init__(self, default_seconds: float) -> None:
        self._default = default_seconds

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        remaining = call.context.time_remaining()
        # A stream may be meant to stay: only its caller can say how long.
        if remaining is None and call.request is not None and not call.method.full_name.partition("/")[2].startswith("Watch"):
            remaining = self._default
        if remaining is None:
            yield
            return
        budget = remaining - min(_LARGEST_MARGIN_SECONDS, remaining * _MARGIN_SHARE)
        try:
            async with asyncio.timeout(budget) as timeout:
                yield
        except TimeoutError:
            if not timeout.expired():
                raise
            raise DeadlineExceeded(
                f"{call.method.full_name} did not end within {remaining:.3f} s; it may have taken effect: repeat it with the same id"
            ) from None


def _named(code: Any) -> tuple[int, str]:
    """Returns the status code as the enumeration spells it; gRPC's asyncio server keeps the bare number, and 0 for none."""
    number = code if isinstance(code, int) else (code.value[0] if code is not None else 0)
    return next((each.value[0], each.value[1]) for each in grpc.StatusCode if each.value[0] == number)


def _field_invalid(violations: Sequence[Violation]) -> InvalidInput:
    message = "; ".join(f"{each.field}: {each.description}" for each in violations[:5])
    return InvalidInput(message, violations, reason="FIELD_INVALID")
