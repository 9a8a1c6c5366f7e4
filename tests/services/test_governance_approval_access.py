"""Who may ask, approve and change the rules, where callers are known by token: roles count for their team."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from ballast.governance.v1 import approval_messages_pb2 as pb
from ballast.governance.v1 import approval_pb2, approval_rule_pb2
from ballast.governance.v1 import approval_rule_service_pb2 as rule_pb
from ballast.governance.v1.approval_rule_service_pb2_grpc import ApprovalRuleServiceStub
from ballast.governance.v1.approval_service_pb2_grpc import ApprovalServiceStub

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import BallastError, PermissionDenied
from shared.rpc.client import Channel, ClientCredentials, connect
from tests.support.approving import APPROVAL_RULES, APPROVALS, asking
from tests.support.certificates import HERE, Authority
from tests.support.governance import governing
from tests.support.tokens import ISSUER, Issuer

if TYPE_CHECKING:
    from ballast.governance.v1.approval_service_pb2_grpc import ApprovalServiceAsyncStub

Connect = Callable[..., Channel]


@pytest.fixture(scope="module")
async def connected(
    urls: dict[str, str], engines: Engines, clock: SimulatedClock, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Connect]:
    """Connects to a governance that knows callers by token, as a principal with roles."""
    folder: Path = tmp_path_factory.mktemp("credentials")
    authority, issuer = Authority(folder), Issuer(folder)
    cert, key = authority.issue("server", *HERE)
    known = {"tls_cert": cert, "tls_key": key, "oidc_issuer": ISSUER, "oidc_jwks": str(issuer.jwks), "subscribers": {}}
    channels: list[Channel] = []
    async with governing(urls, engines, clock, **known) as running:

        def connected(name: str, *roles: str) -> Channel:
            who = ClientCredentials(ca=authority.cert, token=issuer.token(*roles, sub=name))
            channels.append(connect(running.served.app.server.address, [APPROVALS, APPROVAL_RULES], credentials=who, deadline_seconds=15))
            return channels[-1]

        yield connected
        for each in channels:
            await each.close()


@pytest.fixture
def by(connected: Connect) -> Callable[..., "ApprovalServiceAsyncStub"]:
    return lambda name, *roles: ApprovalServiceStub(connected(name, *roles).grpc)


async def refusal(call: object) -> BallastError:
    with pytest.raises(PermissionDenied) as error:
        await call  # type: ignore[misc]  # a call of gRPC
    return error.value


async def asked_of(by: Callable[..., "ApprovalServiceAsyncStub"], team: str) -> approval_pb2.Approval:
    return (await by("ada", "planner").RequestApproval(asking(team=team))).approval


async def test_an_approver_of_another_team_may_not_approve(by: Callable[..., "ApprovalServiceAsyncStub"]) -> None:
    asked = await asked_of(by, "teams/core")
    vote = pb.ApproveRequest(name=asked.name)
    for roles in (("approver@teams/web",), ("planner",), ("viewer",), ("service",)):
        error = await refusal(by("bo", *roles).Approve(vote))
        assert (error.reason, error.metadata["rule"]) == ("APPROVER_REFUSED", "policies")
    assert (await by("bo", "approver@teams/core").Approve(vote)).approval.in_force


async def test_what_concerns_everybody_needs_an_approver_of_all_teams(by: Callable[..., "ApprovalServiceAsyncStub"]) -> None:
    asked = await asked_of(by, "")
    vote = pb.ApproveRequest(name=asked.name)
    assert (await refusal(by("bo", "approver@teams/core").Approve(vote))).reason == "APPROVER_REFUSED"
    assert (await by("bo", "approver").Approve(vote)).approval.in_force


async def test_the_list_of_what_one_can_decide_knows_ones_roles(by: Callable[..., "ApprovalServiceAsyncStub"]) -> None:
    asked = [await asked_of(by, team) for team in ("teams/red", "teams/blue")]

    async def listed(*roles: str) -> list[str]:
        response = await by("bo", *roles).ListApprovals(pb.ListApprovalsRequest(mine_to_decide=True))
        return [each.name for each in response.approvals if each.team in {"teams/red", "teams/blue"}]

    assert await listed("approver@teams/red") == [asked[0].name]
    assert await listed("approver") == [asked[1].name, asked[0].name]
    assert await listed("planner") == []


@pytest.mark.parametrize(
    ("roles", "team", "reason"),
    [
        (("planner@teams/core",), "teams/core", ""),
        (("responder",), "teams/core", ""),
        (("service",), "", ""),
        (("planner@teams/core",), "teams/web", "ROLE_MISSING"),
        (("viewer",), "teams/core", "REQUESTER_REFUSED"),
        (("planner@teams/core",), "", "REQUESTER_REFUSED"),
    ],
)
async def test_who_may_ask_works_for_the_team(
    by: Callable[..., "ApprovalServiceAsyncStub"], roles: tuple[str, ...], team: str, reason: str
) -> None:
    call = by("ada", *roles).RequestApproval(asking(team=team))
    if reason:
        assert (await refusal(call)).reason == reason
    else:
        assert (await call).approval.requester == "ada"


async def test_only_a_service_asks_in_the_name_of_another(by: Callable[..., "ApprovalServiceAsyncStub"]) -> None:
    error = await refusal(by("mallory", "admin").RequestApproval(asking(author="ada")))
    assert (error.reason, error.metadata) == ("AUTHOR_REFUSED", {"principal": "mallory", "author": "ada"})
    asked = (await by("triage", "service").RequestApproval(asking(author="ada"))).approval
    assert (asked.author, asked.requester) == ("ada", "triage")
    vote = pb.ApproveRequest(name=asked.name)
    assert (await refusal(by("ada", "admin").Approve(vote))).reason == "AUTHOR_MAY_NOT_APPROVE"


async def test_the_glass_is_broken_by_those_the_rule_names(by: Callable[..., "ApprovalServiceAsyncStub"]) -> None:
    asked = await asked_of(by, "teams/core")
    now = pb.BreakGlassRequest(name=asked.name, reason="It cannot wait.")
    for roles in (("viewer",), ("responder@teams/web",), ("service",)):
        assert (await refusal(by("cy", *roles).BreakGlass(now))).reason == "BREAK_GLASS_REFUSED"
    assert (await by("cy", "responder@teams/core").BreakGlass(now)).approval.broken_glass.principal == "cy"


async def test_only_an_admin_changes_the_rules(connected: Connect) -> None:
    rules = (await ApprovalRuleServiceStub(connected("bo", "viewer").grpc).GetApprovalRules(rule_pb.GetApprovalRulesRequest())).rules
    update = rule_pb.UpdateApprovalRulesRequest(
        request_id=str(uuid4()), rules=approval_rule_pb2.ApprovalRules(rules=rules.rules, etag=rules.etag, reason="the same")
    )
    error = await refusal(ApprovalRuleServiceStub(connected("bo", "approver").grpc).UpdateApprovalRules(update))
    assert error.reason == "ROLE_MISSING"
    await ApprovalRuleServiceStub(connected("root", "admin").grpc).UpdateApprovalRules(update)
