"""The RPC that takes what was counted."""

from ballast.triage.v1 import sli_service_pb2 as pb
from ballast.triage.v1.sli_service_pb2_grpc import SliServiceServicer as Contract
from ballast.triage.v1.sli_service_pb2_grpc import add_SliServiceServicer_to_server

from services.triage.domain.sli_series import Refusal, Sample
from services.triage.usecases.budgets import Samples
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.rpc.shape import item_breaches_of
from shared.rpc.wellknown import time_from_pb
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["SliService"], add_SliServiceServicer_to_server)


class SliServicer(Contract):
    """Parses, calls, answers."""

    def __init__(self, database: Database, samples: Samples) -> None:
        self.database = database
        self._samples = samples

    @once(pb.RecordSliResponse, counted=True)
    async def RecordSli(self, request: pb.RecordSliRequest, context: object) -> pb.RecordSliResponse:
        refusals = await self._samples.record([sample_from_pb(each) for each in request.samples])
        errors = [refusal_to_pb(place, each) for place, each in enumerate(refusals) if each]
        return pb.RecordSliResponse(accepted_count=len(refusals) - len(errors), errors=errors)


def sample_from_pb(sample: pb.SliSample) -> Sample | Refusal:
    """Reads a sample, or says which shape rule it breaks."""
    if broken := item_breaches_of(sample, "sample"):
        return Refusal("FIELD_INVALID", broken[0].field.removeprefix("sample").lstrip("."), broken[0].description)
    at = time_from_pb(sample, "occurred_at")
    assert at is not None  # the shape rule asks for it
    return Sample(sample.slo, sample.source, at, sample.good, sample.total, sample.reset)


def refusal_to_pb(place: int, refusal: Refusal) -> pb.SampleError:
    field = f"samples[{place}].{refusal.field}" if refusal.field else f"samples[{place}]"
    return pb.SampleError(index=place, reason=refusal.reason, field=field, description=refusal.description)
