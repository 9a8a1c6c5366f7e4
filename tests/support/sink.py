"""A subscriber as any platform may write one: a plain gRPC server that takes events, and fails when it is told to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from ballast.events.v1 import event_sink_service_pb2 as pb
from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceServicer, add_EventSinkServiceServicer_to_server

from tests.support.waiting import until

Failure = Callable[[CloudEvent], grpc.StatusCode | None]


class Sink(EventSinkServiceServicer):
    """Keeps what it took in `taken`, and what it was offered in `offered`; `failing` says which events to refuse, and how."""

    def __init__(self) -> None:
        self.address = ""
        self.offered: list[CloudEvent] = []
        self.taken: list[CloudEvent] = []
        self.metadata: list[dict[str, Any]] = []
        self.failing: Failure = lambda _: None
        self._open = asyncio.Event()
        self._open.set()

    async def Deliver(self, request: pb.DeliverRequest, context: Any) -> pb.DeliverResponse:
        for event in request.batch.events:
            self.offered.append(event)
            self.metadata.append(dict(context.invocation_metadata()))
            await self._open.wait()
            code = self.failing(event)
            if code is not None:
                await context.abort(code, f"{subject_of(event)} is refused")
            self.taken.append(event)
        return pb.DeliverResponse(outcomes=[pb.DELIVERY_OUTCOME_ACCEPTED] * len(request.batch.events))

    def fail(self, *codes: grpc.StatusCode, subject: str) -> None:
        """Fails deliveries about this subject, one for each code; then takes them."""
        left = list(codes)
        self.failing = lambda event: left.pop(0) if left and subject_of(event) == subject else None

    def hold(self) -> None:
        """Lets deliveries wait until `release`."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    async def taking(self, subject: str, count: int = 1) -> list[CloudEvent]:
        """Returns the events about this subject once so many have come."""
        await until(lambda: len(self.about(subject)) >= count)
        return self.about(subject)

    async def is_quiet(self, seconds: float = 0.3) -> bool:
        """Whether nothing comes for a while."""
        before = len(self.offered)
        await asyncio.sleep(seconds)
        return len(self.offered) == before

    def about(self, subject: str) -> list[CloudEvent]:
        return [event for event in self.taken if subject_of(event) == subject]


@asynccontextmanager
async def sinking() -> AsyncIterator[Sink]:
    server, sink = grpc.aio.server(), Sink()
    add_EventSinkServiceServicer_to_server(sink, server)
    sink.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield sink
    finally:
        await server.stop(None)


def subject_of(event: CloudEvent) -> str:
    return str(event.attributes["subject"].ce_string)


def text_of(event: CloudEvent, name: str) -> str:
    return str(event.attributes[name].ce_string) if name in event.attributes else ""
