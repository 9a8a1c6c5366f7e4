"""Simulated time over the wire: moves the clock, runs what is due, and waits until all that follows was delivered."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from ballast.simulation.v1 import simulation_service_pb2 as pb
from ballast.simulation.v1.simulation_service_pb2_grpc import SimulationServiceServicer, add_SimulationServiceServicer_to_server

from shared.clock import SimulatedClock
from shared.errors import InvalidInput, Violation
from shared.rpc.server import GrpcService

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["SimulationService"], add_SimulationServiceServicer_to_server)
_DEFAULT_WAIT = timedelta(seconds=30)


class ClockBackwards(InvalidInput):
    reason = "CLOCK_BACKWARDS"


class SimulationServicer(SimulationServiceServicer):
    """`tick` runs what is scheduled at the new time; `settle` waits until nothing is left to deliver, or raises after the timeout."""

    def __init__(self, clock: SimulatedClock, tick: Callable[[], Awaitable[None]], settle: Callable[[timedelta], Awaitable[None]]) -> None:
        self._clock = clock
        self._tick = tick
        self._settle = settle

    async def GetClock(self, request: pb.GetClockRequest, context: object) -> pb.GetClockResponse:
        del request, context
        response = pb.GetClockResponse()
        response.now.FromDatetime(self._clock.now())
        return response

    async def AdvanceClock(self, request: pb.AdvanceClockRequest, context: object) -> pb.AdvanceClockResponse:
        del context
        to: datetime = request.to.ToDatetime(tzinfo=UTC)
        if to < self._clock.now():
            description = f"{to.isoformat()} lies before the present, {self._clock.now().isoformat()}; a simulated clock only goes forward"
            raise ClockBackwards(f"to: {description}", [Violation("to", description)])
        self._clock.advance(to)
        await self._tick()
        await self._settle(request.settle_timeout.ToTimedelta() if request.HasField("settle_timeout") else _DEFAULT_WAIT)
        response = pb.AdvanceClockResponse()
        response.now.FromDatetime(self._clock.now())
        return response

    async def Settle(self, request: pb.SettleRequest, context: object) -> pb.SettleResponse:
        del context
        await self._settle(request.timeout.ToTimedelta() if request.HasField("timeout") else _DEFAULT_WAIT)
        return pb.SettleResponse()
