"""The RPCs of lineage but for the walk."""

from ballast.governance.v1 import impact_pb2
from ballast.governance.v1 import lineage_service_pb2 as pb
from ballast.governance.v1.lineage_service_pb2_grpc import LineageServiceServicer, add_LineageServiceServicer_to_server

from services.governance.transport import lineage_convert as convert
from services.governance.transport.cd_documents import arrival_from_document
from services.governance.transport.convert import edge_to_pb, lineage_query_from_pb
from services.governance.transport.events import drawing_of_payload
from services.governance.transport.facts import fact_from_payload
from services.governance.usecases.lineage_parts import LineageParts, Readers
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["LineageService"], add_LineageServiceServicer_to_server)
READERS = Readers(drawing_of_payload, fact_from_payload, arrival_from_document, convert.correction_record)


class LineageServicer(LineageServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, parts: LineageParts) -> None:
        self.database = database
        self._parts = parts

    async def GetImpact(self, request: impact_pb2.GetImpactRequest, context: object) -> impact_pb2.GetImpactResponse:
        return convert.impact_to_pb(await self._parts.impact(request.decision))

    async def ExplainLink(self, request: pb.ExplainLinkRequest, context: object) -> pb.ExplainLinkResponse:
        link = convert.link_from_pb(request)
        return convert.explanation_to_pb(
            await self._parts.explain(link, page_query(request.page_size, request.page_token, "ExplainLink", link))
        )

    @once(pb.CorrectLinkResponse)
    async def CorrectLink(self, request: pb.CorrectLinkRequest, context: object) -> pb.CorrectLinkResponse:
        correction = convert.correction_from_pb(request)
        found = await self._parts.correct(correction, request.reason, validate_only=request.validate_only)
        return pb.CorrectLinkResponse(link=edge_to_pb(found))

    async def ListPendingLinks(self, request: pb.ListPendingLinksRequest, context: object) -> pb.ListPendingLinksResponse:
        least_age = request.least_age.ToTimedelta()
        paging = page_query(request.page_size, request.page_token, "ListPendingLinks", least_age)
        return convert.pending_to_pb(*await self._parts.pending(least_age, paging))

    @once(pb.LinkEventsResponse)
    async def LinkEvents(self, request: pb.LinkEventsRequest, context: object) -> pb.LinkEventsResponse:
        return convert.linked_to_pb(await self._parts.link_events(request.documents))

    async def ExportLineage(self, request: pb.ExportLineageRequest, context: object) -> pb.ExportLineageResponse:
        form = convert.format_from_pb(request.format)
        document = await self._parts.export(lineage_query_from_pb(request.walk), form)
        return pb.ExportLineageResponse(media_type=form.value, document=document)
