"""A method that reads plain dictionaries is refused and answered as any other."""

from collections.abc import AsyncIterator

import grpc
import pytest
from ballast.intake.v1 import alert_pb2, intake_service_pb
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceServicer, IntakeServiceStub, add_IntakeServiceServicer_to_server

from shared.errors import InvalidInput
from shared.rpc.client import Channel, connect
from shared.rpc.native import reads
from shared.rpc.server import GrpcService, Server
from shared.settings import ServiceSettings
from shared.telemetry import setup
from tests.support.wire import call_with_bytes, info_of

PATH = "/ballast.intake.v1.IntakeService/ReportAlerts"
SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["IntakeService"], add_IntakeServiceServicer_to_server)


class Reading(IntakeServiceServicer):
    """Answers with the labels it read as fingerprints."""

    @reads(intake_service_pb.ReportAlertsRequest)
    async def ReportAlerts(self, request: intake_service_pb.ReportAlertsRequest, context: object) -> pb.ReportAlertsResponse:  # type: ignore[override]  # what `reads` is for
        if "\0" in request.source:
            raise ValueError("no store keeps this")
        receipts = [
            alert_pb2.AlertReceipt(fingerprint=f"{type(each.labels).__name__} {sorted(each.labels.items())}") for each in request.reports
        ]
        return pb.ReportAlertsResponse(receipts=receipts)


@pytest.fixture
async def channel() -> AsyncIterator[Channel]:
    server = Server("test", ServiceSettings(), setup("test"))
    server.add(SERVICE, Reading())  # type: ignore[abstract]  # it answers only what these tests call
    await server.start()
    await server.set_ready(ready=True)
    channel = connect(server.address)
    yield channel
    await channel.close()
    await server.stop()


def request(source: str = "test", **labels: str) -> pb.ReportAlertsRequest:
    return pb.ReportAlertsRequest(source=source, reports=[alert_pb2.AlertReport(labels=labels)])


async def test_a_method_gets_its_request_as_it_asked_for(channel: Channel) -> None:
    answer = await IntakeServiceStub(channel.grpc).ReportAlerts(request(b="2", a="1"))
    assert [each.fingerprint for each in answer.receipts] == ["dict [('a', '1'), ('b', '2')]"]


async def test_a_broken_rule_is_refused_with_its_field(channel: Channel) -> None:
    with pytest.raises(InvalidInput) as error:
        await IntakeServiceStub(channel.grpc).ReportAlerts(request("s" * 129, a="b"))
    assert error.value.reason == "FIELD_INVALID"
    assert [each.field for each in error.value.violations] == ["source"]


async def test_a_value_that_no_store_keeps_is_refused_with_its_field(channel: Channel) -> None:
    with pytest.raises(InvalidInput) as error:
        await IntakeServiceStub(channel.grpc).ReportAlerts(request("a\0b", a="b"))
    assert [each.field for each in error.value.violations] == ["source"]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"\x0a\xff", id="cut short"),
        pytest.param(b"\x12\x02\xff\xfe", id="not UTF-8"),
        pytest.param(b"\x8b\x06" * 100_000, id="too deep"),
    ],
)
async def test_bytes_that_are_no_message_are_refused_as_malformed(channel: Channel, raw: bytes) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        async with grpc.aio.insecure_channel(channel.target) as plain:
            await call_with_bytes(plain, PATH, raw)
    assert info_of(error.value).reason == "REQUEST_MALFORMED"
