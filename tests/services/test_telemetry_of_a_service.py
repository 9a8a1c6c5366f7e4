"""What a running service tells a collector of the calls it serves."""

from collections.abc import AsyncIterator

import pytest
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub

from services.intake.app import build
from services.intake.settings import IntakeSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import NotFound
from shared.telemetry import DURATION_BUCKETS_SECONDS
from shared.testing.otlp import OtlpReceiver
from tests.support.serving import serving

SERVICE = pb.DESCRIPTOR.services_by_name["IntakeService"]
LIST = "ballast.intake.v1.IntakeService/ListIncidents"
GET = "ballast.intake.v1.IntakeService/GetIncident"


@pytest.fixture(scope="module")
async def seen(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[OtlpReceiver]:
    """What arrived of one call that succeeds and one that fails, once the service has stopped."""
    async with OtlpReceiver() as receiver:
        settings = IntakeSettings(
            port=0, database_url=urls["intake"], cache_url=engines.cache_url, subscribers={}, otlp_endpoint=receiver.endpoint
        )
        async with serving(build(settings, clock), [SERVICE]) as served:
            stub = IntakeServiceStub(served.channel.grpc)
            await stub.ListIncidents(pb.ListIncidentsRequest())
            with pytest.raises(NotFound):
                await stub.GetIncident(pb.GetIncidentRequest(name="incidents/01990000-0000-7000-8000-000000000000"))
        yield receiver


async def test_a_call_is_a_server_span_named_after_its_method(seen: OtlpReceiver) -> None:
    (span,) = seen.spans(LIST)
    assert (span.service, span.kind, span.status) == ("intake", "SPAN_KIND_SERVER", "STATUS_CODE_UNSET")
    assert span.attributes["rpc.system.name"] == "grpc"
    assert span.attributes["rpc.method"] == LIST
    assert span.attributes["server.address"]
    assert "error.type" not in span.attributes


async def test_a_call_that_fails_names_its_error_type(seen: OtlpReceiver) -> None:
    (span,) = seen.spans(GET)
    assert span.attributes["error.type"] == "NOT_FOUND"


async def test_a_call_is_measured_in_seconds_in_buckets_that_fit(seen: OtlpReceiver) -> None:
    (listed,) = [each for each in seen.metrics("rpc.server.call.duration") if each.attributes["rpc.method"] == LIST]
    assert (listed.unit, listed.count) == ("s", 1)
    assert 0 < listed.value < 5
    assert listed.bounds == DURATION_BUCKETS_SECONDS
