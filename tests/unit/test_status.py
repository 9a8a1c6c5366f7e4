"""Errors to gRPC status and back: what leaves as a class comes out as the same class, with all it carried."""

from datetime import timedelta

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from hypothesis import given
from hypothesis import strategies as st

from shared import errors
from shared.errors import BallastError, Violation
from shared.rpc.status import DETAILS_KEY, KINDS, code_of, error_from, status_of

CODES = {
    errors.InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.Conflict: grpc.StatusCode.ABORTED,
    errors.PreconditionFailed: grpc.StatusCode.FAILED_PRECONDITION,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    errors.Exhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
}
WORDS = st.text(max_size=9)


class ShelfFull(errors.PreconditionFailed):
    reason = "SHELF_FULL"


def rpc_error(code: grpc.StatusCode, message: str | None = None, details: bytes | None = None) -> grpc.aio.AioRpcError:
    trailing = grpc.aio.Metadata() if details is None else grpc.aio.Metadata((DETAILS_KEY, details))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details=message, debug_error_string=None)


def over_the_wire(error: BallastError) -> BallastError:
    """Returns what a client makes of the error that a server raised."""
    status = status_of(error, "test.ballast")
    return error_from(rpc_error(code_of(error), status.message, status.SerializeToString()))


def detail(error: BallastError, kind: type[Message]) -> Message | None:
    for packed in status_of(error, "test.ballast").details:
        if packed.Is(kind.DESCRIPTOR):
            found = kind()
            packed.Unpack(found)
            return found
    return None


def test_the_table_holds_every_kind() -> None:
    assert dict(KINDS) == CODES


@pytest.mark.parametrize("kind", CODES, ids=lambda kind: kind.__name__)
def test_every_kind_has_its_own_code(kind: type[BallastError]) -> None:
    assert code_of(kind("it happened")) is CODES[kind]
    assert status_of(kind("it happened"), "test.ballast").code == CODES[kind].value[0]


@pytest.mark.parametrize("kind", CODES, ids=lambda kind: kind.__name__)
def test_every_kind_comes_back_as_the_same_class(kind: type[BallastError]) -> None:
    back = over_the_wire(kind("it happened", reason="THIS_HAPPENED", metadata={"name": "things/1"}))
    assert type(back) is kind
    assert (back.message, back.reason, back.metadata) == ("it happened", "THIS_HAPPENED", {"name": "things/1"})


@pytest.mark.parametrize("kind", [*CODES, BallastError], ids=lambda kind: kind.__name__)
def test_every_status_says_its_reason_and_who_raised_it(kind: type[BallastError]) -> None:
    info = detail(kind("it happened", metadata={"name": "things/1"}), error_details_pb2.ErrorInfo)
    assert info == error_details_pb2.ErrorInfo(reason=kind.reason, domain="test.ballast", metadata={"name": "things/1"})


def test_an_error_that_is_no_kind_is_internal() -> None:
    assert code_of(BallastError("odd")) is grpc.StatusCode.INTERNAL
    assert type(over_the_wire(BallastError("odd", reason="INTERNAL"))) is BallastError


def test_a_services_own_error_comes_back_as_its_kind_with_its_reason() -> None:
    back = over_the_wire(ShelfFull("shelves/1 is full"))
    assert type(back) is errors.PreconditionFailed
    assert back.reason == "SHELF_FULL"


def test_violations_travel_in_their_order() -> None:
    sent = [Violation("reports[3].labels", "must have at least 1 pair"), Violation("source", "must not be empty")]
    back = over_the_wire(errors.InvalidInput("two fields", sent))
    assert isinstance(back, errors.InvalidInput)
    assert list(back.violations) == sent


@pytest.mark.parametrize("kind", [errors.Exhausted, errors.Unavailable])
def test_the_time_to_wait_travels(kind: type[errors.Exhausted]) -> None:
    back = over_the_wire(kind("busy", retry_after=timedelta(seconds=2.5)))
    assert isinstance(back, kind)
    assert back.retry_after == timedelta(seconds=2.5)
    assert detail(kind("busy", retry_after=timedelta(seconds=2.5)), error_details_pb2.RetryInfo) is not None


def test_a_precondition_names_what_stands_in_the_way() -> None:
    failure = detail(ShelfFull("shelves/1 is full", metadata={"name": "shelves/1"}), error_details_pb2.PreconditionFailure)
    violation = error_details_pb2.PreconditionFailure.Violation(type="SHELF_FULL", subject="shelves/1", description="shelves/1 is full")
    assert failure == error_details_pb2.PreconditionFailure(violations=[violation])


@pytest.mark.parametrize("kind", CODES, ids=lambda kind: kind.__name__)
def test_a_status_without_details_becomes_the_nearest_kind(kind: type[BallastError]) -> None:
    back = error_from(rpc_error(CODES[kind], "said by a proxy"))
    assert type(back) is kind
    assert (back.message, back.reason) == ("said by a proxy", kind.reason)


def test_a_code_of_no_kind_without_details_is_still_one_of_our_errors() -> None:
    back = error_from(rpc_error(grpc.StatusCode.UNIMPLEMENTED))
    assert type(back) is BallastError
    assert "UNIMPLEMENTED" in back.message


def test_details_that_cannot_be_read_are_left_out() -> None:
    back = error_from(rpc_error(grpc.StatusCode.NOT_FOUND, "gone", b"\xff\xff no status"))
    assert type(back) is errors.NotFound


def test_a_thousand_violations_fit_in_what_a_client_accepts() -> None:
    """gRPC drops a call's whole status when it is larger than 8 KiB: a long list is cut, and says so."""
    violations = [Violation(f"reports[{index}].labels", "must have at least 1 pair (rule map.min_pairs)") for index in range(1000)]
    error = errors.InvalidInput("; ".join(each.description for each in violations), violations)
    status = status_of(error, "test.ballast")
    assert len(status.SerializeToString()) <= 4096
    back = over_the_wire(error)
    assert isinstance(back, errors.InvalidInput)
    assert back.violations[0] == violations[0]
    left_out = 1000 - (len(back.violations) - 1)
    assert back.violations[-1] == Violation("", f"and {left_out} more; mend these first")


def test_a_long_message_is_cut_between_characters() -> None:
    back = over_the_wire(errors.NotFound("ü" * 5000))
    assert back.message.startswith("üüü")
    assert back.message.endswith("ü…")
    assert len(back.message.encode()) <= 1024


@given(
    st.text(min_size=1, max_size=50), st.dictionaries(WORDS, WORDS, max_size=3), st.lists(st.builds(Violation, WORDS, WORDS), max_size=4)
)
def test_whatever_an_error_says_travels(message: str, metadata: dict[str, str], violations: list[Violation]) -> None:
    back = over_the_wire(errors.InvalidInput(message, violations, metadata=metadata))
    assert isinstance(back, errors.InvalidInput)
    assert (back.message, back.metadata, list(back.violations)) == (message, metadata, violations)
