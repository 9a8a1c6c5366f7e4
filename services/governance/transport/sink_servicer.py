"""The door events come in by."""

from ballast.events.v1.event_sink_service_pb2 import DELIVERY_OUTCOME_ACCEPTED, DeliverRequest, DeliverResponse
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceServicer

from services.governance.transport.events import arrival_from_event
from services.governance.usecases.record_events import RecordEvents
from shared.events.event import received_event


class SinkServicer(EventSinkServiceServicer):
    """Takes every event: known or unknown, new or of an old version. It needs no inbox: the ledger holds each event once for good."""

    def __init__(self, record_events: RecordEvents) -> None:
        self._record_events = record_events

    async def Deliver(self, request: DeliverRequest, context: object) -> DeliverResponse:
        """Answers once the events are durable; always ACCEPTED: nothing is stale to a ledger."""
        del context
        events = [received_event(wire, f"batch.events[{index}]") for index, wire in enumerate(request.batch.events)]
        await self._record_events([arrival_from_event(event) for event in events])
        return DeliverResponse(outcomes=[DELIVERY_OUTCOME_ACCEPTED] * len(events))
