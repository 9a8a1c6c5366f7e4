"""The life of decisions where callers are told apart: who may decide, propose, agree and take back, end to end with governance."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ballast.allocation.v1 import allocation_messages_pb2 as pb
from ballast.allocation.v1 import allocation_policy_pb2, decision_pb2
from ballast.allocation.v1 import decision_service_pb2 as ds
from ballast.allocation.v1 import split_service_pb2 as sp
from ballast.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub
from ballast.allocation.v1.decision_service_pb2_grpc import DecisionServiceStub
from ballast.allocation.v1.split_service_pb2_grpc import SplitServiceStub
from ballast.events.v1 import event_sink_service_pb2 as sink
from ballast.events.v1.cloudevents_pb2 import CloudEventBatch
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceStub
from ballast.governance.v1 import approval_messages_pb2
from ballast.governance.v1.approval_service_pb2_grpc import ApprovalServiceStub

from services.allocation import app as allocation
from services.allocation.settings import AllocationSettings
from services.governance import app as governance
from services.governance.settings import GovernanceSettings
from shared.app import App
from shared.embedded import Engines
from shared.errors import PermissionDenied, Unauthenticated
from shared.rpc.client import Channel, ClientCredentials, connect
from tests.support.allocating import assessment, made, team
from tests.support.certificates import HERE, Authority, spiffe
from tests.support.tokens import ISSUER, Issuer
from tests.support.waiting import until

D = decision_pb2
WEB = "teams/web"


@dataclass(frozen=True, slots=True)
class Guarded:
    """Allocation and governance with certificates, which take bearer tokens from people."""

    apps: dict[str, App]
    authority: Authority
    issuer: Issuer
    channels: list[Channel]

    def as_person(self, service: str, name: str, *roles: str) -> Any:
        credentials = ClientCredentials(ca=self.authority.cert, token=self.issuer.token(*roles, sub=name))
        return self._connected(self.apps[service].server.token_address, credentials)

    def as_service(self, service: str, name: str) -> Any:
        return self._connected(self.apps[service].server.address, self.authority.client(f"{name}-client", *HERE, spiffe(name)))

    def as_nobody(self, service: str) -> Any:
        return self._connected(self.apps[service].server.token_address, ClientCredentials(ca=self.authority.cert))

    def _connected(self, address: str, credentials: ClientCredentials) -> Any:
        self.channels.append(connect(address, credentials=credentials, deadline_seconds=15))
        return self.channels[-1].grpc

    def allocation(self, name: str, *roles: str) -> Any:
        return AllocationServiceStub(self.as_person("allocation", name, *roles))

    def decisions(self, name: str, *roles: str) -> Any:
        return DecisionServiceStub(self.as_person("allocation", name, *roles))

    def approvals(self, name: str, *roles: str) -> Any:
        return ApprovalServiceStub(self.as_person("governance", name, *roles))

    async def incident(self) -> None:
        """Triage tells of a grave incident of the team."""
        event = made(assessment("web", at=datetime.now(UTC)))
        await EventSinkServiceStub(self.as_service("allocation", "triage")).Deliver(
            sink.DeliverRequest(batch=CloudEventBatch(events=[event]))
        )

    async def newest(self) -> decision_pb2.Decision:
        request = pb.ListDecisionsRequest(filter=pb.DecisionFilter(team=WEB))
        return (await self.allocation("vi", "viewer").ListDecisions(request)).decisions[0]  # type: ignore[no-any-return]

    async def share(self) -> float:
        return (await self.allocation("vi", f"viewer@{WEB}").GetSplit(pb.GetSplitRequest(team=WEB))).split.remediation_share  # type: ignore[no-any-return]

    async def reaches(self, decision: str, state: int) -> decision_pb2.Decision:
        stub = self.allocation("vi", "viewer")
        found: list[decision_pb2.Decision] = []

        async def is_there() -> bool:
            found[:] = [(await stub.GetDecision(pb.GetDecisionRequest(name=decision))).decision]
            return found[0].state == state

        await until(is_there)
        return found[0]


@pytest.fixture
async def guarded(own_urls: dict[str, str], engines: Engines, tmp_path: Path) -> AsyncIterator[Guarded]:
    """The team's changes of five percent and more need that others agree."""
    authority, issuer = Authority(tmp_path), Issuer(tmp_path)
    known: dict[str, Any] = {"tls_client_ca": authority.cert, "oidc_issuer": ISSUER, "oidc_jwks": str(issuer.jwks)}
    apps: dict[str, App] = {}
    for name, module, settings in (("governance", governance, GovernanceSettings), ("allocation", allocation, AllocationSettings)):
        cert, key = authority.issue(name, *HERE, spiffe(name))
        usual: dict[str, Any] = {"port": 0, "cache_url": engines.cache_url, "state_dir": tmp_path, "database_url": own_urls[name]}
        usual |= {"tls_cert": cert, "tls_key": key, "subscribers": {"allocation": {"address": ""}} if name == "governance" else {}}
        apps[name] = await module.build(settings(**usual, **known))
        await apps[name].start()
    addresses = {name: each.server.address for name, each in apps.items()}
    for each in apps.values():
        await each.open(addresses)
    running = Guarded(apps, authority, issuer, [])
    await _found_team(running)
    yield running
    for channel in running.channels:
        await channel.close()
    for each in reversed(apps.values()):
        await each.stop()


async def _found_team(guarded: Guarded) -> None:
    root = guarded.allocation("root", "admin")
    policy = (await root.GetAllocationPolicy(pb.GetAllocationPolicyRequest(name="allocationPolicies/default"))).policy
    policy.MergeFrom(allocation_policy_pb2.AllocationPolicy(name="allocationPolicies/asks", reason="Tried."))
    policy.approval_thresholds.share_change = 0.05
    policy.etag = ""
    await root.UpdateAllocationPolicy(pb.UpdateAllocationPolicyRequest(policy=policy))
    stored = team("web", datetime.now(UTC) - timedelta(days=1), policy=policy.name)
    await root.UpsertTeams(pb.UpsertTeamsRequest(teams=[stored]))
    await guarded.apps["allocation"].tick()


async def test_a_planner_of_the_team_decides_and_nobody_below_or_of_another_team(guarded: Guarded) -> None:
    request = pb.DecideSplitRequest(team=WEB)
    for roles in (("viewer",), ("responder",), ("planner@teams/api",), (f"viewer@{WEB}",), ("service",)):
        with pytest.raises(PermissionDenied) as refused:
            await guarded.allocation("eve", *roles).DecideSplit(request)
        assert refused.value.reason == "ROLE_MISSING"
    with pytest.raises(Unauthenticated):
        await AllocationServiceStub(guarded.as_nobody("allocation")).DecideSplit(request)
    for roles in (("planner",), (f"planner@{WEB}",), (f"approver@{WEB}",), ("admin",)):
        decided = (await guarded.allocation("ada", *roles).DecideSplit(request)).decision
        assert (decided.author, decided.state) == ("ada", D.DECISION_STATE_IN_FORCE)


async def test_a_split_is_read_and_watched_by_a_viewer_of_its_team(guarded: Guarded) -> None:
    for roles in (("viewer",), (f"viewer@{WEB}",), (f"planner@{WEB}",)):
        channel = guarded.as_person("allocation", "vi", *roles)
        read = await AllocationServiceStub(channel).GetSplit(pb.GetSplitRequest(team=WEB))
        told = await anext(aiter(SplitServiceStub(channel).WatchSplits(sp.WatchSplitsRequest(team=WEB))))
        assert told.split == read.split
    stranger = guarded.as_person("allocation", "eve", "viewer@teams/api")
    with pytest.raises(PermissionDenied):
        await AllocationServiceStub(stranger).GetSplit(pb.GetSplitRequest(team=WEB))
    with pytest.raises(PermissionDenied):
        await anext(aiter(SplitServiceStub(stranger).WatchSplits(sp.WatchSplitsRequest(team=WEB))))


async def test_what_is_proposed_is_asked_for_by_the_service_and_agreed_to_by_an_approver_of_the_team_alone(guarded: Guarded) -> None:
    before = await guarded.share()
    await guarded.incident()
    proposed = await guarded.newest()
    assert (proposed.state, await guarded.share()) == (D.DECISION_STATE_PROPOSED, before)
    found = approval_messages_pb2.GetApprovalRequest(name=proposed.approval)
    asked = (await guarded.approvals("bo", "viewer").GetApproval(found)).approval
    assert (asked.author, asked.requester, asked.team, asked.digest) == ("system", "spiffe://ballast/allocation", WEB, proposed.digest)
    approving = approval_messages_pb2.ApproveRequest(name=proposed.approval)
    for name, role in (("cy", "planner"), ("cy", "approver@teams/api"), ("cy", f"viewer@{WEB}")):
        with pytest.raises(PermissionDenied):
            await guarded.approvals(name, role).Approve(approving)
    with pytest.raises(PermissionDenied):  # a service's certificate is no person's word
        await ApprovalServiceStub(guarded.as_service("governance", "allocation")).Approve(approving)
    assert await guarded.share() == before
    await guarded.approvals("bo", f"approver@{WEB}").Approve(approving)
    await guarded.reaches(proposed.name, D.DECISION_STATE_IN_FORCE)
    assert await guarded.share() == pytest.approx(before + 0.05)


async def test_a_planner_proposes_to_take_back_what_an_approver_takes_back_at_once(guarded: Guarded) -> None:
    before = await guarded.share()
    await guarded.incident()
    raised = await guarded.newest()
    await guarded.approvals("bo", "approver").Approve(approval_messages_pb2.ApproveRequest(name=raised.approval))
    await guarded.reaches(raised.name, D.DECISION_STATE_IN_FORCE)
    request = ds.RollbackDecisionRequest(name=raised.name, reason="One outage, told twice.")
    for roles in (("viewer",), ("responder",), ("planner@teams/api",), ("approver@teams/api",)):
        with pytest.raises(PermissionDenied) as refused:
            await guarded.decisions("eve", *roles).RollbackDecision(request)
        assert refused.value.reason == "ROLE_MISSING"
    request.request_id = ""
    proposed = (await guarded.decisions("ada", f"planner@{WEB}").RollbackDecision(request)).decision
    assert (proposed.state, proposed.author) == (D.DECISION_STATE_PROPOSED, "ada")
    proposed = await guarded.reaches(proposed.name, D.DECISION_STATE_PROPOSED)
    approving = approval_messages_pb2.ApproveRequest(name=proposed.approval)
    with pytest.raises(PermissionDenied) as own:
        await guarded.approvals("ada", "approver").Approve(approving)
    assert own.value.reason == "AUTHOR_MAY_NOT_APPROVE"
    request.request_id = ""  # one of another caller is refused
    rolled = (await guarded.decisions("bo", f"approver@{WEB}").RollbackDecision(request)).decision
    assert (rolled.state, rolled.author, rolled.rolls_back) == (D.DECISION_STATE_IN_FORCE, "bo", raised.name)
    assert await guarded.share() == before
    assert (await guarded.reaches(proposed.name, D.DECISION_STATE_LAPSED)).state == D.DECISION_STATE_LAPSED
    assert (await guarded.reaches(raised.name, D.DECISION_STATE_ROLLED_BACK)).state_reason.startswith(rolled.name)
