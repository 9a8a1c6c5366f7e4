"""Salvage: items of a batch that cannot be decoded leave the others as they were sent."""

import pytest
from ballast.intake.v1 import alert_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from shared.rpc.salvage import damage_of, salvaging

READ = salvaging(pb.ReportAlertsRequest.FromString, pb.ReportAlertsRequest.DESCRIPTOR, "reports")
GOOD = alert_pb2.AlertReport(labels={"component": "web", "alertname": "slow"}, annotations={"summary": "slow"}, key="k")


def request(*reports: bytes) -> bytes:
    """Returns the bytes of a request with these reports, told or not."""
    head = pb.ReportAlertsRequest(source="test").SerializeToString()
    return head + b"".join(bytes([3 << 3 | 2]) + _varint(len(each)) + each for each in reports)


def _varint(value: int) -> bytes:
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + _varint(value >> 7)


def spoiled(text: str) -> bytes:
    """Returns a good report of this key whose text is then made no UTF-8."""
    report = alert_pb2.AlertReport(labels={"component": "web"}, annotations={"summary": text})
    return report.SerializeToString().replace(text.encode(), b"\xff" * len(text))


def test_what_can_be_decoded_is_left_as_it_is() -> None:
    sent = pb.ReportAlertsRequest(source="test", reports=[GOOD, GOOD])
    read = READ(sent.SerializeToString())
    assert read == sent
    assert [damage_of(each) for each in read.reports] == [None, None]


def test_an_item_with_text_that_is_no_utf_8_alone_is_damaged_and_says_where() -> None:
    read = READ(request(GOOD.SerializeToString(), spoiled("latin"), GOOD.SerializeToString()))
    assert [damage_of(each) for each in read.reports] == [None, "annotations", None]
    assert (read.source, read.reports[0], read.reports[2]) == ("test", GOOD, GOOD)


def test_an_item_that_is_no_message_is_damaged_without_a_field() -> None:
    read = READ(request(b"\x0a\x7fshort", GOOD.SerializeToString()))
    assert [damage_of(each) for each in read.reports] == ["", None]


def test_a_batch_may_hold_nothing_but_damaged_items() -> None:
    assert [damage_of(each) for each in READ(request(spoiled("first"), spoiled("second"))).reports] == ["annotations"] * 2


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff",
        request(GOOD.SerializeToString())[:-1],
        b"\x12\x01\xff" + request(spoiled("first")),
        b"\x0b\x0c",
        b"\x1a\xff\xff\xff\xff\x7f",
    ],
    ids=["a tag cut short", "a report cut short", "a source that is no UTF-8", "a group", "a length beyond the end"],
)
def test_what_is_wrong_with_the_request_itself_cannot_be_salvaged(raw: bytes) -> None:
    if raw == b"\x0b\x0c":
        raw += request(spoiled("first"))
    with pytest.raises(DecodeError):
        READ(raw)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        read = READ(raw)
    except DecodeError:
        return
    assert all(damage_of(each) is None or not each.ListFields() for each in read.reports)


@given(st.lists(st.binary(max_size=60), max_size=5), st.integers(0, 5))
def test_whatever_lies_beside_it_a_good_item_is_read(others: list[bytes], place: int) -> None:
    reports = [*others[:place], GOOD.SerializeToString(), *others[place:]]
    read = READ(request(*reports))
    assert len(read.reports) == len(reports)
    assert read.reports[min(place, len(others))] == GOOD


def test_text_lies_at_any_depth_without_the_search_going_deeper_than_the_runtime_does() -> None:
    deep = b"\xff"
    for _ in range(2000):
        deep = bytes([2 << 3 | 2]) + _varint(len(deep)) + deep
    assert damage_of(READ(request(deep)).reports[0]) is not None
