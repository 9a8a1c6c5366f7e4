"""Errors to gRPC status and back, by one table: what leaves a server as a class comes out of the client as the same class."""

from collections.abc import Sequence
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status

from shared import errors

DETAILS_KEY = "grpc-status-details-bin"
# A client drops the whole status of a call whose trailers exceed 8 KiB. The message travels twice, once of it percent-encoded (a
# byte may become three), and the details as base64.
_LARGEST_MESSAGE_BYTES = 1024
_LARGEST_VIOLATIONS_BYTES = 2048
_LARGEST_DESCRIPTION_BYTES = 512

# In the order tried: a subclass before its parent.
KINDS: tuple[tuple[type[errors.BallastError], grpc.StatusCode], ...] = (
    (errors.InvalidInput, grpc.StatusCode.INVALID_ARGUMENT),
    (errors.NotFound, grpc.StatusCode.NOT_FOUND),
    (errors.AlreadyExists, grpc.StatusCode.ALREADY_EXISTS),
    (errors.Conflict, grpc.StatusCode.ABORTED),
    (errors.PreconditionFailed, grpc.StatusCode.FAILED_PRECONDITION),
    (errors.Unauthenticated, grpc.StatusCode.UNAUTHENTICATED),
    (errors.PermissionDenied, grpc.StatusCode.PERMISSION_DENIED),
    (errors.Unavailable, grpc.StatusCode.UNAVAILABLE),
    (errors.Exhausted, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (errors.DeadlineExceeded, grpc.StatusCode.DEADLINE_EXCEEDED),
)


def code_of(error: errors.BallastError) -> grpc.StatusCode:
    return next((code for kind, code in KINDS if isinstance(error, kind)), grpc.StatusCode.INTERNAL)


def sole_error(error: BaseException) -> errors.BallastError | None:
    """Returns the error of ours that is all there is in a group, as when one of a handler's tasks refuses what it reads."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error if isinstance(error, errors.BallastError) else None


def status_of(error: errors.BallastError, domain: str) -> Status:
    """Returns the status with its details (AIP-193): ErrorInfo always, and what the kind of error adds."""
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=error.reason, domain=domain, metadata=error.metadata)]
    if isinstance(error, errors.InvalidInput) and error.violations:
        details.append(error_details_pb2.BadRequest(field_violations=_fitting(error.violations)))
    if isinstance(error, errors.PreconditionFailed):
        failure = error_details_pb2.PreconditionFailure.Violation(
            type=error.reason, subject=error.metadata.get("name", ""), description=_cut(error.message, _LARGEST_DESCRIPTION_BYTES)
        )
        details.append(error_details_pb2.PreconditionFailure(violations=[failure]))
    if isinstance(error, errors.Exhausted):
        delay = Duration()
        delay.FromTimedelta(error.retry_after)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    message = _cut(error.message, _LARGEST_MESSAGE_BYTES)
    return Status(code=code_of(error).value[0], message=message, details=[_packed(detail) for detail in details])


def error_from(rpc_error: grpc.aio.AioRpcError) -> errors.BallastError:
    """Rebuilds the error a server raised; where the server gave no details, the nearest kind by status code."""
    kind = next((kind for kind, code in KINDS if code is rpc_error.code()), errors.BallastError)
    message = rpc_error.details() or str(rpc_error.code())
    info, arguments = None, dict[str, Any]()
    for detail in _details(rpc_error):
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo.FromString(detail.value)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR) and issubclass(kind, errors.InvalidInput):
            bad = error_details_pb2.BadRequest.FromString(detail.value)
            arguments["violations"] = [errors.Violation(each.field, each.description) for each in bad.field_violations]
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR) and issubclass(kind, errors.Exhausted):
            arguments["retry_after"] = error_details_pb2.RetryInfo.FromString(detail.value).retry_delay.ToTimedelta()
    if info is not None:
        arguments |= {"reason": info.reason, "metadata": dict(info.metadata)}
    return kind(message, **arguments)


def _details(rpc_error: grpc.aio.AioRpcError) -> list[AnyMessage]:
    metadata: Any = rpc_error.trailing_metadata() or ()
    for key, value in metadata:
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return list(Status.FromString(value).details)
            except DecodeError:
                return []  # not ours: something between us and the server wrote it
    return []


def _fitting(violations: Sequence[errors.Violation]) -> list[error_details_pb2.BadRequest.FieldViolation]:
    """Returns as many violations as fit; when some do not, one of no field follows and says how many they are."""
    kept: list[error_details_pb2.BadRequest.FieldViolation] = []
    room = _LARGEST_VIOLATIONS_BYTES
    for index, violation in enumerate(violations):
        description = _cut(violation.description, _LARGEST_DESCRIPTION_BYTES)
        room -= len(violation.field.encode()) + len(description.encode()) + 8
        if room < 0:
            # Of no field: each of those left out has a fault of its own, which this would seem to be.
            rest = f"and {len(violations) - index} more; mend these first"
            return [*kept, error_details_pb2.BadRequest.FieldViolation(description=rest)]
        kept.append(error_details_pb2.BadRequest.FieldViolation(field=violation.field, description=description))
    return kept


def _cut(text: str, most_bytes: int) -> str:
    encoded = text.encode()
    return text if len(encoded) <= most_bytes else encoded[: most_bytes - 3].decode(errors="ignore") + "…"


def _packed(detail: Message) -> AnyMessage:
    wrapped = AnyMessage()
    wrapped.Pack(detail)
    return wrapped
