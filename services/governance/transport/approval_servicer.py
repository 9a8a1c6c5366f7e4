"""The RPCs of approvals."""

from collections.abc import AsyncIterator

from ballast.governance.v1 import approval_messages_pb2 as pb
from ballast.governance.v1 import approval_pb2, approval_service_pb2, governance_events_pb2
from ballast.governance.v1.approval_service_pb2_grpc import ApprovalServiceServicer, add_ApprovalServiceServicer_to_server

from services.governance.domain.approval import Approval
from services.governance.domain.approval_life import Act, Action
from services.governance.transport import approval_convert as convert
from services.governance.usecases.approvals import Approvals
from shared.clock import Clock
from shared.events.event import ReceivedEvent
from shared.events.feed import Feed
from shared.paging import page_query
from shared.principal import current_principal
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(approval_service_pb2.DESCRIPTOR.services_by_name["ApprovalService"], add_ApprovalServiceServicer_to_server)
_REQUESTED = governance_events_pb2.ApprovalRequested
_CHANGED = governance_events_pb2.ApprovalChanged
_TYPES = (_REQUESTED.DESCRIPTOR.full_name, _CHANGED.DESCRIPTOR.full_name)


class ApprovalServicer(ApprovalServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, approvals: Approvals, feed: Feed, clock: Clock) -> None:
        self.database = database
        self._approvals = approvals
        self._feed = feed
        self._clock = clock

    @once(pb.RequestApprovalResponse)
    async def RequestApproval(self, request: pb.RequestApprovalRequest, context: object) -> pb.RequestApprovalResponse:
        made = await self._approvals.request(convert.request_from_pb(request), validate_only=request.validate_only)
        now = self._clock.now()
        return pb.RequestApprovalResponse(approval=convert.approval_to_pb(made, now, is_stored=not request.validate_only))

    @once(pb.ApproveResponse)
    async def Approve(self, request: pb.ApproveRequest, context: object) -> pb.ApproveResponse:
        return pb.ApproveResponse(approval=await self._act(request, Action.APPROVE, request.note))

    @once(pb.RejectResponse)
    async def Reject(self, request: pb.RejectRequest, context: object) -> pb.RejectResponse:
        return pb.RejectResponse(approval=await self._act(request, Action.REJECT, request.reason))

    @once(pb.WithdrawResponse)
    async def Withdraw(self, request: pb.WithdrawRequest, context: object) -> pb.WithdrawResponse:
        return pb.WithdrawResponse(approval=await self._act(request, Action.WITHDRAW, request.note))

    @once(pb.BreakGlassResponse)
    async def BreakGlass(self, request: pb.BreakGlassRequest, context: object) -> pb.BreakGlassResponse:
        return pb.BreakGlassResponse(approval=await self._act(request, Action.BREAK_GLASS, request.reason))

    @once(pb.CloseReviewResponse)
    async def CloseReview(self, request: pb.CloseReviewRequest, context: object) -> pb.CloseReviewResponse:
        act = Act(Action.CLOSE_REVIEW, current_principal(), request.note, convert.outcome_from_pb(request.outcome))
        return pb.CloseReviewResponse(approval=self._told(await self._approvals.act(request.name, request.etag, act)))

    async def GetApproval(self, request: pb.GetApprovalRequest, context: object) -> pb.GetApprovalResponse:
        return pb.GetApprovalResponse(approval=self._told(await self._approvals.get(request.name)))

    async def ListApprovals(self, request: pb.ListApprovalsRequest, context: object) -> pb.ListApprovalsResponse:
        query = convert.query_from_pb(request, current_principal())
        asked = (
            sorted(query.states),
            query.subject,
            query.team,
            query.kind,
            query.review_overdue,
            query.decidable_by and query.decidable_by[0],
        )
        page = await self._approvals.page(query, page_query(request.page_size, request.page_token, "ListApprovals", *asked))
        return pb.ListApprovalsResponse(approvals=[self._told(each) for each in page.items], next_page_token=page.next_page_token)

    async def WatchApprovals(self, request: pb.WatchApprovalsRequest, context: object) -> AsyncIterator[pb.WatchApprovalsResponse]:
        async for item in self._feed.follow(request.resume_token, _TYPES):
            yield _watched(item.event, item.resume_token)

    async def VerifyApproval(self, request: pb.VerifyApprovalRequest, context: object) -> pb.VerifyApprovalResponse:
        return convert.verdict_to_pb(await self._approvals.verify(convert.claim_from_pb(request)), self._clock.now())

    async def _act(
        self, request: pb.ApproveRequest | pb.RejectRequest | pb.WithdrawRequest | pb.BreakGlassRequest, action: Action, note: str
    ) -> approval_pb2.Approval:
        return self._told(await self._approvals.act(request.name, request.etag, Act(action, current_principal(), note)))

    def _told(self, approval: Approval) -> approval_pb2.Approval:
        return convert.approval_to_pb(approval, self._clock.now())


def _watched(event: ReceivedEvent | None, token: str) -> pb.WatchApprovalsResponse:
    if event is None:
        return pb.WatchApprovalsResponse(resume_token=token)
    if event.type == _TYPES[0]:
        return pb.WatchApprovalsResponse(approval=event.unpack(_REQUESTED).approval, resume_token=token)
    changed = event.unpack(_CHANGED)
    return pb.WatchApprovalsResponse(approval=changed.approval, change=changed.change, resume_token=token)
