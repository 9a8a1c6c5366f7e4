"""Reports that break a rule are refused one by one, by reason and field, and the good ones of their batch land."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import grpc
import pytest
from ballast.intake.v1 import alert_pb2, stream_pb2
from ballast.intake.v1 import intake_service_pb2 as pb

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput
from tests.conftest import START
from tests.support.intake import Intake, intake_serving, report
from tests.support.wire import call_with_bytes, info_of, plain_channel, status_of_error

PATH = "/ballast.intake.v1.IntakeService/"
WINDOW = timedelta(days=30)


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock, report_window_days=WINDOW.days) as running:
        yield running


def told(**changes: object) -> alert_pb2.AlertReport:
    """Builds a good report, but for what changes."""
    built = report("web", alertname=uuid.uuid4().hex)
    built.MergeFrom(alert_pb2.AlertReport(**changes))  # type: ignore[arg-type]
    return built


def at(**times: timedelta) -> alert_pb2.AlertReport:
    built = told()
    for name, after in times.items():
        getattr(built, name).FromDatetime(START + after)
    return built


BAD = {
    "no labels": (alert_pb2.AlertReport(key="k"), "FIELD_INVALID", "labels"),
    "65 labels": (told(labels={f"l{number}": "" for number in range(64)}), "FIELD_INVALID", "labels"),
    "a label's name of 129 bytes": (told(labels={"é" * 64 + "x": "v"}), "FIELD_INVALID", f'labels["{chr(92)}u00e9'),
    "a label's value of 1,025 bytes": (told(labels={"long": "x" * 1025}), "FIELD_INVALID", 'labels["long"]'),
    "an empty name of a label": (told(labels={"": "v"}), "FIELD_INVALID", 'labels[""]'),
    "33 annotations": (told(annotations={f"a{number}": "" for number in range(33)}), "FIELD_INVALID", "annotations"),
    "an annotation of 8,193 bytes": (told(annotations={"long": "x" * 8193}), "FIELD_INVALID", 'annotations["long"]'),
    "a key of 256 characters": (told(key="x" * 256), "FIELD_INVALID", "key"),
    "a URL of 2,049 characters": (told(generator_url="x" * 2049), "FIELD_INVALID", "generator_url"),
    "a NUL in a label": (told(labels={"nul": "\0"}), "FIELD_INVALID", 'labels["nul"]'),
    "a NUL in a label's name": (told(labels={"n\0l": "v"}), "FIELD_INVALID", "labels"),
    "a NUL in an annotation": (told(annotations={"nul": "\0"}), "FIELD_INVALID", 'annotations["nul"]'),
    "a NUL in the key": (told(key="\0"), "FIELD_INVALID", "key"),
    "a begin before the window": (at(starts_at=-WINDOW - timedelta(seconds=1)), "TIME_INVALID", "starts_at"),
    "a begin ahead of the clock": (at(starts_at=timedelta(seconds=601)), "TIME_INVALID", "starts_at"),
    "an end ahead of the clock": (at(ends_at=timedelta(seconds=601)), "TIME_INVALID", "ends_at"),
    "an end before its begin": (at(starts_at=timedelta(0), ends_at=-timedelta(seconds=1)), "TIME_INVALID", "ends_at"),
    "a bare end of what nobody told of": (
        alert_pb2.AlertReport(labels={"component": "unheard of"}, ends_at=at(ends_at=timedelta(0)).ends_at),
        "ALERT_UNKNOWN",
        "ends_at",
    ),
}
EDGES = {
    "64 labels": told(labels={f"l{number}": "" for number in range(62)}),
    "a label's name of 128 bytes": told(labels={"é" * 64: "v"}),
    "a label's value of 1,024 bytes": told(labels={"long": "é" * 512}),
    "an annotation of 8,192 bytes": told(annotations={"long": "x" * 8192}),
    "a begin at the beginning of the window": at(starts_at=-WINDOW),
    "a begin ten minutes ahead": at(starts_at=timedelta(minutes=10)),
    "an end at its begin": at(starts_at=timedelta(0), ends_at=timedelta(0)),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
async def test_a_bad_report_is_refused_alone_with_its_reason_and_field(intake: Intake, bad: tuple[alert_pb2.AlertReport, str, str]) -> None:
    spoiled, reason, field = bad
    first, refused, last = await intake.send(told(), spoiled, told())
    assert (first.outcome, last.outcome) == (alert_pb2.REPORT_OUTCOME_OPENED, alert_pb2.REPORT_OUTCOME_OPENED)
    assert (refused.outcome, refused.error.reason) == (alert_pb2.REPORT_OUTCOME_REFUSED, reason)
    assert refused.error.field.startswith(f"reports[1].{field}")
    assert (refused.alert, refused.incident) == ("", "")
    assert refused.error.description


@pytest.mark.parametrize("edge", EDGES.values(), ids=EDGES)
async def test_a_report_at_the_edge_of_what_may_be_is_taken(intake: Intake, edge: alert_pb2.AlertReport) -> None:
    receipt = (await intake.send(edge))[0]
    assert receipt.outcome != alert_pb2.REPORT_OUTCOME_REFUSED, receipt.error


async def test_a_label_set_let_through_before_does_not_let_bad_values_through(intake: Intake) -> None:
    await intake.send(told(labels={"long": "x"}, annotations={"a": "x"}))
    bad = [told(labels={"long": "x" * 1025}, annotations={"a": "x"}), told(labels={"long": "\0"}, annotations={"a": "x"})]
    receipts = await intake.send(told(), *bad)
    assert [each.error.field for each in receipts] == ["", 'reports[1].labels["long"]', 'reports[2].labels["long"]']


async def test_where_every_report_is_refused_so_is_the_call_naming_each(intake: Intake) -> None:
    with pytest.raises(InvalidInput) as error:
        await intake.send(told(labels={"": "v"}), at(starts_at=timedelta(hours=1)))
    assert error.value.reason == "REPORT_REFUSED"
    assert [each.field for each in error.value.violations] == ['reports[0].labels[""]', "reports[1].starts_at"]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.ReportAlertsRequest(reports=[told()]), "source"),
        (pb.ReportAlertsRequest(source="x" * 129, reports=[told()]), "source"),
        (pb.ReportAlertsRequest(source="test", reports=[told() for _ in range(1001)]), "reports"),
        (pb.ReportAlertsRequest(source="test"), "reports"),
        (pb.ReportAlertsRequest(source="test", request_id="no UUID", reports=[told()]), "request_id"),
    ],
    ids=["no source", "a long source", "1,001 reports", "no reports", "an id that is no UUID"],
)
async def test_what_is_wrong_with_the_batch_refuses_it_as_a_whole(intake: Intake, request_: pb.ReportAlertsRequest, field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        await intake.rpc.ReportAlerts(request_)
    assert (error.value.reason, [each.field for each in error.value.violations]) == ("FIELD_INVALID", [field])


async def test_a_request_id_with_another_body_is_refused_and_nothing_is_taken(intake: Intake) -> None:
    first, other = told(), report("another body", alertname=uuid.uuid4().hex)
    request_id = str(uuid.uuid4())
    await intake.rpc.ReportAlerts(pb.ReportAlertsRequest(request_id=request_id, source="test", reports=[first]))
    with pytest.raises(InvalidInput) as error:
        await intake.rpc.ReportAlerts(pb.ReportAlertsRequest(request_id=request_id, source="test", reports=[other]))
    assert error.value.reason == "REQUEST_ID_REUSED"
    found = await intake.rpc.ListIncidents(pb.ListIncidentsRequest(filter=pb.IncidentFilter(components=["another body"])))
    assert not found.incidents


def latin(text: str) -> bytes:
    """Returns the bytes of a good report whose annotation is in Latin-1."""
    built = told(annotations={"summary": text})
    return built.SerializeToString().replace(text.encode(), text.encode("latin-1").ljust(len(text.encode()), b" "))


def spoiled_batch(**head: str) -> bytes:
    """Returns the bytes of a batch of a good report, one in Latin-1, one that is no report, and a good one."""
    reports = [told().SerializeToString(), latin("Störung"), b"\xff\xff", told().SerializeToString()]
    number = pb.ReportAlertsRequest.DESCRIPTOR.fields_by_name["reports"].number
    assert all(len(each) < 2**14 for each in reports)
    body = b"".join(bytes([number << 3 | 2, len(each) & 127 | 128, len(each) >> 7]) + each for each in reports)
    return pb.ReportAlertsRequest(**head).SerializeToString() + body  # type: ignore[arg-type]


def summary(receipts: list[alert_pb2.AlertReceipt]) -> list[tuple[str, str, str]]:
    return [
        (alert_pb2.ReportOutcome.Name(each.outcome).removeprefix("REPORT_OUTCOME_"), each.error.reason, each.error.field)
        for each in receipts
    ]


SALVAGED = [
    ("OPENED", "", ""),
    ("REFUSED", "TEXT_INVALID", "reports[1].annotations"),
    ("REFUSED", "REPORT_MALFORMED", "reports[2]"),
    ("OPENED", "", ""),
]


async def test_text_that_is_no_utf_8_is_refused_for_its_report_alone(intake: Intake) -> None:
    async with plain_channel(intake.address) as channel:
        answer = await call_with_bytes(channel, PATH + "ReportAlerts", spoiled_batch(source="latin"))
    assert summary(list(pb.ReportAlertsResponse.FromString(answer).receipts)) == SALVAGED


async def test_in_a_stream_too_only_the_report_that_cannot_be_read_is_refused(intake: Intake) -> None:
    number = stream_pb2.StreamAlertsRequest.DESCRIPTOR.fields_by_name["reports"].number
    reports = [told().SerializeToString(), latin("Störung"), b"\xff\xff", told().SerializeToString()]
    body = b"".join(bytes([number << 3 | 2, len(each) & 127 | 128, len(each) >> 7]) + each for each in reports)
    first = stream_pb2.StreamAlertsRequest(source="latin", sequence=1).SerializeToString() + body
    second = stream_pb2.StreamAlertsRequest(sequence=2, reports=[told()]).SerializeToString()
    async with plain_channel(intake.address) as channel:
        call = channel.stream_stream(PATH + "StreamAlerts", None, None)(iter([first, second]))
        answers = [stream_pb2.StreamAlertsResponse.FromString(each) async for each in call]
    assert [each.sequence for each in answers] == [1, 2]
    assert summary(list(answers[0].receipts)) == SALVAGED


async def test_where_no_report_can_be_read_the_call_says_why_for_each(intake: Intake) -> None:
    number = pb.ReportAlertsRequest.DESCRIPTOR.fields_by_name["reports"].number
    body = pb.ReportAlertsRequest(source="latin").SerializeToString() + bytes([number << 3 | 2, 2]) + b"\xff\xff"
    async with plain_channel(intake.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call_with_bytes(channel, PATH + "ReportAlerts", body)
    assert (error.value.code(), info_of(error.value).reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REPORT_REFUSED")
    assert "reports[0]" in status_of_error(error.value).message


async def test_a_source_that_is_no_utf_8_refuses_the_batch(intake: Intake) -> None:
    body = b"\x12\x02\xff\xff" + spoiled_batch()
    async with plain_channel(intake.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call_with_bytes(channel, PATH + "ReportAlerts", body)
    assert info_of(error.value).reason == "REQUEST_MALFORMED"


@pytest.mark.parametrize(
    ("first", "reason", "field"),
    [
        (stream_pb2.StreamAlertsRequest(sequence=1, reports=[told()]), "SOURCE_MISSING", "source"),
        (stream_pb2.StreamAlertsRequest(source="\0", sequence=1, reports=[told()]), "FIELD_INVALID", "source"),
        (stream_pb2.StreamAlertsRequest(source="test", stream_id="no UUID"), "FIELD_INVALID", "stream_id"),
        (stream_pb2.StreamAlertsRequest(source="test", reports=[told()]), "SEQUENCE_INVALID", "sequence"),
    ],
    ids=["no source", "a NUL in the source", "an id that is no UUID", "no sequence"],
)
async def test_a_stream_that_begins_wrong_is_refused(
    intake: Intake, first: stream_pb2.StreamAlertsRequest, reason: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        async for _ in intake.rpc.StreamAlerts(iter([first])):
            pass
    assert (error.value.reason, [each.field for each in error.value.violations]) == (reason, [field])
