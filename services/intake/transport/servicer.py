"""The RPCs of intake."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from ballast.intake.v1 import explanation_pb2, intake_service_pb, storm_pb2, stream_pb, stream_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceServicer, add_IntakeServiceServicer_to_server

from services.intake.transport import convert
from services.intake.transport.events import INCIDENT_TYPES, incident_from_event
from services.intake.transport.explanation_convert import explanation_to_pb
from services.intake.transport.reception import Reception
from services.intake.transport.storm_convert import state_to_pb, storm_to_pb
from services.intake.usecases.alerts import Alerts
from services.intake.usecases.incidents import Incidents
from shared.events.feed import Feed
from shared.ids import uuid_of
from shared.paging import page_query
from shared.rpc.native import reads
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.storage.database import Database

SERVICE = GrpcService(
    pb.DESCRIPTOR.services_by_name["IntakeService"],
    add_IntakeServiceServicer_to_server,
    salvaged={"ReportAlerts": "reports", "StreamAlerts": "reports"},
)


class IntakeServicer(IntakeServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, reception: Reception, alerts: Alerts, incidents: Incidents, feed: Feed) -> None:
        self.database = database
        self._reception = reception
        self._alerts = alerts
        self._incidents = incidents
        self._feed = feed

    @reads(intake_service_pb.ReportAlertsRequest)
    async def ReportAlerts(  # type: ignore[override]  # the request comes as `reads` says
        self, request: intake_service_pb.ReportAlertsRequest, context: object
    ) -> pb.ReportAlertsResponse:
        return await self._reception.report(request)

    @reads(stream_pb.StreamAlertsRequest)
    async def StreamAlerts(  # type: ignore[override]  # the same
        self, request: AsyncIterator[stream_pb.StreamAlertsRequest], context: object
    ) -> AsyncIterator[stream_pb2.StreamAlertsResponse]:
        async with aclosing(self._reception.stream(request)) as responses:  # or a caller that leaves would leave it reading
            async for response in responses:
                yield response

    async def ListAlerts(self, request: pb.ListAlertsRequest, context: object) -> pb.ListAlertsResponse:
        incident_id = uuid_of(request.incident) if request.incident else None
        page = await self._alerts.page(incident_id, page_query(request.page_size, request.page_token, "ListAlerts", request.incident))
        return pb.ListAlertsResponse(alerts=[convert.alert_to_pb(each) for each in page.items], next_page_token=page.next_page_token)

    async def GetAlert(self, request: explanation_pb2.GetAlertRequest, context: object) -> explanation_pb2.GetAlertResponse:
        return explanation_pb2.GetAlertResponse(alert=convert.alert_to_pb(await self._alerts.get(uuid_of(request.name))))

    async def ExplainAlert(self, request: explanation_pb2.ExplainAlertRequest, context: object) -> explanation_pb2.ExplainAlertResponse:
        return explanation_to_pb(await self._alerts.explain(uuid_of(request.name)))

    async def GetStormState(self, request: storm_pb2.GetStormStateRequest, context: object) -> storm_pb2.GetStormStateResponse:
        return state_to_pb(await self._reception.storm_state())

    async def ListStorms(self, request: storm_pb2.ListStormsRequest, context: object) -> storm_pb2.ListStormsResponse:
        page = await self._reception.storms.page(page_query(request.page_size, request.page_token, "ListStorms"))
        return storm_pb2.ListStormsResponse(storms=[storm_to_pb(each) for each in page.items], next_page_token=page.next_page_token)

    async def GetIncident(self, request: pb.GetIncidentRequest, context: object) -> pb.GetIncidentResponse:
        return pb.GetIncidentResponse(incident=convert.incident_to_pb(await self._incidents.get(uuid_of(request.name))))

    async def ListIncidents(self, request: pb.ListIncidentsRequest, context: object) -> pb.ListIncidentsResponse:
        query = convert.query_from_pb(request)
        page = await self._incidents.page(query, page_query(request.page_size, request.page_token, "ListIncidents", query))
        incidents = [convert.incident_to_pb(each) for each in page.items]
        return pb.ListIncidentsResponse(incidents=incidents, next_page_token=page.next_page_token)

    @once(pb.AcknowledgeIncidentResponse)
    async def AcknowledgeIncident(self, request: pb.AcknowledgeIncidentRequest, context: object) -> pb.AcknowledgeIncidentResponse:
        incident = await self._incidents.acknowledge(uuid_of(request.name), convert.occasion_from_pb(request, request.note))
        return pb.AcknowledgeIncidentResponse(incident=convert.incident_to_pb(incident))

    @once(pb.ResolveIncidentResponse)
    async def ResolveIncident(self, request: pb.ResolveIncidentRequest, context: object) -> pb.ResolveIncidentResponse:
        occasion = convert.occasion_from_pb(request, request.note)
        incident = await self._incidents.resolve(uuid_of(request.name), occasion, force=request.force)
        return pb.ResolveIncidentResponse(incident=convert.incident_to_pb(incident))

    @once(pb.AddTimelineEntryResponse)
    async def AddTimelineEntry(self, request: pb.AddTimelineEntryRequest, context: object) -> pb.AddTimelineEntryResponse:
        entry = await self._incidents.add_entry(uuid_of(request.incident), convert.occasion_from_pb(request, request.text))
        return pb.AddTimelineEntryResponse(entry=convert.entry_to_pb(entry))

    async def ListTimeline(self, request: pb.ListTimelineRequest, context: object) -> pb.ListTimelineResponse:
        paging = page_query(request.page_size, request.page_token, "ListTimeline", request.incident)
        page = await self._incidents.timeline(uuid_of(request.incident), paging)
        return pb.ListTimelineResponse(entries=[convert.entry_to_pb(each) for each in page.items], next_page_token=page.next_page_token)

    async def WatchIncidents(self, request: pb.WatchIncidentsRequest, context: object) -> AsyncIterator[pb.WatchIncidentsResponse]:
        async for item in self._feed.follow(request.resume_token, INCIDENT_TYPES):
            incident = incident_from_event(item.event) if item.event else None
            yield pb.WatchIncidentsResponse(incident=incident, resume_token=item.resume_token)
