"""Governance's approvals, as a service asks for them on behalf of others."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from ballast.governance.v1 import approval_messages_pb2 as pb
from ballast.governance.v1 import approval_pb2, approval_service_pb2
from ballast.governance.v1.approval_service_pb2_grpc import ApprovalServiceStub

from shared.approvals.petition import Asked, Claim, Petition, Verdict
from shared.errors import AlreadyExists, BallastError, DeadlineExceeded, NotFound, PermissionDenied, PreconditionFailed, Unavailable
from shared.rpc.client import Channel, ClientCredentials, connect

if TYPE_CHECKING:
    from ballast.governance.v1.approval_service_pb2_grpc import ApprovalServiceAsyncStub  # exists for the type checker only

SERVICE = approval_service_pb2.DESCRIPTOR.services_by_name["ApprovalService"]
_DEADLINE_SECONDS = 5.0
_LONGEST_NOTE = 1024
_log = structlog.get_logger(__name__)


class ApprovalClient:
    """Approvals as governance keeps them, over one connection that is opened with the service."""

    def __init__(self) -> None:
        self._channel: Channel | None = None

    def open(self, address: str, credentials: ClientCredentials) -> None:
        self._channel = connect(address, [SERVICE], credentials=credentials, deadline_seconds=_DEADLINE_SECONDS)

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def ask(self, petition: Petition) -> Asked:
        """Asks for approval on behalf of the author. The same petition sent twice is one approval.

        Raises what RequestApproval refuses, and Unavailable where governance is away.
        """
        request = _request(petition)
        # A call that was cut off after governance had answered is made again with the same id, and gets the same answer.
        request.request_id = str(uuid.uuid5(petition.id, request.SerializeToString(deterministic=True).hex()))
        with _asking():
            made = (await self._stub().RequestApproval(request)).approval
        return Asked(made.name, made.requester)

    async def ask_or_find(self, petition: Petition) -> Asked:
        """The same, also when governance no longer knows the id of a call that was cut off long ago: one that waits and says the same
        is it. One that says anything else is somebody else's word to approvers, and raises AlreadyExists."""
        try:
            return await self.ask(petition)
        except AlreadyExists as error:
            with _asking():
                found = (await self._stub().GetApproval(pb.GetApprovalRequest(name=error.metadata["name"]))).approval
            if not _says(found, petition):
                raise
            return Asked(found.name, found.requester)

    async def holds_for(self, petition: Petition) -> timedelta:
        """Returns how long an approval of it would hold once it is given. Raises as `ask` does."""
        request = _request(petition)
        request.validate_only = True
        with _asking():
            return (await self._stub().RequestApproval(request)).approval.rule.holds_for.ToTimedelta()

    async def verdict(self, claim: Claim) -> Verdict:
        """Returns whether exactly this may be done now. Raises Unavailable where governance is away."""
        request = pb.VerifyApprovalRequest(
            kind=claim.kind,
            subject=claim.subject,
            digest=claim.digest,
            team=claim.team,
            approval=claim.approval,
            requester=claim.requester,
        )
        with _asking():
            found = await self._stub().VerifyApproval(request)
        return Verdict(found.in_force, found.reason, found.detail)

    async def take_back(self, approval: str, note: str) -> None:
        """Withdraws an approval that is of no more use. One that is over by itself is left; so is one that cannot be reached now."""
        try:
            await self._stub().Withdraw(pb.WithdrawRequest(request_id=str(uuid.uuid4()), name=approval, note=note[:_LONGEST_NOTE]))
        except (PreconditionFailed, NotFound, PermissionDenied) as error:
            _log.info("an approval was not taken back", approval=approval, reason=error.reason)
        except BallastError as error:
            _log.warning(
                "an approval could not be taken back; it holds for nothing any more, and expires", approval=approval, error=str(error)
            )

    def _stub(self) -> "ApprovalServiceAsyncStub":
        if self._channel is None:
            raise Unavailable("governance is not connected yet; try again", reason="GOVERNANCE_UNAVAILABLE")
        return ApprovalServiceStub(self._channel.grpc)


@contextmanager
def _asking() -> Iterator[None]:
    """Says that it is governance that gave no answer: the caller asked this service, and would take this one to be away."""
    try:
        yield
    except (Unavailable, DeadlineExceeded) as error:
        if error.reason == "GOVERNANCE_UNAVAILABLE":
            raise
        message = f"governance, where approvals are asked for, gave no answer ({error.message}); nothing was changed, try again"
        raise Unavailable(message, reason="GOVERNANCE_UNAVAILABLE") from None


def _request(petition: Petition) -> pb.RequestApprovalRequest:
    return pb.RequestApprovalRequest(
        kind=petition.kind,
        subject=petition.subject,
        digest=petition.digest,
        team=petition.team,
        reason=petition.reason,
        impact=petition.impact,
        author=petition.author,
    )


def _says(found: approval_pb2.Approval, petition: Petition) -> bool:
    """Whether approvers were told exactly what the petition tells."""
    told = (found.kind, found.subject, found.digest, found.team, found.author, found.reason, found.impact)
    return told == (
        petition.kind,
        petition.subject,
        petition.digest,
        petition.team,
        petition.author,
        petition.reason,
        petition.impact,
    )
