"""Change control in a suite that is killed: a call repeated after it gets one amendment, one approval and one version."""

import asyncio
import random
import uuid
from pathlib import Path
from typing import Any

from ballast.amendments.v1 import amendment_messages_pb2 as pb
from ballast.amendments.v1 import amendment_pb2, amendment_service_pb2
from ballast.amendments.v1.amendment_service_pb2_grpc import AmendmentServiceStub
from ballast.governance.v1 import approval_messages_pb2, approval_pb2, approval_service_pb2
from ballast.governance.v1.approval_service_pb2_grpc import ApprovalServiceStub
from ballast.triage.v1 import severity_matrix_pb2, triage_service_pb2
from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceStub

from shared.errors import Unavailable
from shared.rpc.client import Channel, ClientCredentials, connect
from tests.support.amending import MATRIX, State, packed
from tests.support.suite import SuiteProcess
from tests.support.waiting import until

ROUNDS = 4
AGREED = {"BALLAST_TRIAGE_APPROVED_DOCUMENTS": '["severity-matrix"]'}
CONTRACTS = [
    amendment_service_pb2.DESCRIPTOR.services_by_name["AmendmentService"],
    approval_service_pb2.DESCRIPTOR.services_by_name["ApprovalService"],
    triage_service_pb2.DESCRIPTOR.services_by_name["TriageService"],
]


class People:
    """Ada, who writes, and bo, who agrees; each repeats a call with its own id until it is answered."""

    def __init__(self, suite: SuiteProcess) -> None:
        self._suite = suite
        self._channels: list[Channel] = []

    def _channel(self, service: str, name: str) -> Any:
        credentials = ClientCredentials(local_name=name)
        self._channels.append(connect(self._suite.addresses[service], CONTRACTS, credentials=credentials, deadline_seconds=5))
        return self._channels[-1].grpc

    async def amending(self, rpc: str, request: Any) -> Any:
        return await self._insisting(lambda: getattr(AmendmentServiceStub(self._channel("triage", "ada")), rpc)(request))

    async def approving(self, rpc: str, request: Any) -> Any:
        return await self._insisting(lambda: getattr(ApprovalServiceStub(self._channel("governance", "bo")), rpc)(request))

    async def matrix(self) -> severity_matrix_pb2.SeverityMatrix:
        asked = triage_service_pb2.GetSeverityMatrixRequest()
        answer = await self._insisting(lambda: TriageServiceStub(self._channel("triage", "ada")).GetSeverityMatrix(asked))
        return answer.matrix  # type: ignore[no-any-return]

    async def _insisting(self, call: Any) -> Any:
        async with asyncio.timeout(60):
            while True:
                try:
                    return await call()
                except Unavailable:
                    await asyncio.sleep(0.1)

    async def close(self) -> None:
        for each in self._channels:
            await each.close()


async def amended(people: People, draw: random.Random) -> amendment_pb2.Amendment:
    """Drafts, proposes and agrees, and returns it once it is in force."""
    matrix = await people.matrix()
    matrix.impact_thresholds[0] = draw.randint(1, 10**6) / 10**6
    ids = [str(uuid.UUID(int=draw.getrandbits(128), version=4)) for _ in range(3)]
    draft = pb.DraftAmendmentRequest(request_id=ids[0], document=MATRIX, body=packed(matrix), reason="Tried.")
    name = (await people.amending("DraftAmendment", draft)).amendment.name
    proposed = (await people.amending("ProposeAmendment", pb.ProposeAmendmentRequest(request_id=ids[1], name=name))).amendment
    await people.approving("Approve", approval_messages_pb2.ApproveRequest(request_id=ids[2], name=proposed.approval))
    found: list[amendment_pb2.Amendment] = []

    async def is_in_force() -> bool:
        found[:] = [(await people.amending("GetAmendment", pb.GetAmendmentRequest(name=name))).amendment]
        return found[0].state == State.AMENDMENT_STATE_IN_FORCE

    await until(is_in_force, seconds=90)  # what was told of an approval just before a kill is told again within seconds
    return found[0]


async def test_a_suite_killed_while_documents_are_amended_makes_each_version_once(tmp_path: Path) -> None:
    draw = random.Random(11)
    suite = SuiteProcess(tmp_path / "state", environment=AGREED).start()
    people = People(suite)
    begun = (await people.matrix()).revision
    try:
        made = []
        for _ in range(ROUNDS):
            work = asyncio.ensure_future(amended(people, draw))
            await asyncio.sleep(draw.uniform(0.05, 0.4))  # somewhere between the first call and the last
            suite.kill()
            await asyncio.to_thread(suite.start)
            made.append(await work)
        assert [each.revision for each in made] == list(range(begun + 1, begun + 1 + ROUNDS))
        assert (await people.matrix()).revision == begun + ROUNDS
        listed = (await people.amending("ListAmendments", pb.ListAmendmentsRequest())).amendments
        assert sorted(each.name for each in listed) == sorted(each.name for each in made)
        approvals = (await people.approving("ListApprovals", approval_messages_pb2.ListApprovalsRequest(subject=MATRIX))).approvals
        # One that was asked for by a call that was cut off before it was kept, on figures that were others then, waits to expire.
        agreed = [each.name for each in approvals if each.state == approval_pb2.APPROVAL_STATE_APPROVED]
        assert sorted(agreed) == sorted(each.approval for each in made)
    finally:
        await people.close()
        assert suite.stop() == 0
