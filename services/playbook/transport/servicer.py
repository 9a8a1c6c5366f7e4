"""The RPCs of playbook."""

from ballast.playbook.v1 import playbook_service_pb2 as pb
from ballast.playbook.v1.playbook_service_pb2_grpc import PlaybookServiceServicer, add_PlaybookServiceServicer_to_server

from services.playbook.transport import convert
from services.playbook.usecases.catalogue import Catalogue
from services.playbook.usecases.renders import Renders
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["PlaybookService"], add_PlaybookServiceServicer_to_server)


class PlaybookServicer(PlaybookServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, catalogue: Catalogue, renders: Renders) -> None:
        self.database = database
        self._catalogue = catalogue
        self._renders = renders

    async def ListTemplates(self, request: pb.ListTemplatesRequest, context: object) -> pb.ListTemplatesResponse:
        page = self._catalogue.page(page_query(request.page_size, request.page_token, "ListTemplates"))
        templates = [convert.template_to_pb(each) for each in page.items]
        return pb.ListTemplatesResponse(templates=templates, next_page_token=page.next_page_token)

    @once(pb.RenderPlaybookResponse)
    async def RenderPlaybook(self, request: pb.RenderPlaybookRequest, context: object) -> pb.RenderPlaybookResponse:
        incident, inputs = convert.incident_name_from_pb(request), dict(request.inputs)
        bundle = await self._renders.on_request(request.template, incident, inputs, validate_only=request.validate_only)
        return pb.RenderPlaybookResponse(bundle=convert.bundle_to_pb(bundle))

    async def GetBundle(self, request: pb.GetBundleRequest, context: object) -> pb.GetBundleResponse:
        return pb.GetBundleResponse(bundle=convert.bundle_to_pb(await self._renders.get(convert.bundle_id_from_pb(request))))

    async def ListBundles(self, request: pb.ListBundlesRequest, context: object) -> pb.ListBundlesResponse:
        query = convert.query_from_pb(request.filter)
        page = await self._renders.page(query, page_query(request.page_size, request.page_token, "ListBundles", query))
        bundles = [convert.bundle_to_pb(each) for each in page.items]
        return pb.ListBundlesResponse(bundles=bundles, next_page_token=page.next_page_token)
