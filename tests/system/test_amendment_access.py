"""Change control where callers are told apart: who may draft, who may put in force, and what a service's certificate is good for."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ballast.amendments.v1 import amendment_messages_pb2 as pb
from ballast.amendments.v1 import amendment_pb2
from ballast.amendments.v1.amendment_service_pb2_grpc import AmendmentServiceStub
from ballast.governance.v1 import approval_messages_pb2
from ballast.governance.v1.approval_service_pb2_grpc import ApprovalServiceStub
from ballast.triage.v1 import triage_service_pb2
from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceStub

from services.governance import app as governance
from services.governance.settings import GovernanceSettings
from services.triage import app as triage
from services.triage.settings import TriageSettings
from shared.app import App
from shared.embedded import Engines
from shared.errors import PermissionDenied
from shared.rpc.client import Channel, ClientCredentials, connect
from tests.support.amending import MATRIX, State, packed
from tests.support.certificates import HERE, Authority, spiffe
from tests.support.tokens import ISSUER, Issuer
from tests.support.waiting import until


@dataclass(frozen=True, slots=True)
class Guarded:
    """Two services with certificates, which take bearer tokens from people."""

    apps: dict[str, App]
    authority: Authority
    issuer: Issuer
    channels: list[Channel]

    def _channel(self, service: str, name: str, *roles: str) -> Any:
        credentials = ClientCredentials(ca=self.authority.cert, token=self.issuer.token(*roles, sub=name))
        self.channels.append(connect(self.apps[service].server.token_address, credentials=credentials))
        return self.channels[-1].grpc

    def amendments(self, name: str, *roles: str) -> Any:
        return AmendmentServiceStub(self._channel("triage", name, *roles))

    def triage(self, name: str, *roles: str) -> Any:
        return TriageServiceStub(self._channel("triage", name, *roles))

    def approvals(self, name: str, *roles: str) -> Any:
        return ApprovalServiceStub(self._channel("governance", name, *roles))


@pytest.fixture
async def guarded(request: pytest.FixtureRequest, own_urls: dict[str, str], engines: Engines, tmp_path: Path) -> AsyncIterator[Guarded]:
    authority, issuer = Authority(tmp_path), Issuer(tmp_path)
    known: dict[str, Any] = {"tls_client_ca": authority.cert, "oidc_issuer": ISSUER, "oidc_jwks": str(issuer.jwks)}
    apps: dict[str, App] = {}
    for name, module, settings in (("governance", governance, GovernanceSettings), ("triage", triage, TriageSettings)):
        cert, key = authority.issue(name, *HERE, spiffe(name))
        usual: dict[str, Any] = {"port": 0, "cache_url": engines.cache_url, "state_dir": tmp_path, "database_url": own_urls[name]}
        usual |= {"tls_cert": cert, "tls_key": key, "subscribers": {"triage": {"address": ""}} if name == "governance" else {}}
        apps[name] = await module.build(settings(approved_documents=request.param, **usual, **known))
        await apps[name].start()
    addresses = {name: each.server.address for name, each in apps.items()}
    for each in apps.values():
        await each.open(addresses)
    running = Guarded(apps, authority, issuer, [])
    yield running
    for channel in running.channels:
        await channel.close()
    for each in reversed(apps.values()):
        await each.stop()


async def drafted(guarded: Guarded, name: str, *roles: str) -> amendment_pb2.Amendment:
    matrix = (await guarded.triage(name, *roles).GetSeverityMatrix(triage_service_pb2.GetSeverityMatrixRequest())).matrix
    matrix.impact_thresholds[0] -= 1
    request = pb.DraftAmendmentRequest(document=MATRIX, body=packed(matrix), reason="Earlier.")
    return (await guarded.amendments(name, *roles).DraftAmendment(request)).amendment  # type: ignore[no-any-return]


@pytest.mark.parametrize("guarded", [("severity-matrix",)], indirect=True)
async def test_a_planner_drafts_an_approver_agrees_and_the_service_asks_under_its_own_name(guarded: Guarded) -> None:
    with pytest.raises(PermissionDenied) as viewer:
        await drafted(guarded, "vi", "viewer")
    assert viewer.value.reason == "ROLE_MISSING"
    draft = await drafted(guarded, "ada", "planner")
    proposed = (await guarded.amendments("ada", "planner").ProposeAmendment(pb.ProposeAmendmentRequest(name=draft.name))).amendment
    found = approval_messages_pb2.GetApprovalRequest(name=proposed.approval)
    asked = (await guarded.approvals("bo", "approver").GetApproval(found)).approval
    assert (asked.author, asked.requester, asked.digest) == ("ada", "spiffe://ballast/triage", proposed.digest)
    approving = approval_messages_pb2.ApproveRequest(name=proposed.approval)
    for name, role, reason in (("ada", "approver", "AUTHOR_MAY_NOT_APPROVE"), ("cy", "planner", "APPROVER_REFUSED")):
        with pytest.raises(PermissionDenied) as refused:
            await guarded.approvals(name, role).Approve(approving)
        assert refused.value.reason == reason
    await guarded.approvals("bo", "approver").Approve(approving)

    async def is_in_force() -> bool:
        told = await guarded.amendments("vi", "viewer").GetAmendment(pb.GetAmendmentRequest(name=draft.name))
        return bool(told.amendment.state == State.AMENDMENT_STATE_IN_FORCE)

    await until(is_in_force)


@pytest.mark.parametrize("guarded", [()], indirect=True)
async def test_where_nobody_else_must_agree_it_takes_the_role_of_a_direct_change(guarded: Guarded) -> None:
    draft = await drafted(guarded, "ada", "planner")
    proposing = pb.ProposeAmendmentRequest(name=draft.name)
    with pytest.raises(PermissionDenied) as refused:
        await guarded.amendments("ada", "planner").ProposeAmendment(proposing)
    assert (refused.value.reason, refused.value.metadata["role"]) == ("ROLE_MISSING", "approver")
    proposing.request_id = ""
    made = (await guarded.amendments("ada", "approver").ProposeAmendment(proposing)).amendment
    assert made.state == State.AMENDMENT_STATE_IN_FORCE
    request = pb.SetDocumentOwnerRequest(document=MATRIX, owner="teams/x", reason="Theirs.")
    with pytest.raises(PermissionDenied):
        await guarded.amendments("ada", "approver").SetDocumentOwner(request)
    other = await drafted(guarded, "ada", "planner")
    with pytest.raises(PermissionDenied) as stranger:
        await guarded.amendments("cy", "planner").WithdrawAmendment(pb.WithdrawAmendmentRequest(name=other.name))
    assert stranger.value.reason == "NOT_THE_AUTHOR"
    over = await guarded.amendments("root", "admin").WithdrawAmendment(pb.WithdrawAmendmentRequest(name=other.name))
    assert over.amendment.state == State.AMENDMENT_STATE_WITHDRAWN
