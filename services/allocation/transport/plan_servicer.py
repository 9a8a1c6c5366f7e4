"""The RPCs of plans."""

from collections.abc import Callable

from ballast.allocation.v1 import plan_pb2
from ballast.allocation.v1 import plan_service_pb2 as pb
from ballast.allocation.v1.plan_service_pb2_grpc import PlanServiceServicer, add_PlanServiceServicer_to_server

from services.allocation.domain.roadmap_import import RoadmapFormat
from services.allocation.transport import plan_convert as convert
from services.allocation.transport.convert import item_to_pb
from services.allocation.usecases.plans import Plans
from services.allocation.usecases.roadmap_imports import RoadmapImports
from shared.paging import page_query
from shared.rpc.once import once_told
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["PlanService"], add_PlanServiceServicer_to_server)


class PlanServicer(PlanServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, plans: Plans, imports: RoadmapImports) -> None:
        self.database = database
        self._plans = plans
        self._imports = imports

    async def GetPlan(self, request: pb.GetPlanRequest, context: object) -> pb.GetPlanResponse:
        quick = request.effort == pb.PLAN_EFFORT_QUICK
        return pb.GetPlanResponse(plan=convert.plan_to_pb(await self._plans.get(request.team, request.effort_quantile, quick=quick)))

    async def SimulatePlan(self, request: pb.SimulatePlanRequest, context: object) -> pb.SimulatePlanResponse:
        return convert.simulated_to_pb(await self._plans.simulate(list(request.teams), convert.change_from_pb(request)))

    @once_told(pb.ImportRoadmapItemsResponse)
    async def ImportRoadmapItems(
        self, request: pb.ImportRoadmapItemsRequest, context: object, tell: Callable[[pb.ImportRoadmapItemsResponse], None]
    ) -> pb.ImportRoadmapItemsResponse:
        file, defaults = (request.content, RoadmapFormat(request.format)), convert.defaults_from_pb(request)

        def told(done: int, total: int) -> None:
            tell(pb.ImportRoadmapItemsResponse(done_count=done, total_count=total))

        summary = await self._imports.run(file, defaults, told, validate_only=request.validate_only)
        return convert.summary_to_pb(summary, validate_only=request.validate_only)

    async def ListRoadmapItemRevisions(
        self, request: pb.ListRoadmapItemRevisionsRequest, context: object
    ) -> pb.ListRoadmapItemRevisionsResponse:
        paging = page_query(request.page_size, request.page_token, "ListRoadmapItemRevisions", request.name)
        page = await self._imports.revisions(request.name, paging)
        revisions = [plan_pb2.RoadmapItemRevision(item=item_to_pb(item), author=author) for item, author in page.items]
        return pb.ListRoadmapItemRevisionsResponse(revisions=revisions, next_page_token=page.next_page_token)
