"""Reception on the wire: batches in one call, and batches in a stream."""

from collections.abc import AsyncGenerator, AsyncIterator
from uuid import UUID

from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1 import stream_pb2
from ballast.intake.v1.intake_service_pb import ReportAlertsRequest
from ballast.intake.v1.stream_pb import StreamAlertsRequest

from services.intake.transport.reports import ReportReader, receipts_to_pb
from services.intake.transport.streaming import Streaming
from services.intake.usecases.load import Load, StormState
from services.intake.usecases.report_alerts import ReportAlerts
from services.intake.usecases.storms import Storms
from services.intake.usecases.streams import Streams
from shared.clock import Clock
from shared.rpc.once import by_caller
from shared.storage.requests import RequestKey


class Reception:
    """Reads reports off the wire, has them stored, and answers with receipts."""

    def __init__(self, reports: ReportAlerts, reader: ReportReader, streams: Streams, load: Load, storms: Storms, clock: Clock) -> None:
        self._reports = reports
        self._reader = reader
        self._streaming = Streaming(reports, reader, streams, clock)
        self._load = load
        self.storms = storms
        self._clock = clock

    async def storm_state(self) -> StormState:
        return await self._load.state()

    async def report(self, request: ReportAlertsRequest) -> pb.ReportAlertsResponse:
        """Answers ReportAlerts. Not marked `once`: concurrent calls share a transaction, which keeps the answers itself."""
        sent = self._reader.read(request.source, request.reports, self._clock.now())
        # The digest of what was read costs a tenth of writing the message again in a form that is the same for all senders.
        key = RequestKey(UUID(request.request_id), "ReportAlerts", by_caller(sent.digest())) if request.request_id else None
        receipts = await self._reports(sent, request.source, key)
        return pb.ReportAlertsResponse(receipts=receipts_to_pb(sent, receipts))

    def stream(self, requests: AsyncIterator[StreamAlertsRequest]) -> AsyncGenerator[stream_pb2.StreamAlertsResponse]:
        """Answers StreamAlerts."""
        return self._streaming(requests)
