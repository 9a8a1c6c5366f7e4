"""Asking governance: for an approval of exactly one amendment, whether it holds now, and taking it back."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from ballast.governance.v1 import approval_messages_pb2 as pb
from ballast.governance.v1 import approval_service_pb2
from ballast.governance.v1.approval_pb2 import ImpactPreview
from ballast.governance.v1.approval_service_pb2_grpc import ApprovalServiceStub
from google.protobuf.json_format import Parse

from shared.amendments.amendment import Agreement, Amendment, Cause
from shared.errors import BallastError, DeadlineExceeded, NotFound, PermissionDenied, PreconditionFailed, Unavailable
from shared.rpc.client import Channel, ClientCredentials, connect

if TYPE_CHECKING:
    from ballast.governance.v1.approval_service_pb2_grpc import ApprovalServiceAsyncStub  # exists for the type checker only

SERVICE = approval_service_pb2.DESCRIPTOR.services_by_name["ApprovalService"]
_DEADLINE_SECONDS = 5.0
_log = structlog.get_logger(__name__)
_CAUSES = {
    "APPROVAL_PENDING": Cause.NONE,
    "APPROVAL_REJECTED": Cause.REFUSED,
    "APPROVAL_WITHDRAWN": Cause.APPROVAL_WITHDRAWN,
    "APPROVAL_EXPIRED": Cause.APPROVAL_EXPIRED,
    "REVIEW_OVERDUE": Cause.REVIEW_OVERDUE,
}


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

    async def ask(self, proposed: Amendment, owner: str) -> Agreement:
        """Asks for approval on behalf of the author. The same proposal asked for twice is one approval.

        Raises what RequestApproval refuses, and Unavailable where governance is away.
        """
        request = _request(proposed, owner)
        # A call that was cut off after governance had answered is made again with the same id, and gets the same answer.
        request.request_id = str(uuid.uuid5(proposed.id, request.SerializeToString(deterministic=True).hex()))
        with _asking():
            made = (await self._stub().RequestApproval(request)).approval
        return Agreement(True, made.name, made.requester, owner)

    async def holds_for(self, proposed: Amendment, owner: str) -> timedelta:
        """Returns how long an approval of it would hold once it is given. Raises as `ask` does."""
        request = _request(proposed, owner)
        request.validate_only = True
        with _asking():
            return (await self._stub().RequestApproval(request)).approval.rule.holds_for.ToTimedelta()

    async def cause_against(self, proposed: Amendment) -> tuple[Cause | None, str]:
        """Returns why the amendment may not come in force now, with a sentence; None where it may, NONE while approvers are waited for.

        Raises Unavailable where governance is away.
        """
        agreement = proposed.agreement
        claim = pb.VerifyApprovalRequest(
            kind=proposed.kind,
            subject=proposed.document,
            digest=proposed.digest,
            team=agreement.owner,
            approval=agreement.approval,
            requester=agreement.requester,
        )
        with _asking():
            verdict = await self._stub().VerifyApproval(claim)
        return (None, "") if verdict.in_force else (_CAUSES.get(verdict.reason, Cause.APPROVAL_MISSING), verdict.detail)

    async def take_back(self, approval: str, note: str) -> None:
        """Withdraws an approval that is of no more use. One that is over by itself is left; so is one that cannot be reached now."""
        try:
            await self._stub().Withdraw(pb.WithdrawRequest(request_id=str(uuid.uuid4()), name=approval, note=note[:1024]))
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


def _request(proposed: Amendment, owner: str) -> pb.RequestApprovalRequest:
    """Returns what is asked for; its first fact says where approvers find the difference that they agree to."""
    impact, compared = Parse(proposed.impact or "{}", ImpactPreview()), proposed.comparison
    what = f"{proposed.name} makes version {compared.base + 1} of {proposed.document}"
    impact.facts.insert(0, f"{what}; read the difference: ballast amendments show {proposed.id}")
    return pb.RequestApprovalRequest(
        kind=proposed.kind,
        subject=proposed.document,
        digest=proposed.digest,
        team=owner,
        reason=proposed.reason,
        impact=impact,
        author=proposed.author,
    )
