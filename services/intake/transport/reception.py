"""Reception on the wire: batches in one call, and batches in a stream."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from uuid import UUID

from ballast.intake.v1 import alert_pb2, stream_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb import ReportAlertsRequest
from ballast.intake.v1.stream_pb import StreamAlertsRequest

from services.intake.transport.reports import ReportReader, receipts_to_pb
from services.intake.usecases.load import Load, StormState
from services.intake.usecases.report_alerts import ReportAlerts
from services.intake.usecases.reports import Receipts
from services.intake.usecases.storms import Storms
from services.intake.usecases.streams import Streams
from shared.clock import Clock
from shared.errors import invalid_field
from shared.storage.requests import RequestKey

# Batches of one stream that are under way at once: two keep the writer busy, more only wait.
WINDOW = 4


class Reception:
    """Reads reports off the wire, has them stored, and answers with receipts."""

    def __init__(self, reports: ReportAlerts, reader: ReportReader, streams: Streams, load: Load, storms: Storms, clock: Clock) -> None:
        self._reports = reports
        self._reader = reader
        self._streams = streams
        self._load = load
        self.storms = storms
        self._clock = clock

    async def storm_state(self) -> StormState:
        return await self._load.state()

    async def report(self, request: ReportAlertsRequest) -> pb.ReportAlertsResponse:
        """Answers ReportAlerts. Not marked `once`: concurrent calls share a transaction, which keeps the answers itself."""
        response = pb.ReportAlertsResponse()
        sent = self._reader.read(request.source, request.reports, self._clock.now())
        # The digest of what was read costs a tenth of writing the message again in a form that is the same for all senders.
        key = RequestKey(UUID(request.request_id), "ReportAlerts", sent.digest()) if request.request_id else None

        def encode(receipts: Receipts) -> bytes:
            del response.receipts[:]  # a group that failed is tried again
            response.receipts.extend(receipts_to_pb(sent, receipts))
            return response.SerializeToString() if key else b""

        kept = await self._reports(sent, request.source, key, encode)
        return response if kept is None else pb.ReportAlertsResponse.FromString(kept)

    async def stream(self, requests: AsyncIterator[StreamAlertsRequest]) -> AsyncIterator[stream_pb2.StreamAlertsResponse]:
        """Answers StreamAlerts: reads on while fewer than WINDOW batches are under way, and answers them in their order."""
        first = await anext(requests, None)
        if first is None:
            return
        if not first.source:
            raise invalid_field("source", "is empty; the first request of a stream says who sends", reason="SOURCE_MISSING")
        stream_id = UUID(first.stream_id) if first.stream_id else None
        taken = await self._streams.taken(stream_id, first.source) if stream_id else 0
        if stream_id:
            yield stream_pb2.StreamAlertsResponse(sequence=taken, window=WINDOW)
        batches = _Batches(first.source)
        under_way: deque[asyncio.Task[stream_pb2.StreamAlertsResponse]] = deque()
        reading: asyncio.Task[StreamAlertsRequest | None] | None = None
        request: StreamAlertsRequest | None = first
        try:
            while request is not None or reading is not None or under_way:
                if request is not None:
                    if request.reports:
                        under_way.append(asyncio.create_task(self._batch(batches.checked(request), first.source, taken)))
                    request = None
                    reading = asyncio.create_task(_next_of(requests))
                if under_way and (under_way[0].done() or len(under_way) >= WINDOW or reading is None):
                    response = await under_way.popleft()
                    if stream_id and not response.duplicate:
                        await self._streams.take(stream_id, first.source, response.sequence)
                    yield response
                    continue
                waited: Iterable[asyncio.Task[object]] = [each for each in (reading, *list(under_way)[:1]) if each is not None]
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                if reading is not None and reading.done():
                    request = reading.result()
                    reading = None
        finally:
            for task in (*under_way, *([reading] if reading is not None else [])):
                task.cancel()
            await asyncio.gather(*under_way, *([reading] if reading is not None else []), return_exceptions=True)

    async def _batch(self, request: StreamAlertsRequest, source: str, taken: int) -> stream_pb2.StreamAlertsResponse:
        if request.sequence <= taken:
            return stream_pb2.StreamAlertsResponse(sequence=request.sequence, duplicate=True, window=WINDOW)
        sent = self._reader.read(source, request.reports, self._clock.now())
        receipts: list[alert_pb2.AlertReceipt] = []

        def encode(told: Receipts) -> bytes:
            receipts[:] = receipts_to_pb(sent, told)
            return b""

        if len(sent.reports):
            await self._reports(sent, source, None, encode)
        else:  # a stream goes on when every report of a batch is refused
            encode(Receipts([], [], []))
        return stream_pb2.StreamAlertsResponse(sequence=request.sequence, receipts=receipts, window=WINDOW)


class _Batches:
    """What must hold from one batch of a stream to the next."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._last = 0

    def checked(self, request: StreamAlertsRequest) -> StreamAlertsRequest:
        """Raises InvalidInput for a batch out of its order, or of another source."""
        if request.source not in {"", self._source}:
            raise invalid_field("source", f"is {request.source!r}, the stream's is {self._source!r}; open a stream for each source")
        if request.sequence <= self._last:
            raise invalid_field(
                "sequence", f"is {request.sequence} after {self._last}; number batches from 1 on, each higher", reason="SEQUENCE_INVALID"
            )
        self._last = request.sequence
        return request


async def _next_of(requests: AsyncIterator[StreamAlertsRequest]) -> StreamAlertsRequest | None:
    return await anext(requests, None)
