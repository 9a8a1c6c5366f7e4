"""The RPCs of the catalogue."""

from collections.abc import Callable

from ballast.triage.v1 import catalogue_service_pb2 as pb
from ballast.triage.v1.catalogue_service_pb2_grpc import CatalogueServiceServicer, add_CatalogueServiceServicer_to_server

from services.triage.transport import catalogue_convert as convert
from services.triage.usecases.catalogue import Catalogue
from services.triage.usecases.catalogue_imports import CatalogueImports
from services.triage.usecases.landscape import Landscape
from shared.paging import page_query
from shared.rpc.once import once, once_told
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["CatalogueService"], add_CatalogueServiceServicer_to_server)


class CatalogueServicer(CatalogueServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, catalogue: Catalogue, imports: CatalogueImports, landscape: Landscape) -> None:
        self.database = database
        self._catalogue = catalogue
        self._imports = imports
        self._landscape = landscape

    @once_told(pb.ImportCatalogueResponse)
    async def ImportCatalogue(
        self, request: pb.ImportCatalogueRequest, context: object, tell: Callable[[pb.ImportCatalogueResponse], None]
    ) -> pb.ImportCatalogueResponse:
        files = [(file.name, file.yaml) for file in request.files]
        summary = await self._imports.run(files, lambda at: tell(convert.progress_to_pb(at)), validate_only=request.validate_only)
        return convert.summary_to_pb(summary, validate_only=request.validate_only)

    @once(pb.DeleteComponentResponse)
    async def DeleteComponent(self, request: pb.DeleteComponentRequest, context: object) -> pb.DeleteComponentResponse:
        gone = await self._catalogue.delete(request.name, request.etag)
        return pb.DeleteComponentResponse(revision=convert.revision_to_pb(gone))

    async def ListComponentRevisions(self, request: pb.ListComponentRevisionsRequest, context: object) -> pb.ListComponentRevisionsResponse:
        paging = page_query(request.page_size, request.page_token, "ListComponentRevisions", request.name)
        page = await self._catalogue.revisions(request.name, paging)
        revisions = [convert.revision_to_pb(each) for each in page.items]
        return pb.ListComponentRevisionsResponse(revisions=revisions, next_page_token=page.next_page_token)

    async def GetComponentRevision(self, request: pb.GetComponentRevisionRequest, context: object) -> pb.GetComponentRevisionResponse:
        found = await self._catalogue.revision(request.name, request.revision)
        return pb.GetComponentRevisionResponse(revision=convert.revision_to_pb(found))

    async def ListDependencyCycles(self, request: pb.ListDependencyCyclesRequest, context: object) -> pb.ListDependencyCyclesResponse:
        page = await self._landscape.circles(page_query(request.page_size, request.page_token, "ListDependencyCycles"))
        cycles = [convert.circle_to_pb(each) for each in page.items]
        return pb.ListDependencyCyclesResponse(cycles=cycles, next_page_token=page.next_page_token)

    async def GetBlastRadius(self, request: pb.GetBlastRadiusRequest, context: object) -> pb.GetBlastRadiusResponse:
        paging = page_query(request.page_size, request.page_token, "GetBlastRadius", request.name, request.max_depth)
        radius, page = await self._landscape.blast_radius(request.name, request.max_depth, paging)
        return convert.radius_to_pb(radius, page.items, page.next_page_token)

    async def ListSystems(self, request: pb.ListSystemsRequest, context: object) -> pb.ListSystemsResponse:
        paging = page_query(request.page_size, request.page_token, "ListSystems", request.owner_team)
        page = await self._catalogue.systems(request.owner_team, paging)
        return pb.ListSystemsResponse(systems=[convert.system_to_pb(each) for each in page.items], next_page_token=page.next_page_token)

    async def ListGroups(self, request: pb.ListGroupsRequest, context: object) -> pb.ListGroupsResponse:
        page = await self._catalogue.groups(page_query(request.page_size, request.page_token, "ListGroups"))
        return pb.ListGroupsResponse(groups=[convert.group_to_pb(each) for each in page.items], next_page_token=page.next_page_token)
