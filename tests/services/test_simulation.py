"""Simulated time over the wire: it moves when told, runs what is due, and waits until all that follows is over."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from ballast.simulation.v1 import simulation_service_pb2 as pb
from ballast.simulation.v1.simulation_service_pb2_grpc import SimulationServiceStub
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from shared.clock import SimulatedClock
from shared.errors import InvalidInput
from shared.rpc.client import Channel, connect
from shared.rpc.server import Server
from shared.rpc.simulation import SERVICE, SimulationServicer
from shared.settings import ServiceSettings
from shared.telemetry import setup
from tests.conftest import START


class Scheduled:
    """What is due when time moves: notes what it was asked for, in order."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.asked: list[tuple[str, object]] = []

    async def tick(self) -> None:
        self.asked.append(("tick", self.clock.now()))

    async def settle(self, patience: timedelta) -> None:
        self.asked.append(("settle", patience))


@pytest.fixture
async def scheduled() -> Scheduled:
    return Scheduled(SimulatedClock(START))


@pytest.fixture
async def channel(scheduled: Scheduled) -> AsyncIterator[Channel]:
    server = Server("simulation", ServiceSettings(), setup("simulation"))
    server.add(SERVICE, SimulationServicer(scheduled.clock, scheduled.tick, scheduled.settle))
    await server.start()
    channel = connect(server.address)
    yield channel
    await channel.close()
    await server.stop()


def stamp(moment: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(moment)
    return made


async def test_the_clock_stands_still_until_it_is_told(channel: Channel) -> None:
    for _ in range(2):
        answer = await SimulationServiceStub(channel.grpc).GetClock(pb.GetClockRequest())
        assert answer.now.ToDatetime(tzinfo=UTC) == START


async def test_time_moves_first_then_what_is_due_runs_then_all_that_follows_is_waited_for(channel: Channel, scheduled: Scheduled) -> None:
    later = START + timedelta(days=14)
    answer = await SimulationServiceStub(channel.grpc).AdvanceClock(
        pb.AdvanceClockRequest(to=stamp(later), settle_timeout=Duration(seconds=5))
    )
    assert answer.now.ToDatetime(tzinfo=UTC) == later
    assert scheduled.asked == [("tick", later), ("settle", timedelta(seconds=5))]


async def test_a_clock_does_not_go_back(channel: Channel, scheduled: Scheduled) -> None:
    with pytest.raises(InvalidInput, match="a simulated clock only goes forward") as error:
        await SimulationServiceStub(channel.grpc).AdvanceClock(pb.AdvanceClockRequest(to=stamp(START - timedelta(seconds=1))))
    assert (error.value.reason, [each.field for each in error.value.violations]) == ("CLOCK_BACKWARDS", ["to"])
    assert (scheduled.clock.now(), scheduled.asked) == (START, [])


async def test_settling_waits_as_long_as_it_is_told_or_half_a_minute(channel: Channel, scheduled: Scheduled) -> None:
    stub = SimulationServiceStub(channel.grpc)
    await stub.Settle(pb.SettleRequest(timeout=Duration(seconds=2)))
    await stub.Settle(pb.SettleRequest())
    assert scheduled.asked == [("settle", timedelta(seconds=2)), ("settle", timedelta(seconds=30))]
