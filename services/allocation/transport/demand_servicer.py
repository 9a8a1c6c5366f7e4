"""The RPCs of demand."""

from ballast.allocation.v1 import demand_service_pb2 as pb
from ballast.allocation.v1.demand_service_pb2_grpc import DemandServiceServicer, add_DemandServiceServicer_to_server

from services.allocation.transport import demand_convert as convert
from services.allocation.usecases.demand import Demand
from shared.rpc.server import GrpcService

SERVICE = GrpcService(
    pb.DESCRIPTOR.services_by_name["DemandService"],
    add_DemandServiceServicer_to_server,
    salvaged={"ForecastDemand": "questions", "GetDemandChange": "questions"},
)


class DemandServicer(DemandServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, demand: Demand) -> None:
        self._demand = demand

    async def ForecastDemand(self, request: pb.ForecastDemandRequest, context: object) -> pb.ForecastDemandResponse:
        questions = [convert.asked_from_pb(each) for each in request.questions]
        answers = await self._demand.forecast(questions, convert.wanted_from_pb(request), with_curves=request.with_curves)
        return convert.forecasts_to_pb(answers, convert.wanted_from_pb(request), with_curves=request.with_curves)

    async def GetDemandChange(self, request: pb.GetDemandChangeRequest, context: object) -> pb.GetDemandChangeResponse:
        answers = await self._demand.change([convert.asked_from_pb(each) for each in request.questions], convert.watch_from_pb(request))
        return convert.changes_to_pb(answers)
