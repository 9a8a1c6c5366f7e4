"""Approvals for tests: a running governance spoken to under several names, and requests with defaults."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import grpc
from ballast.governance.v1 import approval_messages_pb2 as pb
from ballast.governance.v1 import approval_pb2, approval_rule_pb2, approval_rule_service_pb2, approval_service_pb2
from ballast.governance.v1.approval_rule_service_pb2_grpc import ApprovalRuleServiceStub
from ballast.governance.v1.approval_service_pb2_grpc import ApprovalServiceStub

from shared.app import App
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.rpc.client import ClientCredentials, connect
from tests.support.governance import Governance, governing

if TYPE_CHECKING:
    from ballast.governance.v1.approval_rule_service_pb2_grpc import ApprovalRuleServiceAsyncStub
    from ballast.governance.v1.approval_service_pb2_grpc import ApprovalServiceAsyncStub

APPROVALS = approval_service_pb2.DESCRIPTOR.services_by_name["ApprovalService"]
APPROVAL_RULES = approval_rule_service_pb2.DESCRIPTOR.services_by_name["ApprovalRuleService"]


@dataclass(frozen=True, slots=True)
class Office:
    """A running governance, and its approvals under any name."""

    governance: Governance
    clock: SimulatedClock
    stack: AsyncExitStack
    stubs: dict[str, "ApprovalServiceAsyncStub"] = field(default_factory=dict)

    @property
    def app(self) -> App:
        return self.governance.served.app

    def _channel(self, name: str) -> grpc.aio.Channel:
        channel = connect(
            self.app.server.address, [APPROVALS, APPROVAL_RULES], credentials=ClientCredentials(local_name=name), deadline_seconds=15
        )
        self.stack.push_async_callback(channel.close)
        return channel.grpc

    def by(self, name: str) -> "ApprovalServiceAsyncStub":
        """The approvals as this principal calls them; on open loopback everybody has every role."""
        if name not in self.stubs:
            self.stubs[name] = ApprovalServiceStub(self._channel(name))
        return self.stubs[name]

    @property
    def rules(self) -> "ApprovalRuleServiceAsyncStub":
        return ApprovalRuleServiceStub(self._channel("ada"))

    async def change_rules(
        self, rules: approval_rule_pb2.ApprovalRules, *, validate_only: bool = False
    ) -> approval_rule_service_pb2.UpdateApprovalRulesResponse:
        """Changes them, with the word of an auditor where the rules want one, or at once: an admin may, and here everybody is one."""
        wanted = approval_rule_service_pb2.UpdateApprovalRulesRequest(rules=rules, validate_only=True)
        foreseen = await self.rules.UpdateApprovalRules(wanted)
        if validate_only:
            return foreseen
        wanted.validate_only = False
        if foreseen.rule:
            change = {"kind": "approval-rules", "subject": "approvalRules", "digest": foreseen.digest}
            asked = await self.ask(**change)
            if asked.rule.quorum == 1 and asked.rule.approvers.roles and not asked.rule.approvers.team:
                await self.approve("auditor", asked)
            else:
                await self.by("ada").BreakGlass(pb.BreakGlassRequest(name=asked.name, reason="It is a test."))
        return await self.rules.UpdateApprovalRules(wanted)

    async def ask(self, name: str = "ada", **fields: Any) -> approval_pb2.Approval:
        return (await self.by(name).RequestApproval(asking(**fields))).approval

    async def approve(self, name: str, approval: approval_pb2.Approval, **fields: Any) -> approval_pb2.Approval:
        return (await self.by(name).Approve(pb.ApproveRequest(name=approval.name, **fields))).approval

    async def get(self, approval: approval_pb2.Approval) -> approval_pb2.Approval:
        return (await self.by("ada").GetApproval(pb.GetApprovalRequest(name=approval.name))).approval

    async def verify(self, asked: approval_pb2.Approval, **changes: Any) -> pb.VerifyApprovalResponse:
        """Asks whether what was asked for may be done, or that with some changes."""
        claim = {"kind": asked.kind, "subject": asked.subject, "digest": asked.digest} | changes
        return await self.by("ada").VerifyApproval(pb.VerifyApprovalRequest(**claim))

    async def listed(self, name: str = "ada", **fields: Any) -> list[str]:
        response = await self.by(name).ListApprovals(pb.ListApprovalsRequest(**fields))
        return [each.name for each in response.approvals]


@asynccontextmanager
async def approving(urls: dict[str, str], engines: Engines, clock: SimulatedClock, **changes: object) -> AsyncIterator[Office]:
    async with governing(urls, engines, clock, **changes) as running, AsyncExitStack() as stack:
        yield Office(running, clock, stack)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def asking(**fields: Any) -> pb.RequestApprovalRequest:
    """A request for something of its own, unless it is named."""
    given = {"kind": "severity-matrix", "subject": f"matrices/{uuid4()}", "digest": digest_of("new"), "reason": "It is time."}
    return pb.RequestApprovalRequest(**(given | fields))


def rule(name: str = "one", when: str = "true", **fields: Any) -> approval_rule_pb2.ApprovalRule:
    """A rule that one approver satisfies within an hour, for a day; spans are given in seconds."""
    made = approval_rule_pb2.ApprovalRule(name=name, when=when, reason="Because.", quorum=fields.pop("quorum", 1))
    made.approvers.CopyFrom(fields.pop("approvers", approval_rule_pb2.Approvers(roles=["approver"])))
    made.expires_after.FromSeconds(fields.pop("expires_after", 3600))
    made.holds_for.FromSeconds(fields.pop("holds_for", 86_400))
    made.MergeFrom(approval_rule_pb2.ApprovalRule(**fields))
    return made
