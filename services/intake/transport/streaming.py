"""Batches in a stream: read ahead of their answers, applied in their order, and answered once they are durable."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from ballast.intake.v1 import alert_pb2
from ballast.intake.v1.stream_pb import StreamAlertsRequest
from ballast.intake.v1.stream_pb2 import StreamAlertsResponse

from services.intake.transport.reports import ReportReader, receipts_to_pb
from services.intake.usecases.receipts import Receipts
from services.intake.usecases.report_alerts import ReportAlerts
from services.intake.usecases.reports import Reports, Sent
from services.intake.usecases.streams import Streams
from shared.clock import Clock
from shared.errors import invalid_field

# Batches of one stream that are read and not answered. What is read while others are stored is stored together next.
WINDOW = 4


@dataclass(frozen=True, slots=True)
class _Batch:
    """One request, read; what of it was refused is in it."""

    sequence: int
    sent: Sent


class Streaming:
    """Takes streams of batches.

    The batches of a stream are applied one after the other or together, never side by side: what ends an alert may follow in the
    next batch on what began it.
    """

    def __init__(self, reports: ReportAlerts, reader: ReportReader, streams: Streams, clock: Clock) -> None:
        self._reports = reports
        self._reader = reader
        self._streams = streams
        self._clock = clock

    async def __call__(self, requests: AsyncIterator[StreamAlertsRequest]) -> AsyncGenerator[StreamAlertsResponse]:
        first = await anext(requests, None)
        if first is None:
            return
        if not first.source:
            raise invalid_field("source", "is empty; the first request of a stream says who sends", reason="SOURCE_MISSING")
        if "\0" in first.source:  # of a stream nobody looks for it when storing fails
            raise invalid_field("source", "holds a NUL character, which no store keeps; take it out", reason="FIELD_INVALID")
        stream_id = UUID(first.stream_id) if first.stream_id else None
        taken = await self._streams.taken(stream_id, first.source) if stream_id else 0
        if stream_id:
            yield StreamAlertsResponse(sequence=taken, window=WINDOW)
        ahead = _Ahead(first, requests, self._reader, self._clock)
        try:
            while batches := await ahead.read():
                told = await self._store(first.source, [each for each in batches if each.sequence > taken])
                if stream_id and told:
                    await self._streams.take(stream_id, first.source, max(told))
                for each in batches:
                    receipts = told.get(each.sequence)
                    yield StreamAlertsResponse(sequence=each.sequence, receipts=receipts or (), duplicate=receipts is None, window=WINDOW)
                    ahead.answered()
        finally:
            await ahead.close()

    async def _store(self, source: str, batches: Sequence[_Batch]) -> dict[int, list[alert_pb2.AlertReceipt]]:
        """Returns the receipts of each batch, by its sequence, once all of them are durable."""
        together, receipts = Reports(), Receipts([], [], [])
        for each in batches:
            together.extend(each.sent.reports)
        if len(together):  # a stream goes on when every report of a batch is refused
            receipts = await self._reports(Sent(together, list(range(len(together)))), source, None)
        found, begin = dict[int, list[alert_pb2.AlertReceipt]](), 0
        for each in batches:
            end = begin + len(each.sent.reports)
            found[each.sequence] = receipts_to_pb(each.sent, receipts.part(begin, end))
            begin = end
        return found


class _Ahead:
    """Reads a stream while fewer than WINDOW of its batches wait for their answers; then the sender waits in the connection."""

    def __init__(
        self, first: StreamAlertsRequest, requests: AsyncIterator[StreamAlertsRequest], reader: ReportReader, clock: Clock
    ) -> None:
        self._source = first.source
        self._reader = reader
        self._clock = clock
        self._last = 0
        self._free = asyncio.Semaphore(WINDOW)
        self._read: asyncio.Queue[_Batch | None] = asyncio.Queue()  # None at the end
        self._task = asyncio.create_task(self._run(first, requests))

    async def read(self) -> list[_Batch]:
        """Returns all that was read by now, at least one batch; none at the end of the stream. Raises what a request is refused for."""
        batches: list[_Batch] = []
        while not batches or not self._read.empty():
            batch = await self._read.get()
            if batch is None:
                if batches:
                    self._read.put_nowait(None)
                else:
                    await self._task
                break
            batches.append(batch)
        return batches

    def answered(self) -> None:
        self._free.release()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, first: StreamAlertsRequest, requests: AsyncIterator[StreamAlertsRequest]) -> None:
        request: StreamAlertsRequest | None = first
        try:
            if _only_opens(first):
                request = await anext(requests, None)
            await self._free.acquire()
            while request is not None:
                self._check(request)
                sent = self._reader.read(self._source, request.reports, self._clock.now())
                self._read.put_nowait(_Batch(request.sequence, sent))
                await self._free.acquire()
                request = await anext(requests, None)
        finally:
            self._read.put_nowait(None)

    def _check(self, request: StreamAlertsRequest) -> None:
        """Raises InvalidInput for a batch out of its order, or of another source."""
        if request.source not in {"", self._source}:
            raise invalid_field(
                "source", f"is {request.source!r}, the stream's is {self._source!r}; open a stream for each source", reason="SOURCE_CHANGED"
            )
        if request.sequence <= self._last:
            raise invalid_field(
                "sequence", f"is {request.sequence} after {self._last}; number batches from 1 on, each higher", reason="SEQUENCE_INVALID"
            )
        self._last = request.sequence


def _only_opens(first: StreamAlertsRequest) -> bool:
    """Whether the first request is no batch: it asks where to go on, or says no more than who sends."""
    return not first.reports and bool(first.stream_id or not first.sequence)
