"""What a client sees of a refusal: the same class, its reason, every field at fault; and of a failure: an id that is in the log."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from ballast.intake.v1 import alert_pb2, incident_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from structlog.testing import capture_logs

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import BallastError, Exhausted, InvalidInput, NotFound, PreconditionFailed, Unavailable
from shared.storage.database import connect_raw
from tests.support.intake import Intake, intake_serving, report
from tests.support.wire import call_with_bytes, info_of, plain_channel, status_of_error

MEGABYTE = 1024 * 1024
REPORT = "/ballast.intake.v1.IntakeService/ReportAlerts"


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


@pytest.fixture
async def plain(intake: Intake) -> AsyncIterator[grpc.aio.Channel]:
    async with plain_channel(intake.address) as channel:
        yield channel


def of_size(size: int) -> pb.ReportAlertsRequest:
    """Builds a request of a little more than `size` bytes that breaks no other rule."""
    reports = [alert_pb2.AlertReport(labels={"n": str(n)}, annotations={"text": "x" * 8000}) for n in range(size // 8000 + 1)]
    return pb.ReportAlertsRequest(source="big", reports=reports)


async def refused(call: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as error:
        await call
    return error.value


async def test_an_unknown_incident_is_not_found_by_name_with_a_reason(intake: Intake) -> None:
    name = f"incidents/{uuid.uuid4()}"
    with pytest.raises(NotFound, match="list incidents to find its name") as error:
        await intake.rpc.GetIncident(pb.GetIncidentRequest(name=name))
    assert (error.value.reason, error.value.metadata) == ("INCIDENT_NOT_FOUND", {"name": name})


async def test_a_state_that_stands_in_the_way_is_told_with_its_data(intake: Intake) -> None:
    name = await intake.open()
    with pytest.raises(PreconditionFailed) as error:
        await intake.rpc.ResolveIncident(pb.ResolveIncidentRequest(name=name))
    assert (error.value.reason, error.value.metadata) == ("ALERTS_FIRING", {"name": name, "firing_count": "1"})


async def test_every_field_at_fault_is_named_with_its_path(intake: Intake) -> None:
    chosen = pb.IncidentFilter(states=[incident_pb2.INCIDENT_STATE_UNSPECIFIED], components=["x"] * 101)
    error = await refused(intake.rpc.ListIncidents(pb.ListIncidentsRequest(filter=chosen, page_size=-1, order_by="o" * 65)))
    assert error.reason == "FIELD_INVALID"
    found = {each.field: each.description for each in error.violations}
    assert set(found) == {"filter.states[0]", "filter.components", "page_size", "order_by"}
    assert "100" in found["filter.components"]
    assert "filter.components" in error.message


async def test_a_thousand_faults_are_told_as_far_as_a_client_can_take_them(intake: Intake) -> None:
    error = await refused(intake.rpc.ReportAlerts(pb.ReportAlertsRequest(source="test", reports=[alert_pb2.AlertReport()] * 1000)))
    assert (error.reason, error.violations[0].field) == ("REPORT_REFUSED", "reports[0].labels")
    assert error.violations[-1].description.endswith("more; mend these first")


async def test_a_map_is_named_with_the_key_at_fault(intake: Intake) -> None:
    request = pb.ReportAlertsRequest(source="test", reports=[alert_pb2.AlertReport(labels={"a": "x" * 1025})])
    (violation,) = (await refused(intake.rpc.ReportAlerts(request))).violations
    assert violation.field == 'reports[0].labels["a"]'


@pytest.mark.parametrize("megabytes", [5, 10])
async def test_a_message_over_the_limit_is_refused_with_size_limit_and_remedy(intake: Intake, megabytes: int) -> None:
    request = of_size(megabytes * MEGABYTE)
    error = await refused(intake.rpc.ReportAlerts(request))
    assert error.reason == "REQUEST_TOO_LARGE"
    said = f"is {request.ByteSize():,} bytes, the limit is 4,194,304: send it in smaller parts"
    assert [(each.field, each.description) for each in error.violations] == [("request", said)]


async def test_any_grpc_client_can_read_why_a_message_is_refused(plain: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await IntakeServiceStub(plain).ReportAlerts(of_size(5 * MEGABYTE))
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "the limit is 4,194,304: send it in smaller parts" in str(error.value.details())
    info, bad = info_of(error.value), error_details_pb2.BadRequest()
    assert status_of_error(error.value).details[1].Unpack(bad)
    assert (info.reason, info.domain, bad.field_violations[0].field) == ("REQUEST_TOO_LARGE", "intake.ballast", "request")


async def test_a_message_that_not_even_the_refusal_would_be_worth_reading_is_refused_by_grpc(
    plain: grpc.aio.Channel, intake: Intake
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call_with_bytes(plain, REPORT, b"\0" * (33 * MEGABYTE))
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "33554432" in str(error.value.details())
    with pytest.raises(Exhausted):
        await intake.rpc.ReportAlerts(of_size(33 * MEGABYTE))


async def test_a_large_message_below_the_limit_is_taken(intake: Intake) -> None:
    assert len((await intake.rpc.ReportAlerts(of_size(3 * MEGABYTE))).receipts) > 300


async def test_bytes_that_are_no_message_are_refused_as_such(plain: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call_with_bytes(plain, REPORT, b"\xff\xff\xff")
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "cannot be read (Error parsing message" in str(error.value.details())


async def test_a_malformed_page_token_is_refused(intake: Intake) -> None:
    error = await refused(intake.rpc.ListIncidents(pb.ListIncidentsRequest(page_token="what?")))
    assert error.reason == "PAGE_TOKEN_INVALID"
    assert error.violations[0].field == "page_token"


async def test_a_page_token_of_another_list_is_refused(intake: Intake) -> None:
    await asyncio.gather(intake.open(), intake.open())
    token = (await intake.rpc.ListIncidents(pb.ListIncidentsRequest(page_size=1))).next_page_token
    assert token
    for other in (
        intake.rpc.ListIncidents(pb.ListIncidentsRequest(page_size=1, page_token=token, order_by="alert_count")),
        intake.rpc.ListIncidents(pb.ListIncidentsRequest(page_token=token, filter=pb.IncidentFilter(components=["web"]))),
        intake.rpc.ListAlerts(pb.ListAlertsRequest(page_token=token)),
    ):
        assert "belongs to another query" in (await refused(other)).message


async def test_an_unknown_rpc_is_told_as_unimplemented(plain: grpc.aio.Channel) -> None:
    for path in ("/ballast.intake.v1.IntakeService/Guess", "/ballast.guess.v1.GuessService/Guess"):
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call_with_bytes(plain, path, b"")
        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    "name", ["incidents/------------------------------------", "incidents/7", "alerts/0199", "", "incidents/" + "0" * 36]
)
async def test_a_name_that_cannot_exist_is_refused_by_its_field(intake: Intake, name: str) -> None:
    error = await refused(intake.rpc.GetIncident(pb.GetIncidentRequest(name=name)))
    assert (error.reason, [each.field for each in error.violations]) == ("FIELD_INVALID", ["name"])


@pytest.mark.parametrize(
    "time", [Timestamp(seconds=10**15), Timestamp(seconds=-(10**15)), Timestamp(nanos=-1), Timestamp(nanos=10**9)], ids=str
)
async def test_a_time_that_does_not_exist_is_refused_by_its_field(intake: Intake, time: Timestamp) -> None:
    reports = [report("when"), alert_pb2.AlertReport(labels={"component": "when"}, starts_at=time)]
    receipts = (await intake.rpc.ReportAlerts(pb.ReportAlertsRequest(source="test", reports=reports))).receipts
    assert [each.error.field for each in receipts] == ["", "reports[1].starts_at"]
    error = await refused(intake.rpc.ListIncidents(pb.ListIncidentsRequest(filter=pb.IncidentFilter(opened_from=time))))
    assert [each.field for each in error.violations] == ["filter.opened_from"]


async def test_text_that_cannot_be_stored_is_refused_by_its_field(intake: Intake) -> None:
    name = await intake.open()
    nul = "a\0b"
    for call, field in (
        (intake.rpc.ReportAlerts(pb.ReportAlertsRequest(source=nul, reports=[report("nul")])), "source"),
        (
            intake.rpc.ReportAlerts(pb.ReportAlertsRequest(source="test", reports=[alert_pb2.AlertReport(labels={"a": nul})])),
            'reports[0].labels["a"]',
        ),
        (intake.rpc.AddTimelineEntry(pb.AddTimelineEntryRequest(incident=name, text=nul)), "text"),
        (intake.rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=name, note=nul)), "note"),
        (intake.rpc.ListIncidents(pb.ListIncidentsRequest(filter=pb.IncidentFilter(components=["x", nul]))), "filter.components[1]"),
    ):
        error = await refused(call)
        assert error.violations[0].field == field
        assert "NUL" in error.violations[0].description


async def test_what_fails_unexpectedly_is_told_as_an_id_that_is_found_in_the_log(intake: Intake, urls: dict[str, str]) -> None:
    connection = await connect_raw(urls["intake"], "intake")
    await connection.execute("alter table incident rename to mislaid")
    try:
        with capture_logs() as logs, pytest.raises(BallastError) as error:
            await intake.rpc.ListIncidents(pb.ListIncidentsRequest())
    finally:
        await connection.execute("alter table mislaid rename to incident")
        await connection.close()
    assert error.value.reason == "INTERNAL"
    assert "relation" not in error.value.message
    (entry,) = [each for each in logs if each["event"] == "a call failed unexpectedly"]
    assert entry["error_id"] == error.value.metadata["error_id"]
    assert entry["error_id"] in error.value.message
    assert entry["method"] == "ballast.intake.v1.IntakeService/ListIncidents"


async def test_a_database_that_is_away_is_told_as_such_and_calls_go_on_when_it_is_back(
    intake: Intake, urls: dict[str, str], engines: Engines
) -> None:
    admin = await connect_raw(engines.database_url, "public")
    name = urls["intake"].partition("?")[0].rpartition("/")[2]
    try:
        await admin.execute(f'alter database "{name}" with allow_connections false')
        await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
        with pytest.raises(Unavailable) as error:
            await intake.rpc.ListIncidents(pb.ListIncidentsRequest())
        assert error.value.reason == "DATABASE_UNAVAILABLE"
    finally:
        await admin.execute(f'alter database "{name}" with allow_connections true')
        await admin.close()
    await intake.rpc.ListIncidents(pb.ListIncidentsRequest())
