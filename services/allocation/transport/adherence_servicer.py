"""The RPCs of adherence."""

from ballast.allocation.v1 import adherence_service_pb2 as pb
from ballast.allocation.v1.adherence_service_pb2_grpc import AdherenceServiceServicer, add_AdherenceServiceServicer_to_server

from services.allocation.transport.adherence_convert import adherence_to_pb, drift_to_pb, sprint_to_pb
from services.allocation.usecases.adherence import AdherenceWatch
from shared.paging import page_query
from shared.rpc.server import GrpcService

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["AdherenceService"], add_AdherenceServiceServicer_to_server)


class AdherenceServicer(AdherenceServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, watch: AdherenceWatch) -> None:
        self._watch = watch

    async def GetAdherence(self, request: pb.GetAdherenceRequest, context: object) -> pb.GetAdherenceResponse:
        team, assessed = await self._watch.get(request.team, request.sprint)
        return pb.GetAdherenceResponse(adherence=adherence_to_pb(team, assessed, self._watch.terms))

    async def ListAdherence(self, request: pb.ListAdherenceRequest, context: object) -> pb.ListAdherenceResponse:
        paging = page_query(request.page_size, request.page_token, "ListAdherence", request.team)
        team, page = await self._watch.page(request.team, paging)
        sprints = [sprint_to_pb(team, each) for each in page.items]
        return pb.ListAdherenceResponse(sprints=sprints, next_page_token=page.next_page_token)

    async def ListDrifts(self, request: pb.ListDriftsRequest, context: object) -> pb.ListDriftsResponse:
        paging = page_query(request.page_size, request.page_token, "ListDrifts", request.team, request.with_ended)
        page = await self._watch.drifts(request.team, paging, with_ended=request.with_ended)
        return pb.ListDriftsResponse(drifts=[drift_to_pb(each) for each in page.items], next_page_token=page.next_page_token)
