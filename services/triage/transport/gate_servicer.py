"""The RPCs of the gating rules."""

from ballast.triage.v1 import gate_service_pb2 as pb
from ballast.triage.v1.gate_service_pb2_grpc import GateServiceServicer, add_GateServiceServicer_to_server

from services.triage.transport.events import GATES_SUBJECT
from services.triage.transport.gate_convert import facts_to_pb, gates_to_pb, rules_from_pb, trial_to_pb
from services.triage.usecases.gate_trials import GateTrials
from services.triage.usecases.gating import Gating
from shared.amendments.control import AmendmentControl
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["GateService"], add_GateServiceServicer_to_server)
_LATEST = 200
_ALL = 1000


class GateServicer(GateServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, gating: Gating, trials: GateTrials, control: AmendmentControl) -> None:
        self.database = database
        self._gating = gating
        self._trials = trials
        self._control = control

    async def GetGatingRules(self, request: pb.GetGatingRulesRequest, context: object) -> pb.GetGatingRulesResponse:
        return pb.GetGatingRulesResponse(gates=gates_to_pb(await self._gating.get(request.revision)))

    @once(pb.UpdateGatingRulesResponse)
    async def UpdateGatingRules(self, request: pb.UpdateGatingRulesRequest, context: object) -> pb.UpdateGatingRulesResponse:
        sent = request.gates
        async with self._control.directly(GATES_SUBJECT, validate_only=request.validate_only):
            made = await self._gating.update(rules_from_pb(sent.rules), sent.etag, sent.reason, validate_only=request.validate_only)
        return pb.UpdateGatingRulesResponse(gates=gates_to_pb(made))

    async def ListGatingRulesRevisions(
        self, request: pb.ListGatingRulesRevisionsRequest, context: object
    ) -> pb.ListGatingRulesRevisionsResponse:
        page = await self._gating.page(page_query(request.page_size, request.page_token, "ListGatingRulesRevisions"))
        return pb.ListGatingRulesRevisionsResponse(gates=[gates_to_pb(each) for each in page.items], next_page_token=page.next_page_token)

    async def DryRunGatingRules(self, request: pb.DryRunGatingRulesRequest, context: object) -> pb.DryRunGatingRulesResponse:
        return trial_to_pb(await self._trials.run(rules_from_pb(request.rules), request.incidents or _LATEST))

    async def ListGateFacts(self, request: pb.ListGateFactsRequest, context: object) -> pb.ListGateFactsResponse:
        paging = page_query(request.page_size or _ALL, request.page_token, "ListGateFacts")
        facts = [each for each in facts_to_pb() if not paging.cursor or each.name > paging.cursor[0]][: paging.limit]
        page = paging.page(facts, [(each.name,) for each in facts])
        return pb.ListGateFactsResponse(facts=page.items, next_page_token=page.next_page_token)
