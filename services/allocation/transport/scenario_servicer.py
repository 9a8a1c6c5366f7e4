"""The RPC of scenarios."""

from ballast.allocation.v1 import scenario_service_pb2 as pb
from ballast.allocation.v1.scenario_service_pb2_grpc import ScenarioServiceServicer, add_ScenarioServiceServicer_to_server

from services.allocation.transport import scenario_convert as convert
from services.allocation.usecases.scenarios import Scenarios
from shared.rpc.server import GrpcService

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["ScenarioService"], add_ScenarioServiceServicer_to_server)


class ScenarioServicer(ScenarioServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, scenarios: Scenarios) -> None:
        self._scenarios = scenarios

    async def SimulateScenario(self, request: pb.SimulateScenarioRequest, context: object) -> pb.SimulateScenarioResponse:
        return convert.simulated_to_pb(await self._scenarios.simulate(convert.asked_from_pb(request)))
