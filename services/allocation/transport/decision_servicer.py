"""The RPCs about decisions that were made."""

from ballast.allocation.v1 import decision_service_pb2 as pb
from ballast.allocation.v1.decision_service_pb2_grpc import DecisionServiceServicer as Contract
from ballast.allocation.v1.decision_service_pb2_grpc import add_DecisionServiceServicer_to_server

from services.allocation.transport.decisions import decision_to_pb, explanation_to_pb
from services.allocation.usecases.explanations import Explanations
from services.allocation.usecases.rollbacks import Rollbacks
from shared.ids import uuid_of
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["DecisionService"], add_DecisionServiceServicer_to_server)


class DecisionServicer(Contract):
    """Parses, calls, answers."""

    def __init__(self, database: Database, explanations: Explanations, rollbacks: Rollbacks) -> None:
        self.database = database
        self._explanations = explanations
        self._rollbacks = rollbacks

    async def ExplainDecision(self, request: pb.ExplainDecisionRequest, context: object) -> pb.ExplainDecisionResponse:
        return explanation_to_pb(await self._explanations.explain(uuid_of(request.name)))

    @once(pb.RollbackDecisionResponse)
    async def RollbackDecision(self, request: pb.RollbackDecisionRequest, context: object) -> pb.RollbackDecisionResponse:
        chosen = {"force": request.force, "validate_only": request.validate_only}
        made = await self._rollbacks.roll_back(uuid_of(request.name), request.reason, **chosen)
        return pb.RollbackDecisionResponse(decision=decision_to_pb(made))
