"""The RPCs of SLOs."""

from ballast.triage.v1 import slo_service_pb2 as pb
from ballast.triage.v1.slo_service_pb2_grpc import SloServiceServicer, add_SloServiceServicer_to_server

from services.triage.transport import slo_convert as convert
from services.triage.usecases.slos import Slos
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["SloService"], add_SloServiceServicer_to_server)


class SloServicer(SloServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, slos: Slos) -> None:
        self.database = database
        self._slos = slos

    @once(pb.ImportSlosResponse)
    async def ImportSlos(self, request: pb.ImportSlosRequest, context: object) -> pb.ImportSlosResponse:
        made = await self._slos.import_(request.yaml, validate_only=request.validate_only)
        return pb.ImportSlosResponse(documents=[convert.imported_to_pb(each) for each in made.documents], resolved_slos=made.resolved)

    async def ExportSlos(self, request: pb.ExportSlosRequest, context: object) -> pb.ExportSlosResponse:
        names, bare = sorted(set(request.names)), request.without_references
        paging = page_query(request.page_size, request.page_token, "ExportSlos", names, bare)
        text, page = await self._slos.export(names, with_references=not bare, paging=paging)
        return pb.ExportSlosResponse(yaml=text, document_count=len(page.items), next_page_token=page.next_page_token)

    async def GetSlo(self, request: pb.GetSloRequest, context: object) -> pb.GetSloResponse:
        return pb.GetSloResponse(slo=convert.slo_to_pb(await self._slos.get(request.name, request.revision)))

    async def ListSlos(self, request: pb.ListSlosRequest, context: object) -> pb.ListSlosResponse:
        paging = page_query(request.page_size, request.page_token, "ListSlos", request.component, request.owner_team)
        page = await self._slos.page(request.component, request.owner_team, paging)
        return pb.ListSlosResponse(slos=[convert.slo_to_pb(each) for each in page.items], next_page_token=page.next_page_token)

    async def ListSloRevisions(self, request: pb.ListSloRevisionsRequest, context: object) -> pb.ListSloRevisionsResponse:
        page = await self._slos.revisions(request.name, page_query(request.page_size, request.page_token, "ListSloRevisions", request.name))
        revisions = [pb.SloRevision(slo=convert.slo_to_pb(each), deleted=is_deleted) for each, is_deleted in page.items]
        return pb.ListSloRevisionsResponse(revisions=revisions, next_page_token=page.next_page_token)

    @once(pb.DeleteSloResponse)
    async def DeleteSlo(self, request: pb.DeleteSloRequest, context: object) -> pb.DeleteSloResponse:
        return pb.DeleteSloResponse(slo=convert.slo_to_pb(await self._slos.delete(request.name, request.etag)))

    async def ListSloDocuments(self, request: pb.ListSloDocumentsRequest, context: object) -> pb.ListSloDocumentsResponse:
        paging = page_query(request.page_size, request.page_token, "ListSloDocuments", request.kind)
        page = await self._slos.document_page(request.kind, paging)
        documents = [convert.document_to_pb(each) for each in page.items]
        return pb.ListSloDocumentsResponse(documents=documents, next_page_token=page.next_page_token)

    async def GetSloDocument(self, request: pb.GetSloDocumentRequest, context: object) -> pb.GetSloDocumentResponse:
        document = await self._slos.document(request.name, request.revision)
        return pb.GetSloDocumentResponse(document=convert.document_to_pb(document, with_text=True))
