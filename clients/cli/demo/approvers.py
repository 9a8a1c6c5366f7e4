"""The approvers: the people of the example who must agree to what the policy puts before them, and do so when they are asked."""

from collections.abc import Mapping, Sequence

from ballast.allocation.v1 import allocation_messages_pb2 as allocation_pb
from ballast.allocation.v1.decision_pb2 import DECISION_STATE_PROPOSED, Decision
from ballast.governance.v1 import approval_messages_pb2 as approval_pb
from ballast.governance.v1.approval_pb2 import APPROVAL_STATE_PENDING

from clients.cli.connection import Connection, every_page
from shared.rpc.client import ClientCredentials

_NOTE = "The explanation and the items it displaces were read; go on."


class Approvers:
    """Everybody who may agree, each by a connection of their own: nobody agrees twice, and nobody to what they asked for."""

    def __init__(self, people: Sequence[str], addresses: Mapping[str, str], timeout_seconds: float) -> None:
        self._people = [Connection(addresses, ClientCredentials(local_name=each), timeout_seconds) for each in people]

    async def agree(self, proposals: Sequence[Decision]) -> None:
        """Agrees to each proposal, one person after the other, until as many did as its rule asks."""
        for decision in proposals:
            for person in self._people:
                found = await person.approvals.GetApproval(approval_pb.GetApprovalRequest(name=decision.approval))
                if found.approval.state != APPROVAL_STATE_PENDING:
                    break
                await person.approvals.Approve(approval_pb.ApproveRequest(name=decision.approval, note=_NOTE))

    async def close(self) -> None:
        for person in self._people:
            await person.close()


async def proposals(connection: Connection) -> list[Decision]:
    """Returns the decisions that wait, oldest first; one that nobody was asked about yet names no approval."""
    request = allocation_pb.ListDecisionsRequest(filter=allocation_pb.DecisionFilter(states=[DECISION_STATE_PROPOSED]))
    found = (await every_page(connection.allocation.ListDecisions, request, "decisions", 0)).decisions
    return sorted(found, key=lambda each: (each.create_time.ToNanoseconds(), each.team))
