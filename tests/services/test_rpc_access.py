"""Who may call: certificates between services, tokens from outside, and bare loopback for one machine."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from ballast.allocation.v1 import allocation_messages_pb2, allocation_service_pb2
from ballast.allocation.v1.allocation_service_pb2_grpc import (
    AllocationServiceServicer,
    AllocationServiceStub,
    add_AllocationServiceServicer_to_server,
)
from ballast.events.v1 import event_admin_service_pb2, event_sink_service_pb2
from ballast.events.v1.event_admin_service_pb2_grpc import (
    EventAdminServiceServicer,
    EventAdminServiceStub,
    add_EventAdminServiceServicer_to_server,
)
from ballast.events.v1.event_sink_service_pb2_grpc import (
    EventSinkServiceServicer,
    EventSinkServiceStub,
    add_EventSinkServiceServicer_to_server,
)
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import (
    IntakeServiceServicer,
    IntakeServiceStub,
    add_IntakeServiceServicer_to_server,
)
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from shared.errors import BallastError, InvalidInput, PermissionDenied, Unauthenticated, Unavailable
from shared.principal import current_principal_name
from shared.rpc.client import ClientCredentials, connect
from shared.rpc.server import GrpcService, Server
from shared.settings import ServiceSettings
from shared.telemetry import setup
from tests.support.certificates import HERE, Authority, spiffe
from tests.support.tokens import ISSUER, KEY_ID, Issuer
from tests.support.wire import call_with_bytes, info_of, plain_channel

INTAKE = GrpcService(pb.DESCRIPTOR.services_by_name["IntakeService"], add_IntakeServiceServicer_to_server)
SINK = GrpcService(event_sink_service_pb2.DESCRIPTOR.services_by_name["EventSinkService"], add_EventSinkServiceServicer_to_server)
ADMIN = GrpcService(event_admin_service_pb2.DESCRIPTOR.services_by_name["EventAdminService"], add_EventAdminServiceServicer_to_server)
ALLOCATION = GrpcService(allocation_service_pb2.DESCRIPTOR.services_by_name["AllocationService"], add_AllocationServiceServicer_to_server)


class Answering(IntakeServiceServicer):
    """Answers with who called."""

    async def ListIncidents(self, request: pb.ListIncidentsRequest, context: object) -> pb.ListIncidentsResponse:
        return pb.ListIncidentsResponse(next_page_token=current_principal_name())

    async def ReportAlerts(self, request: pb.ReportAlertsRequest, context: object) -> pb.ReportAlertsResponse:
        return pb.ReportAlertsResponse()


class Sink(EventSinkServiceServicer):
    async def Deliver(self, request: Any, context: object) -> event_sink_service_pb2.DeliverResponse:
        return event_sink_service_pb2.DeliverResponse()


class Admin(EventAdminServiceServicer):
    async def ListDeadLetters(self, request: Any, context: object) -> event_admin_service_pb2.ListDeadLettersResponse:
        return event_admin_service_pb2.ListDeadLettersResponse()


class Deciding(AllocationServiceServicer):
    async def DecideSplit(self, request: Any, context: object) -> allocation_messages_pb2.DecideSplitResponse:
        return allocation_messages_pb2.DecideSplitResponse()


def bare_service() -> GrpcService:
    """Returns a service whose one RPC has no access rule in its contract."""
    file = descriptor_pb2.FileDescriptorProto(name="tests/bare.proto", package="tests.bare.v1", syntax="proto3")
    file.message_type.add(name="Nothing")
    method = file.service.add(name="BareService").method.add(name="Call")
    method.input_type = method.output_type = ".tests.bare.v1.Nothing"
    descriptor_pool.Default().Add(file)

    async def answer(request: bytes, context: object) -> bytes:
        return b""

    def register(_: object, server: grpc.aio.Server) -> None:
        handlers = {"Call": grpc.unary_unary_rpc_method_handler(answer, request_deserializer=bytes)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("tests.bare.v1.BareService", handlers),))

    return GrpcService(descriptor_pool.Default().FindServiceByName("tests.bare.v1.BareService"), register)


BARE = bare_service()


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[Server]:
    server = Server("test", ServiceSettings(**settings), setup("test"))
    for service, servicer in ((INTAKE, Answering()), (SINK, Sink()), (ADMIN, Admin()), (ALLOCATION, Deciding()), (BARE, object())):  # type: ignore[abstract]  # they answer only what these tests call
        server.add(service, servicer)
    await server.start()
    await server.set_ready(ready=True)
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("credentials")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder)


@pytest.fixture(scope="module")
def issuer(folder: Path) -> Issuer:
    return Issuer(folder)


@pytest.fixture(scope="module")
def tls(authority: Authority) -> dict[str, Any]:
    cert, key = authority.issue("server", *HERE)
    return {"tls_cert": cert, "tls_key": key, "drain_seconds": 0}


@pytest.fixture(scope="module")
def oidc(issuer: Issuer) -> dict[str, Any]:
    return {"oidc_issuer": ISSUER, "oidc_jwks": str(issuer.jwks)}


@pytest.fixture(scope="module")
async def mutual(tls: dict[str, Any], authority: Authority) -> AsyncIterator[str]:
    """Address of a server that knows callers by certificate."""
    async with serving(**tls, tls_client_ca=authority.cert) as server:
        yield server.address


@pytest.fixture(scope="module")
async def tokens(tls: dict[str, Any], oidc: dict[str, Any]) -> AsyncIterator[str]:
    """Address of a server that knows callers by token."""
    async with serving(**tls, **oidc) as server:
        yield server.address


async def call(address: str, credentials: ClientCredentials, made: str = "list") -> Any:
    """Makes one call of a kind, whose contract asks for the role given behind it."""
    channel = connect(address, credentials=credentials, deadline_seconds=5)
    try:
        match made:
            case "list":  # viewer
                return (await IntakeServiceStub(channel.grpc).ListIncidents(pb.ListIncidentsRequest())).next_page_token
            case "report":  # responder
                report = pb.ReportAlertsRequest(source="test", reports=[{"labels": {"a": "b"}}])  # type: ignore[list-item]  # protobuf takes it
                return await IntakeServiceStub(channel.grpc).ReportAlerts(report)
            case "deliver":  # service
                return await EventSinkServiceStub(channel.grpc).Deliver(event_sink_service_pb2.DeliverRequest(batch={}))  # type: ignore[arg-type]
            case "operate":  # admin
                return await EventAdminServiceStub(channel.grpc).ListDeadLetters(event_admin_service_pb2.ListDeadLettersRequest())
            case team:  # planner of the team
                return await AllocationServiceStub(channel.grpc).DecideSplit(allocation_messages_pb2.DecideSplitRequest(team=team))
    finally:
        await channel.close()


def bearer(authority: Authority, token: str) -> ClientCredentials:
    return ClientCredentials(ca=authority.cert, token=token)


async def refusal(kind: type[BallastError], address: str, credentials: ClientCredentials, made: str = "list") -> BallastError:
    with pytest.raises(kind) as error:
        await call(address, credentials, made)
    return error.value


# By certificate.


async def test_a_service_is_known_by_the_spiffe_id_of_its_certificate(mutual: str, authority: Authority) -> None:
    triage = authority.client("triage", spiffe("triage"))
    assert await call(mutual, triage) == "spiffe://ballast/triage"
    await call(mutual, triage, "deliver")


async def test_a_service_may_read_and_deliver_and_no_more(mutual: str, authority: Authority) -> None:
    error = await refusal(PermissionDenied, mutual, authority.client("triage", spiffe("triage")), "report")
    assert error.reason == "ROLE_MISSING"
    assert error.metadata == {"role": "responder", "principal": "spiffe://ballast/triage"}


async def test_a_caller_without_a_certificate_does_not_even_connect(mutual: str, authority: Authority) -> None:
    await refusal(Unavailable, mutual, ClientCredentials(ca=authority.cert))


async def test_a_certificate_of_another_authority_does_not_even_connect(mutual: str, authority: Authority, folder: Path) -> None:
    stranger = Authority(folder, "stranger").client("triage", spiffe("triage"))
    await refusal(Unavailable, mutual, ClientCredentials(ca=authority.cert, cert=stranger.cert, key=stranger.key))


@pytest.mark.parametrize(
    "names",
    [
        pytest.param((), id="no name"),
        pytest.param((spiffe("triage", domain="elsewhere"),), id="another trust domain"),
        pytest.param((spiffe("triage", domain="ballast.evil.example"),), id="a trust domain that only begins alike"),
        pytest.param((x509.DNSName("spiffe://ballast/triage"),), id="a host name that reads like a SPIFFE id"),
        pytest.param((spiffe("triage"), spiffe("intake")), id="two SPIFFE ids, of which the standard allows one"),
    ],
)
async def test_a_certificate_that_names_no_service_of_the_suite_is_nobodys(
    mutual: str, authority: Authority, names: tuple[x509.GeneralName, ...]
) -> None:
    error = await refusal(Unauthenticated, mutual, authority.client("odd", *names))
    assert error.reason == "CREDENTIALS_MISSING"
    assert "present a certificate of spiffe://ballast/" in error.message


async def test_a_name_in_the_metadata_counts_for_nothing_where_callers_are_known(mutual: str, authority: Authority) -> None:
    channel = connect(mutual, credentials=authority.client("triage", spiffe("triage")))
    answer = await IntakeServiceStub(channel.grpc).ListIncidents(pb.ListIncidentsRequest(), metadata=(("ballast-principal", "root"),))
    assert answer.next_page_token == "spiffe://ballast/triage"
    await channel.close()


# By token.


async def test_a_person_is_known_by_the_subject_of_a_token(tokens: str, authority: Authority, issuer: Issuer) -> None:
    assert await call(tokens, bearer(authority, issuer.token("viewer"))) == "ada"


async def test_without_credentials_a_caller_is_told_what_to_present(tokens: str, authority: Authority) -> None:
    error = await refusal(Unauthenticated, tokens, ClientCredentials(ca=authority.cert))
    assert error.reason == "CREDENTIALS_MISSING"
    assert "or a bearer token" in error.message


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    plain = claims | {key: int(value.timestamp()) for key, value in claims.items() if isinstance(value, datetime)}
    return ".".join([part(json.dumps(header).encode()), part(json.dumps(plain).encode()), part(signature)])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"aud": "elsewhere"}, "Audience"),
        ({"aud": None}, "aud"),
        ({"iss": "https://evil.example.org"}, "issuer"),
        ({"iss": None}, "iss"),
        ({"exp": datetime(2026, 1, 1, tzinfo=UTC)}, "expired"),
        ({"exp": None}, "exp"),
        ({"sub": None}, "sub"),
        ({"nbf": datetime.now(UTC) + timedelta(hours=1)}, "not yet valid"),
    ],
    ids=lambda value: str(next(iter(value.items()))) if isinstance(value, dict) else "",
)
async def test_a_token_with_a_wrong_claim_is_refused_and_told_why(
    tokens: str, authority: Authority, issuer: Issuer, changes: dict[str, Any], said: str
) -> None:
    error = await refusal(Unauthenticated, tokens, bearer(authority, issuer.token("admin", **changes)))
    assert error.reason == "TOKEN_REFUSED"
    assert said in error.message


@pytest.mark.parametrize(
    "attack", ["none", "other key", "public key as secret", "another algorithm", "unknown key id", "odd key id", "garbage"]
)
async def test_a_forged_token_is_refused(tokens: str, authority: Authority, issuer: Issuer, attack: str) -> None:
    claims = issuer.claims("admin")
    attacks: dict[str, Callable[[], str]] = {
        "none": lambda: forged({"alg": "none", "kid": KEY_ID}, claims),
        "other key": lambda: jwt.encode(claims, rsa.generate_private_key(65537, 2048), "RS256", {"kid": KEY_ID}),
        "public key as secret": lambda: forged({"alg": "HS256", "kid": KEY_ID}, claims, b"x" * 32),
        "another algorithm": lambda: forged({"alg": "ES256", "kid": KEY_ID}, claims, b"x" * 64),
        "unknown key id": lambda: jwt.encode(claims, issuer.key, "RS256", {"kid": "second"}),
        "odd key id": lambda: forged({"alg": "RS256", "kid": ["first"]}, claims, b"x" * 256),
        "garbage": lambda: "what?",
    }
    error = await refusal(Unauthenticated, tokens, bearer(authority, attacks[attack]()))
    assert error.reason == "TOKEN_REFUSED"


@pytest.mark.parametrize("roles", [[], ["king"], None, 7, {"viewer": True}, "planner"], ids=str)
async def test_roles_that_are_no_list_of_roles_grant_nothing(tokens: str, authority: Authority, issuer: Issuer, roles: Any) -> None:
    error = await refusal(PermissionDenied, tokens, bearer(authority, issuer.token(ballast_roles=roles)))
    assert (error.reason, error.metadata["role"]) == ("ROLE_MISSING", "viewer")


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", {"list"}),
        ("responder", {"list", "report"}),
        ("planner", {"list", "teams/x", "teams/y"}),
        ("approver", {"list", "report", "teams/x", "teams/y"}),
        ("admin", {"list", "report", "operate", "teams/x", "teams/y"}),
        ("service", {"list", "deliver"}),
        ("planner@teams/x", {"list", "teams/x"}),
        ("admin@teams/x", {"list", "teams/x"}),
        ("responder@teams/x", {"list"}),
        ("service@teams/x", {"list"}),
    ],
)
async def test_a_role_allows_what_it_says_and_no_more(
    tokens: str, authority: Authority, issuer: Issuer, role: str, allowed: set[str]
) -> None:
    credentials = bearer(authority, issuer.token(role))
    found = set()
    for made in ("list", "report", "deliver", "operate", "teams/x", "teams/y"):
        try:
            await call(tokens, credentials, made)
            found.add(made)
        except PermissionDenied as error:
            assert error.reason == "ROLE_MISSING"  # noqa: PT017 - which calls are refused is what is tested
    assert found == allowed


async def test_who_is_refused_for_a_team_is_told_which(tokens: str, authority: Authority, issuer: Issuer) -> None:
    error = await refusal(PermissionDenied, tokens, bearer(authority, issuer.token("planner@teams/x")), "teams/y")
    assert "it needs the role planner for teams/y" in error.message


async def test_a_request_too_large_to_read_is_about_no_team(tokens: str, authority: Authority, issuer: Issuer) -> None:
    error = await refusal(InvalidInput, tokens, bearer(authority, issuer.token("planner")), "teams/" + "x" * 5_000_000)
    assert error.reason == "REQUEST_TOO_LARGE"
    await refusal(PermissionDenied, tokens, bearer(authority, issuer.token("planner@teams/x")), "teams/" + "x" * 5_000_000)


async def test_a_stranger_learns_nothing_about_a_requests_fields(tokens: str, authority: Authority) -> None:
    await refusal(Unauthenticated, tokens, ClientCredentials(ca=authority.cert), "not a team")


async def test_an_rpc_without_a_rule_is_nobodys(tokens: str, authority: Authority, issuer: Issuer) -> None:
    trust = grpc.ssl_channel_credentials(authority.cert.read_bytes())
    admin = (("authorization", f"Bearer {issuer.token('admin')}"),)
    async with serving() as open_to_all, plain_channel(open_to_all.address) as plain, grpc.aio.secure_channel(tokens, trust) as secure:
        for channel, metadata in ((plain, ()), (secure, admin)):
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await call_with_bytes(channel, "/tests.bare.v1.BareService/Call", b"", metadata=metadata)
            assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED
            assert info_of(error.value).reason == "NO_ACCESS_RULE"


async def test_health_is_open_to_those_who_must_know_it_first(tokens: str, authority: Authority) -> None:
    channel = connect(tokens, credentials=ClientCredentials(ca=authority.cert))
    answer = await HealthStub(channel.grpc).Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    await channel.close()


# By both.


async def test_services_come_with_certificates_and_people_with_tokens(
    tls: dict[str, Any], oidc: dict[str, Any], authority: Authority, issuer: Issuer
) -> None:
    async with serving(**tls, **oidc, tls_client_ca=authority.cert) as server:
        assert await call(server.address, authority.client("triage", spiffe("triage"))) == "spiffe://ballast/triage"
        assert await call(server.token_address, bearer(authority, issuer.token("viewer"))) == "ada"
        await refusal(Unauthenticated, server.token_address, ClientCredentials(ca=authority.cert))
        await refusal(Unavailable, server.address, bearer(authority, issuer.token("viewer")))


# On bare loopback.


async def test_on_loopback_without_credentials_everyone_of_the_machine_may_do_everything() -> None:
    async with serving() as server:
        assert server.address.startswith("127.0.0.1:")
        for made in ("report", "deliver", "teams/x"):
            await call(server.address, ClientCredentials(), made)
        assert await call(server.address, ClientCredentials()) == "local"
        assert await call(server.address, ClientCredentials(local_name="ada")) == "ada"


async def test_encryption_alone_leaves_loopback_open(tls: dict[str, Any], authority: Authority) -> None:
    async with serving(**tls) as server:
        assert await call(server.address, ClientCredentials(ca=authority.cert)) == "local"


async def test_plain_text_is_not_understood_where_encryption_is_asked_for(tokens: str) -> None:
    async with plain_channel(tokens) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await EventAdminServiceStub(channel).ListDeadLetters(event_admin_service_pb2.ListDeadLettersRequest(), timeout=5)
    assert error.value.code() is grpc.StatusCode.UNAVAILABLE
