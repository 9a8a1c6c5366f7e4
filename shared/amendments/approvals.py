"""Approvals of amendments: for exactly one of them, whether it may come in force now, and taking them back."""

from datetime import timedelta

from ballast.governance.v1.approval_pb2 import ImpactPreview
from google.protobuf.json_format import Parse

from shared.amendments.amendment import Agreement, Amendment, Cause
from shared.approvals.client import ApprovalClient
from shared.approvals.petition import Claim, Petition

_CAUSES = {
    "APPROVAL_PENDING": Cause.NONE,
    "APPROVAL_REJECTED": Cause.REFUSED,
    "APPROVAL_WITHDRAWN": Cause.APPROVAL_WITHDRAWN,
    "APPROVAL_EXPIRED": Cause.APPROVAL_EXPIRED,
    "REVIEW_OVERDUE": Cause.REVIEW_OVERDUE,
}


class AmendmentApprovals:
    """What governance says of amendments."""

    def __init__(self, client: ApprovalClient) -> None:
        self._client = client

    async def ask(self, proposed: Amendment, owner: str) -> Agreement:
        """Asks for approval on behalf of the author. The same proposal asked for twice is one approval.

        Raises what RequestApproval refuses, and Unavailable where governance is away.
        """
        asked = await self._client.ask(_petition(proposed, owner))
        return Agreement(True, asked.approval, asked.requester, owner)

    async def holds_for(self, proposed: Amendment, owner: str) -> timedelta:
        """Returns how long an approval of it would hold once it is given. Raises as `ask` does."""
        return await self._client.holds_for(_petition(proposed, owner))

    async def cause_against(self, proposed: Amendment) -> tuple[Cause | None, str]:
        """Returns why the amendment may not come in force now, with a sentence; None where it may, NONE while approvers are waited for.

        Raises Unavailable where governance is away.
        """
        agreement = proposed.agreement
        claim = Claim(proposed.kind, proposed.document, proposed.digest, agreement.owner, agreement.approval, agreement.requester)
        verdict = await self._client.verdict(claim)
        return (None, "") if verdict.in_force else (_CAUSES.get(verdict.reason, Cause.APPROVAL_MISSING), verdict.detail)

    async def take_back(self, approval: str, note: str) -> None:
        """Withdraws an approval that is of no more use. One that is over by itself is left; so is one that cannot be reached now."""
        await self._client.take_back(approval, note)


def _petition(proposed: Amendment, owner: str) -> Petition:
    """Returns what is asked for; its first fact says where approvers find the difference that they agree to."""
    impact, compared = Parse(proposed.impact or "{}", ImpactPreview()), proposed.comparison
    what = f"{proposed.name} makes version {compared.base + 1} of {proposed.document}"
    impact.facts.insert(0, f"{what}; read the difference: ballast amendments show {proposed.id}")
    return Petition(proposed.id, proposed.kind, proposed.document, proposed.digest, owner, proposed.author, proposed.reason, impact)
