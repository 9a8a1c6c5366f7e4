"""The RPCs of segments."""

from ballast.governance.v1 import segment_service_pb2 as pb
from ballast.governance.v1.segment_service_pb2_grpc import SegmentServiceServicer, add_SegmentServiceServicer_to_server

from services.governance.transport.ledger_convert import segment_to_pb
from services.governance.usecases.segments import Segments
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["SegmentService"], add_SegmentServiceServicer_to_server)


class SegmentServicer(SegmentServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, segments: Segments) -> None:
        self.database = database
        self._segments = segments

    @once(pb.SealSegmentResponse)
    async def SealSegment(self, request: pb.SealSegmentRequest, context: object) -> pb.SealSegmentResponse:
        segment = await self._segments.seal(request.last_sequence, request.reason, validate_only=request.validate_only)
        return pb.SealSegmentResponse(segment=segment_to_pb(segment))

    async def ListSegments(self, request: pb.ListSegmentsRequest, context: object) -> pb.ListSegmentsResponse:
        page = await self._segments.page(page_query(request.page_size, request.page_token, "ListSegments"))
        return pb.ListSegmentsResponse(segments=[segment_to_pb(each) for each in page.items], next_page_token=page.next_page_token)
