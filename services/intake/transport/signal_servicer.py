"""The RPCs of the other ways in: events, changes, heartbeats."""

from ballast.intake.v1 import signal_messages_pb2 as pb
from ballast.intake.v1 import signal_service_pb2
from ballast.intake.v1.signal_service_pb2_grpc import SignalServiceServicer as Contract
from ballast.intake.v1.signal_service_pb2_grpc import add_SignalServiceServicer_to_server

from services.intake.domain.heartbeat import HeartbeatState
from services.intake.transport import signal_convert as convert
from services.intake.transport.published import published_from_pb
from services.intake.usecases.changes import Changes
from services.intake.usecases.heartbeats import Heartbeats
from services.intake.usecases.publish_events import PublishEvents
from shared.clock import Clock
from shared.errors import invalid_field
from shared.ids import id_of, uuid_of
from shared.paging import page_query
from shared.rpc.once import once, request_key
from shared.rpc.server import GrpcService
from shared.storage.database import Database
from shared.storage.requests import answered, settle

SERVICE = GrpcService(signal_service_pb2.DESCRIPTOR.services_by_name["SignalService"], add_SignalServiceServicer_to_server)
MOST_EVENTS = 1_000


class SignalServicer(Contract):
    """Parses, calls, answers."""

    def __init__(
        self, database: Database, changes: Changes, heartbeats: Heartbeats, publish: PublishEvents, clock: Clock, *, component_label: str
    ) -> None:
        self.database = database
        self._changes = changes
        self._heartbeats = heartbeats
        self._publish = publish
        self._clock = clock
        self._component_label = component_label

    async def PublishEvents(self, request: pb.PublishEventsRequest, context: object) -> pb.PublishEventsResponse:
        # Not marked `once`: alerts are stored in transactions that concurrent calls share, never in one of this call's.
        if not 1 <= len(request.batch.events) <= MOST_EVENTS:
            description = f"has {len(request.batch.events):,}; send 1 to {MOST_EVENTS:,} in a call"
            raise invalid_field("batch.events", description, reason="FIELD_INVALID")
        key = request_key(request, "PublishEvents")
        kept = await answered(self.database, key) if key else None
        if kept is not None:
            return pb.PublishEventsResponse.FromString(kept)
        events = [
            published_from_pb(each, f"batch.events[{index}]", self._component_label) for index, each in enumerate(request.batch.events)
        ]
        response = pb.PublishEventsResponse(results=[convert.event_result_to_pb(each) for each in await self._publish(events)])
        return pb.PublishEventsResponse.FromString(await settle(self.database, key, response.SerializeToString())) if key else response

    @once(pb.ReportChangesResponse)
    async def ReportChanges(self, request: pb.ReportChangesRequest, context: object) -> pb.ReportChangesResponse:
        places = [f"changes[{index}]" for index in range(len(request.changes))]
        reports = [convert.change_report_from_pb(each, place) for each, place in zip(request.changes, places, strict=True)]
        taken = await self._changes.report(request.source, reports, places)
        return pb.ReportChangesResponse(results=[convert.change_result_to_pb(each) for each in taken])

    async def GetChange(self, request: pb.GetChangeRequest, context: object) -> pb.GetChangeResponse:
        return pb.GetChangeResponse(change=convert.change_to_pb(await self._changes.get(uuid_of(request.name))))

    async def ListChanges(self, request: pb.ListChangesRequest, context: object) -> pb.ListChangesResponse:
        query = convert.change_query_from_pb(request)
        page = await self._changes.page(query, page_query(request.page_size, request.page_token, "ListChanges", query))
        return pb.ListChangesResponse(changes=[convert.change_to_pb(each) for each in page.items], next_page_token=page.next_page_token)

    @once(pb.SetHeartbeatResponse)
    async def SetHeartbeat(self, request: pb.SetHeartbeatRequest, context: object) -> pb.SetHeartbeatResponse:
        sent = request.heartbeat
        rhythm = convert.rhythm_from_pb(sent)
        after = await self._heartbeats.set(id_of(sent.name), rhythm, sent.etag, validate_only=request.validate_only)
        return pb.SetHeartbeatResponse(heartbeat=convert.heartbeat_to_pb(after, self._clock.now()))

    async def GetHeartbeat(self, request: pb.GetHeartbeatRequest, context: object) -> pb.GetHeartbeatResponse:
        found = await self._heartbeats.get(id_of(request.name))
        return pb.GetHeartbeatResponse(heartbeat=convert.heartbeat_to_pb(found, self._clock.now()))

    async def ListHeartbeats(self, request: pb.ListHeartbeatsRequest, context: object) -> pb.ListHeartbeatsResponse:
        states = [HeartbeatState(each) for each in request.states]
        page = await self._heartbeats.page(states, page_query(request.page_size, request.page_token, "ListHeartbeats", states))
        now = self._clock.now()
        heartbeats = [convert.heartbeat_to_pb(each, now) for each in page.items]
        return pb.ListHeartbeatsResponse(heartbeats=heartbeats, next_page_token=page.next_page_token)

    @once(pb.HeartbeatResponse, counted=True)
    async def Heartbeat(self, request: pb.HeartbeatRequest, context: object) -> pb.HeartbeatResponse:
        places = [f"beats[{index}]" for index in range(len(request.beats))]
        beats = [convert.beat_from_pb(each, place) for each, place in zip(request.beats, places, strict=True)]
        taken = await self._heartbeats.beat(beats, places)
        now = self._clock.now()
        return pb.HeartbeatResponse(results=[convert.beat_result_to_pb(each, now) for each in taken])

    @once(pb.RemoveHeartbeatResponse)
    async def RemoveHeartbeat(self, request: pb.RemoveHeartbeatRequest, context: object) -> pb.RemoveHeartbeatResponse:
        await self._heartbeats.remove(id_of(request.name), request.etag)
        return pb.RemoveHeartbeatResponse()
