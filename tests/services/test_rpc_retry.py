"""The client: a deadline on every call, retries where the contract says they are safe and nowhere else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from ballast.intake.v1 import incident_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceServicer, IntakeServiceStub, add_IntakeServiceServicer_to_server

from shared.errors import BallastError, Exhausted, Unavailable
from shared.rpc.client import ClientCredentials, connect
from tests.support.intake import SERVICE

if TYPE_CHECKING:
    from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceAsyncStub  # exists for the type checker only

NAME = "incidents/0199a0c0-0000-7000-8000-000000000001"


class Peer(IntakeServiceServicer):
    """A server that fails as often as it is told, and keeps what it saw."""

    def __init__(self) -> None:
        self.failures: list[grpc.StatusCode] = []
        self.seen: list[Any] = []
        self.times: list[float] = []
        self.metadata: list[dict[str, str]] = []

    async def GetIncident(self, request: pb.GetIncidentRequest, context: Any) -> pb.GetIncidentResponse:
        await self._take(request, context)
        return pb.GetIncidentResponse(incident=incident_pb2.Incident(name=request.name))

    async def AcknowledgeIncident(self, request: pb.AcknowledgeIncidentRequest, context: Any) -> pb.AcknowledgeIncidentResponse:
        await self._take(request, context)
        return pb.AcknowledgeIncidentResponse(incident=incident_pb2.Incident(name=request.name))

    async def _take(self, request: Any, context: Any) -> None:
        self.seen.append(request)
        self.times.append(context.time_remaining())
        self.metadata.append(dict(context.invocation_metadata()))
        if self.failures:
            await context.abort(self.failures.pop(0), "as told")


@asynccontextmanager
async def serving(address: str = "127.0.0.1:0") -> AsyncIterator[tuple[Peer, str]]:
    server, servicer = grpc.aio.server(), Peer()  # type: ignore[abstract]  # it answers only what these tests call
    add_IntakeServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port(address)
    await server.start()
    yield servicer, f"127.0.0.1:{port}"
    await server.stop(None)


@pytest.fixture
async def peer() -> AsyncIterator[tuple[Peer, str]]:
    async with serving() as served:
        yield served


@pytest.fixture
async def rpc(peer: tuple[Peer, str]) -> AsyncIterator["IntakeServiceAsyncStub"]:
    channel = connect(peer[1], [SERVICE])
    yield IntakeServiceStub(channel.grpc)
    await channel.close()


async def test_a_call_the_contract_calls_safe_is_tried_again_while_the_server_is_unavailable(
    peer: tuple[Peer, str], rpc: "IntakeServiceAsyncStub"
) -> None:
    peer[0].failures = [grpc.StatusCode.UNAVAILABLE] * 2
    assert (await rpc.GetIncident(pb.GetIncidentRequest(name=NAME))).incident.name == NAME
    assert len(peer[0].seen) == 3


async def test_it_gives_up_after_four_tries(peer: tuple[Peer, str], rpc: "IntakeServiceAsyncStub") -> None:
    peer[0].failures = [grpc.StatusCode.UNAVAILABLE] * 9
    with pytest.raises(Unavailable, match="as told"):
        await rpc.GetIncident(pb.GetIncidentRequest(name=NAME))
    assert len(peer[0].seen) == 4


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.ABORTED, grpc.StatusCode.RESOURCE_EXHAUSTED], ids=str)
async def test_no_other_error_is_tried_again(peer: tuple[Peer, str], rpc: "IntakeServiceAsyncStub", code: grpc.StatusCode) -> None:
    peer[0].failures = [code]
    with pytest.raises(BallastError):
        await rpc.GetIncident(pb.GetIncidentRequest(name=NAME))
    assert len(peer[0].seen) == 1


async def test_without_a_contract_nothing_is_tried_again(peer: tuple[Peer, str]) -> None:
    peer[0].failures = [grpc.StatusCode.UNAVAILABLE]
    channel = connect(peer[1])
    with pytest.raises(Unavailable):
        await IntakeServiceStub(channel.grpc).GetIncident(pb.GetIncidentRequest(name=NAME))
    await channel.close()
    assert len(peer[0].seen) == 1


async def test_a_mutation_that_is_tried_again_keeps_its_request_id(peer: tuple[Peer, str], rpc: "IntakeServiceAsyncStub") -> None:
    peer[0].failures = [grpc.StatusCode.UNAVAILABLE] * 2
    await rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=NAME))
    ids = [request.request_id for request in peer[0].seen]
    assert len(ids) == 3
    assert len(set(ids)) == 1
    assert len(ids[0]) == 36


async def test_a_request_id_that_the_caller_chose_is_left_alone(peer: tuple[Peer, str], rpc: "IntakeServiceAsyncStub") -> None:
    chosen = "0199a0c0-0000-7000-8000-00000000000a"
    await rpc.AcknowledgeIncident(pb.AcknowledgeIncidentRequest(name=NAME, request_id=chosen))
    assert [request.request_id for request in peer[0].seen] == [chosen]


async def test_every_call_has_a_deadline(peer: tuple[Peer, str], rpc: "IntakeServiceAsyncStub") -> None:
    await rpc.GetIncident(pb.GetIncidentRequest(name=NAME))
    await rpc.GetIncident(pb.GetIncidentRequest(name=NAME), timeout=3)
    assert 25 < peer[0].times[0] < 31
    assert 2 < peer[0].times[1] < 4


@pytest.mark.parametrize(
    ("credentials", "key", "value"),
    [
        (ClientCredentials(local_name="ada"), "ballast-principal", "ada"),
        (ClientCredentials(token="t.o.k"), "authorization", "Bearer t.o.k"),
    ],
)
async def test_a_client_shows_who_it_is(peer: tuple[Peer, str], credentials: ClientCredentials, key: str, value: str) -> None:
    channel = connect(peer[1], [SERVICE], credentials=credentials)
    await IntakeServiceStub(channel.grpc).GetIncident(pb.GetIncidentRequest(name=NAME))
    await channel.close()
    assert peer[0].metadata[0][key] == value


async def test_an_error_without_details_of_ours_is_still_one_of_our_errors(peer: tuple[Peer, str], rpc: "IntakeServiceAsyncStub") -> None:
    peer[0].failures = [grpc.StatusCode.RESOURCE_EXHAUSTED]
    with pytest.raises(Exhausted, match="as told") as error:
        await rpc.GetIncident(pb.GetIncidentRequest(name=NAME))
    assert error.value.reason == "EXHAUSTED"


async def test_a_server_that_comes_back_is_reached_by_the_call_that_waits_for_it() -> None:
    async with serving() as (_, address):
        channel = connect(address, [SERVICE])
        rpc = IntakeServiceStub(channel.grpc)
        await rpc.GetIncident(pb.GetIncidentRequest(name=NAME))
    waiting = asyncio.ensure_future(rpc.GetIncident(pb.GetIncidentRequest(name=NAME)))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    async with serving(address) as (peer, _):
        assert (await waiting).incident.name == NAME
        assert len(peer.seen) == 1
    await channel.close()


async def test_a_server_that_is_away_is_told_as_such_and_soon() -> None:
    channel = connect("127.0.0.1:1", [SERVICE])
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable):
            await IntakeServiceStub(channel.grpc).GetIncident(pb.GetIncidentRequest(name=NAME))
    await channel.close()
