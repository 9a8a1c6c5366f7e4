"""The stages of a call, outermost first: telemetry, errors, the access log (`access_log.py`), access, validation, deadline.

Telemetry is outermost so that it sees the status every other stage ends a call with. Errors come next, to turn whatever those
below raise into a status. Access stands before validation, so that a stranger learns nothing about a request's fields, and the
deadline innermost, with a margin, so that the server's own error still travels back in time.
"""

import time
import uuid
from collections.abc import Sequence
from typing import Any

import grpc
import structlog
from opentelemetry import context, trace

from shared.errors import BallastError, InvalidInput, Violation, invalid_field
from shared.principal import Cause, enter, enter_call
from shared.rpc.access import Authority
from shared.rpc.fault import faults_of
from shared.rpc.method import Method
from shared.rpc.pipeline import Call, Oversized, Step, Unreadable
from shared.rpc.shape import breaches_of
from shared.rpc.status import DETAILS_KEY, code_of, sole_error, status_of
from shared.telemetry import DURATION_BUCKETS_SECONDS, Telemetry, context_from_traceparent

_SERVER_FAULTS = {
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}
_CODES = {code.value[0]: code for code in grpc.StatusCode}
_OUTCOMES = {
    code: {"rpc.response.status_code": code.name} | ({} if code is grpc.StatusCode.OK else {"error.type": code.name})
    for code in grpc.StatusCode
}
_log = structlog.get_logger(__name__)


class TelemetryStage:
    """One span and one duration a call, named as OpenTelemetry's semantic conventions 1.44 say."""

    def __init__(self, telemetry: Telemetry, address: str) -> None:
        self._tracer = telemetry.tracer
        self._address = address
        self._duration = telemetry.meter.create_histogram(
            "rpc.server.call.duration",
            "s",
            "Duration of a call, by method and status.",
            explicit_bucket_boundaries_advisory=DURATION_BUCKETS_SECONDS,
        )

    def around(self, method: Method, then: Step) -> Step:
        attributes = {"rpc.system.name": "grpc", "rpc.method": method.full_name, "server.address": self._address}
        measured = {code.value[0]: attributes | outcome for code, outcome in _OUTCOMES.items()}

        async def traced(call: Call) -> Any:
            begin = time.perf_counter()
            metadata = call.metadata
            parent = context_from_traceparent(str(metadata.get("traceparent", "")), str(metadata.get("tracestate", "")))
            span = self._tracer.start_span(method.full_name, parent, trace.SpanKind.SERVER, attributes)
            # Never detached: gRPC runs each call in a task of its own, whose context ends with it.
            context.attach(trace.set_span_in_context(span))
            try:
                return await then(call)
            finally:
                number = _number(call.context.code())
                if span.is_recording():
                    _finish(span, _CODES[number], call.context.details())
                self._duration.record(time.perf_counter() - begin, measured[number])

        return traced


class ErrorStage:
    """Ends a call with the status of the error it raised; anything not ours becomes INTERNAL with an id found in the log."""

    def __init__(self, domain: str) -> None:
        self._domain = domain

    def around(self, method: Method, then: Step) -> Step:
        async def answered(call: Call) -> Any:
            try:
                return await then(call)
            except BallastError as error:
                await self._abort(call, error)
            except (grpc.aio.AbortError, grpc.aio.UsageError):
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer and the log the cause
                await self._abort(call, sole_error(error) or _logged(method, error))

        return answered

    async def _abort(self, call: Call, error: BallastError) -> None:
        status = status_of(error, self._domain)
        await call.context.abort(code_of(error), status.message, trailing_metadata=((DETAILS_KEY, status.SerializeToString()),))


class AccessStage:
    """Lets a call through when its caller holds the role its contract asks for."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def around(self, method: Method, then: Step) -> Step:
        async def admitted(call: Call) -> Any:
            enter(await self._authority.admit(method, call))  # for good, as with the span
            if not method.only_reads:
                reason = getattr(call.request, "reason", "")
                enter_call(Cause(method.full_name, reason if isinstance(reason, str) else ""))
            return await then(call)

        return admitted


class ValidationStage:
    """Refuses a request that breaks a shape rule of its contract, naming every field at fault."""

    def around(self, method: Method, then: Step) -> Step:
        async def validated(call: Call) -> Any:
            if call.request is not None:
                self.check(method, call.request)
            try:
                return await then(call)
            except BallastError:
                raise
            except Exception as error:
                # Looked for only now: no service can do anything with such values, and looking costs more than most calls do.
                faults = faults_of(call.request)
                if faults:
                    raise _field_invalid(faults) from error
                raise

        return validated

    def check(self, method: Method, message: Any) -> None:
        """Raises InvalidInput for a message that broke a rule, could not be read or is too large."""
        if isinstance(message, Oversized):
            description = f"is {message.size:,} bytes, the limit is {message.limit:,}: send it in smaller parts"
            raise invalid_field("request", description, reason="REQUEST_TOO_LARGE")
        if isinstance(message, Unreadable):
            description = f"cannot be read ({message.cause}); generate the client from this service's contract"
            raise invalid_field("request", description, reason="REQUEST_MALFORMED")
        if not method.role:
            return  # health and reflection have no rules of ours
        violations = breaches_of(message)
        if violations:
            raise _field_invalid(violations)


def _finish(span: trace.Span, code: grpc.StatusCode, details: str) -> None:
    if code in _SERVER_FAULTS:
        span.set_status(trace.StatusCode.ERROR, details or None)
    span.set_attributes(_OUTCOMES[code])
    span.end()


def _number(code: Any) -> int:
    """Returns the number of a status code; gRPC's asyncio server keeps the bare number, and 0 for none."""
    return code if isinstance(code, int) else (code.value[0] if code is not None else 0)


def _logged(method: Method, error: Exception) -> BallastError:
    """Logs what nobody foresaw, and returns what the caller may know of it."""
    error_id = uuid.uuid4().hex
    _log.exception("a call failed unexpectedly", error_id=error_id, method=method.full_name, exc_info=error)
    message = f"internal error {error_id}: it is in the server's log under this id"
    return BallastError(message, reason="INTERNAL", metadata={"error_id": error_id})


def _field_invalid(violations: Sequence[Violation]) -> InvalidInput:
    message = "; ".join(f"{each.field}: {each.description}" for each in violations[:5])
    return InvalidInput(message, violations, reason="FIELD_INVALID")
