"""Change control for tests: a running governance beside services that keep documents, spoken to under several names."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import grpc
from ballast.allocation.v1 import allocation_service_pb2, decision_service_pb2
from ballast.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub
from ballast.allocation.v1.decision_service_pb2_grpc import DecisionServiceStub
from ballast.amendments.v1 import amendment_messages_pb2 as pb
from ballast.amendments.v1 import amendment_pb2, amendment_service_pb2
from ballast.amendments.v1.amendment_service_pb2_grpc import AmendmentServiceStub
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceStub
from ballast.governance.v1 import approval_messages_pb2, approval_pb2, approval_service_pb2
from ballast.governance.v1.approval_service_pb2_grpc import ApprovalServiceStub
from ballast.governance.v1.governance_service_pb2_grpc import GovernanceServiceStub
from ballast.intake.v1 import grouping_service_pb2
from ballast.intake.v1.grouping_service_pb2_grpc import GroupingServiceStub
from ballast.triage.v1 import severity_matrix_pb2, triage_service_pb2
from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceStub
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message

from services.allocation import app as allocation
from services.allocation.settings import AllocationSettings
from services.governance import app as governance
from services.governance.settings import GovernanceSettings
from services.intake import app as intake
from services.intake.settings import IntakeSettings
from services.triage import app as triage
from services.triage.settings import TriageSettings
from shared.app import App
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.rpc.client import ClientCredentials, connect

if TYPE_CHECKING:
    from ballast.amendments.v1.amendment_service_pb2_grpc import AmendmentServiceAsyncStub
    from ballast.governance.v1.approval_service_pb2_grpc import ApprovalServiceAsyncStub
    from ballast.governance.v1.governance_service_pb2_grpc import GovernanceServiceAsyncStub
    from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceAsyncStub

State = amendment_pb2.AmendmentState
Cause = amendment_pb2.AmendmentCause
MATRIX = "severityMatrix"
PARTS: dict[str, tuple[Any, Any]] = {
    "governance": (governance, GovernanceSettings),
    "triage": (triage, TriageSettings),
    "allocation": (allocation, AllocationSettings),
    "intake": (intake, IntakeSettings),
}
_CONTRACTS = [
    amendment_service_pb2.DESCRIPTOR.services_by_name["AmendmentService"],
    approval_service_pb2.DESCRIPTOR.services_by_name["ApprovalService"],
    triage_service_pb2.DESCRIPTOR.services_by_name["TriageService"],
    allocation_service_pb2.DESCRIPTOR.services_by_name["AllocationService"],
    decision_service_pb2.DESCRIPTOR.services_by_name["DecisionService"],
    grouping_service_pb2.DESCRIPTOR.services_by_name["GroupingService"],
]


@dataclass(frozen=True, slots=True)
class Chamber:
    """The services, and their RPCs under any name; on open loopback everybody has every role."""

    apps: dict[str, App]
    clock: SimulatedClock
    stack: AsyncExitStack

    def _channel(self, service: str, name: str) -> grpc.aio.Channel:
        credentials = ClientCredentials(local_name=name)
        channel = connect(self.apps[service].server.address, _CONTRACTS, credentials=credentials, deadline_seconds=15)
        self.stack.push_async_callback(channel.close)
        return channel.grpc

    def amendments(self, name: str = "ada", service: str = "triage") -> "AmendmentServiceAsyncStub":
        return AmendmentServiceStub(self._channel(service, name))

    def approvals(self, name: str = "bo") -> "ApprovalServiceAsyncStub":
        return ApprovalServiceStub(self._channel("governance", name))

    def governance(self) -> "GovernanceServiceAsyncStub":
        return GovernanceServiceStub(self._channel("governance", "ada"))

    def triage(self, name: str = "ada") -> "TriageServiceAsyncStub":
        return TriageServiceStub(self._channel("triage", name))

    def allocation(self, name: str = "ada") -> Any:
        return AllocationServiceStub(self._channel("allocation", name))

    def decisions(self, name: str = "ada") -> Any:
        return DecisionServiceStub(self._channel("allocation", name))

    def sink(self, service: str) -> Any:
        return EventSinkServiceStub(self._channel(service, "test"))

    def grouping(self, name: str = "ada") -> Any:
        return GroupingServiceStub(self._channel("intake", name))

    async def matrix(self, revision: int = 0) -> severity_matrix_pb2.SeverityMatrix:
        return (await self.triage().GetSeverityMatrix(triage_service_pb2.GetSeverityMatrixRequest(revision=revision))).matrix

    async def stricter(self, by: float = 1.0) -> severity_matrix_pb2.SeverityMatrix:
        """Returns the matrix in force with a lower threshold of impact."""
        matrix = await self.matrix()
        matrix.impact_thresholds[0] -= by
        return matrix

    async def draft(self, body: Message, document: str = MATRIX, name: str = "ada", service: str = "triage") -> amendment_pb2.Amendment:
        request = pb.DraftAmendmentRequest(document=document, body=packed(body), reason="We missed two in March.")
        return (await self.amendments(name, service).DraftAmendment(request)).amendment

    async def propose(self, draft: amendment_pb2.Amendment, service: str = "triage", **fields: Any) -> amendment_pb2.Amendment:
        stub = self.amendments(draft.author, service)
        return (await stub.ProposeAmendment(pb.ProposeAmendmentRequest(name=draft.name, **fields))).amendment

    async def get(self, amendment: amendment_pb2.Amendment, service: str = "triage") -> amendment_pb2.Amendment:
        return (await self.amendments(service=service).GetAmendment(pb.GetAmendmentRequest(name=amendment.name))).amendment

    async def approval(self, amendment: amendment_pb2.Amendment) -> approval_pb2.Approval:
        return (await self.approvals().GetApproval(approval_messages_pb2.GetApprovalRequest(name=amendment.approval))).approval

    async def approve(self, amendment: amendment_pb2.Amendment, name: str = "bo") -> approval_pb2.Approval:
        return (await self.approvals(name).Approve(approval_messages_pb2.ApproveRequest(name=amendment.approval))).approval

    async def tick(self, **span: float) -> None:
        """Lets time pass, in every service."""
        self.clock.advance(self.clock.now() + timedelta(**span))
        for each in self.apps.values():
            await each.tick()


def packed(body: Message) -> AnyMessage:
    message = AnyMessage()
    message.Pack(body)
    return message


@asynccontextmanager
async def amending(
    urls: dict[str, str], engines: Engines, clock: SimulatedClock, approved: Sequence[str] = ("*",)
) -> AsyncIterator[Chamber]:
    """Runs governance, triage, allocation and intake; documents of the kinds named change only with approval."""
    async with AsyncExitStack() as stack:
        state = stack.enter_context(TemporaryDirectory())
        apps: dict[str, App] = {}
        for name, (module, settings) in PARTS.items():
            usual = {"port": 0, "cache_url": engines.cache_url, "state_dir": state, "database_url": urls[name]}
            apps[name] = await module.build(settings(**usual, approved_documents=approved), clock)
            await apps[name].start()
            stack.push_async_callback(apps[name].stop)
        addresses = {name: each.server.address for name, each in apps.items()}
        # Who is no part of it is told of nothing: else its deliveries would wait.
        for each in apps.values():
            await each.open(addresses)
        yield Chamber(apps, clock, await stack.enter_async_context(AsyncExitStack()))
