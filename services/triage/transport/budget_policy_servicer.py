"""The RPCs of the budget policy."""

from ballast.triage.v1 import budget_policy_service_pb2 as pb
from ballast.triage.v1.budget_policy_service_pb2_grpc import BudgetPolicyServiceServicer as Contract
from ballast.triage.v1.budget_policy_service_pb2_grpc import add_BudgetPolicyServiceServicer_to_server

from services.triage.transport.budget_events import POLICY_SUBJECT
from services.triage.transport.budget_policy_convert import policy_from_pb, policy_to_pb
from services.triage.usecases.budget_policies import BudgetPolicies
from shared.amendments.control import AmendmentControl
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["BudgetPolicyService"], add_BudgetPolicyServiceServicer_to_server)


class BudgetPolicyServicer(Contract):
    """Parses, calls, answers."""

    def __init__(self, database: Database, policies: BudgetPolicies, control: AmendmentControl) -> None:
        self.database = database
        self._policies = policies
        self._control = control

    async def GetBudgetPolicy(self, request: pb.GetBudgetPolicyRequest, context: object) -> pb.GetBudgetPolicyResponse:
        return pb.GetBudgetPolicyResponse(policy=policy_to_pb(await self._policies.get(request.revision)))

    @once(pb.UpdateBudgetPolicyResponse)
    async def UpdateBudgetPolicy(self, request: pb.UpdateBudgetPolicyRequest, context: object) -> pb.UpdateBudgetPolicyResponse:
        sent = request.policy
        async with self._control.directly(POLICY_SUBJECT, validate_only=request.validate_only):
            made = await self._policies.update(policy_from_pb(sent), sent.etag, sent.reason, validate_only=request.validate_only)
        return pb.UpdateBudgetPolicyResponse(policy=policy_to_pb(made))

    async def ListBudgetPolicyRevisions(
        self, request: pb.ListBudgetPolicyRevisionsRequest, context: object
    ) -> pb.ListBudgetPolicyRevisionsResponse:
        page = await self._policies.page(page_query(request.page_size, request.page_token, "ListBudgetPolicyRevisions"))
        policies = [policy_to_pb(each) for each in page.items]
        return pb.ListBudgetPolicyRevisionsResponse(policies=policies, next_page_token=page.next_page_token)
