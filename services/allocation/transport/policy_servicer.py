"""The RPCs about policies before they are in force."""

from ballast.allocation.v1 import policy_service_pb2 as pb
from ballast.allocation.v1.policy_service_pb2_grpc import PolicyServiceServicer as Contract
from ballast.allocation.v1.policy_service_pb2_grpc import add_PolicyServiceServicer_to_server

from services.allocation.transport import policy_convert as convert
from services.allocation.usecases.policy_reviews import PolicyReviews
from shared.paging import page_query
from shared.rpc.server import GrpcService

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["PolicyService"], add_PolicyServiceServicer_to_server)
_PAGE = 20  # teams, unless asked for otherwise: each takes two rulings a sprint


class PolicyServicer(Contract):
    """Parses, calls, answers."""

    def __init__(self, reviews: PolicyReviews) -> None:
        self._reviews = reviews

    async def ValidatePolicy(self, request: pb.ValidatePolicyRequest, context: object) -> pb.ValidatePolicyResponse:
        return convert.findings_to_pb(request.policy)

    async def DiffPolicies(self, request: pb.DiffPoliciesRequest, context: object) -> pb.DiffPoliciesResponse:
        before, after = [
            await self._reviews.resolved(request.name, convert.asked_from_pb(each)) for each in (request.before, request.after)
        ]
        return convert.difference_to_pb(before, after)

    async def PreviewPolicy(self, request: pb.PreviewPolicyRequest, context: object) -> pb.PreviewPolicyResponse:
        tried = await self._reviews.resolved(request.name, convert.asked_from_pb(request.tried))
        query = (request.name, request.team, request.sprint_count, request.tried.SerializeToString(deterministic=True))
        paging = page_query(request.page_size or _PAGE, request.page_token, "PreviewPolicy", *query)
        page = await self._reviews.preview(request.name, tried, request.team, request.sprint_count, paging)
        return pb.PreviewPolicyResponse(teams=[convert.preview_to_pb(each) for each in page.items], next_page_token=page.next_page_token)
