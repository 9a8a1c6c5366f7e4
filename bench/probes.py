"""What one person notices: single status changes and single reports, timed one by one, with the waits a server asks for."""

import asyncio
import itertools
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ballast.intake.v1 import alert_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub

from shared.errors import BallastError, Exhausted
from shared.rpc.client import connect

if TYPE_CHECKING:  # the async stubs exist for the type checker only
    from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceAsyncStub

EVERY_SECONDS = 0.05
REPORT_EVERY = 4  # status changes
_OPENED_AT_ONCE = 500
REPORT, ACKNOWLEDGE, NOTE, RESOLVE = "report", "acknowledge", "note", "resolve"

Call = Callable[[], Awaitable[object]]


@dataclass(slots=True)
class Latencies:
    """Seconds by kind of call; `lag` is how late the client itself began a call, of which each latency may hold as much."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    lag: list[float] = field(default_factory=list)
    sheds: int = 0  # times a call was asked to come later
    failures: Counter[str] = field(default_factory=Counter)  # by reason; their seconds count with the others

    @property
    def changes(self) -> list[float]:
        """Seconds of all status changes."""
        return [each for kind, found in self.seconds.items() if kind != REPORT for each in found]

    async def time(self, kind: str, call: Call) -> float:
        """Returns the seconds until the call succeeded or failed for good, with the waits the server asked for."""
        begin = time.perf_counter()
        while True:
            try:
                await call()
                break
            except Exhausted as error:
                self.sheds += 1
                await asyncio.sleep(error.retry_after.total_seconds())
            except BallastError as error:
                self.failures[error.reason] += 1
                break
        seconds = time.perf_counter() - begin
        self.seconds.setdefault(kind, []).append(seconds)
        return seconds


class Person:
    """Works on single incidents, each of a component of its own, and reports single alerts as a source of its own."""

    def __init__(self, intake: "IntakeServiceAsyncStub") -> None:
        self._intake = intake

    async def open(self, count: int) -> list[str]:
        """Opens so many incidents and returns their names."""
        names: list[str] = []
        while len(names) < count:
            names += await self._report(min(count - len(names), _OPENED_AT_ONCE))
        return names

    def changes(self, incidents: list[str]) -> Iterator[tuple[str, Call]]:
        """Gives one status change for each incident, of the three kinds in turn; then the last one is noted on for ever.

        One each, as calls are not waited for: a second one on the same incident might overtake the first.
        """
        kinds = ((ACKNOWLEDGE, self._acknowledging), (NOTE, self._noting), (RESOLVE, self._resolving))
        for name, (kind, make) in zip(incidents, itertools.cycle(kinds), strict=False):
            yield kind, make(name)
        yield from ((NOTE, self._noting(incidents[-1])) for _ in itertools.count())

    async def work(self, incidents: list[str], latencies: Latencies, ended: asyncio.Event) -> None:
        """Begins a status change every 50 ms, whether or not the last one has ended, and now and then a report, until `ended`."""
        due = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, (kind, call) in enumerate(self.changes(incidents)):
                due += EVERY_SECONDS
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                if ended.is_set():
                    return
                latencies.lag.append(time.perf_counter() - due)
                group.create_task(latencies.time(kind, call))
                if number % REPORT_EVERY == 0:
                    group.create_task(latencies.time(REPORT, lambda: self._report(1)))

    async def once(self, latencies: Latencies) -> tuple[float, float]:
        """Reports a new alert and takes its incident; returns the seconds of both."""
        names: list[str] = []

        async def report() -> None:
            names.extend(await self._report(1))

        return await latencies.time(REPORT, report), await latencies.time(ACKNOWLEDGE, self._acknowledging(names[0]))

    async def _report(self, count: int) -> list[str]:
        reports = [alert_pb2.AlertReport(labels={"component": uuid.uuid4().hex, "alertname": "Down"}) for _ in range(count)]
        answer = await self._intake.ReportAlerts(pb.ReportAlertsRequest(source="bench-person", reports=reports))
        return [receipt.incident for receipt in answer.receipts]

    def _acknowledging(self, name: str) -> Call:
        request = pb.AcknowledgeIncidentRequest(name=name)
        return lambda: self._intake.AcknowledgeIncident(request)

    def _noting(self, name: str) -> Call:
        request = pb.AddTimelineEntryRequest(incident=name, text="looked at it: still burning")
        return lambda: self._intake.AddTimelineEntry(request)

    def _resolving(self, name: str) -> Call:
        request = pb.ResolveIncidentRequest(name=name, force=True)
        return lambda: self._intake.ResolveIncident(request)


@asynccontextmanager
async def person(address: str) -> AsyncIterator[Person]:
    """Connects a person as any client would be: with deadlines, errors and request ids."""
    channel = connect(address, deadline_seconds=60)
    try:
        yield Person(IntakeServiceStub(channel.grpc))
    finally:
        await channel.close()
