"""The RPCs that correct and import work."""

from ballast.allocation.v1 import work_service_pb2 as pb
from ballast.allocation.v1.work_service_pb2_grpc import WorkServiceServicer, add_WorkServiceServicer_to_server

from services.allocation.transport.work_convert import record_from_pb, record_to_pb, result_to_pb, sifted
from services.allocation.usecases.work import Work
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["WorkService"], add_WorkServiceServicer_to_server)


class WorkServicer(WorkServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, work: Work) -> None:
        self.database = database
        self._work = work

    @once(pb.CorrectWorkResponse)
    async def CorrectWork(self, request: pb.CorrectWorkRequest, context: object) -> pb.CorrectWorkResponse:
        replacement = record_from_pb(request.replacement, request.team) if request.HasField("replacement") else None
        done = await self._work.correct(request.team, request.name, request.reason, replacement)
        stands = record_to_pb(done.replacement) if done.replacement else None
        return pb.CorrectWorkResponse(original=record_to_pb(done.original), reversal=record_to_pb(done.reversal), replacement=stands)

    @once(pb.ImportWorkResponse)
    async def ImportWork(self, request: pb.ImportWorkRequest, context: object) -> pb.ImportWorkResponse:
        good, refused = sifted(request)
        taken = await self._work.take(request.team, good) | refused
        results = [result_to_pb(place, taken[place]) for place in range(len(request.records))]
        return pb.ImportWorkResponse(results=results, stored_count=sum(each.HasField("record") for each in results))

    async def ListWorkCategories(self, request: pb.ListWorkCategoriesRequest, context: object) -> pb.ListWorkCategoriesResponse:
        paging = page_query(request.page_size, request.page_token, "ListWorkCategories")
        rest = sorted(each for each in self._work.categories if not paging.cursor or each > paging.cursor[0])[: paging.limit]
        page = paging.page(rest, [(each,) for each in rest])
        found = [pb.WorkCategory(category=each, work_class=self._work.categories[each].value) for each in page.items]  # type: ignore[arg-type]
        return pb.ListWorkCategoriesResponse(categories=found, next_page_token=page.next_page_token)
