"""The RPCs of the queue: following assessments, and giving severities in their place."""

from collections.abc import AsyncIterator

from ballast.triage.v1 import queue_service_pb2 as pb
from ballast.triage.v1 import triage_events_pb2
from ballast.triage.v1.queue_service_pb2_grpc import QueueServiceServicer, add_QueueServiceServicer_to_server

from services.triage.domain.human_override import OverrideRecord
from services.triage.domain.severity import Severity
from services.triage.transport.convert import assessment_to_pb
from services.triage.transport.escalation_convert import escalation_to_pb, forecast_to_pb
from services.triage.usecases.escalations import Escalations
from services.triage.usecases.overrides import Overrides
from shared.events.feed import Feed
from shared.paging import page_query
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.rpc.wellknown import time_to_pb
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["QueueService"], add_QueueServiceServicer_to_server)
_TYPES = (triage_events_pb2.AssessmentMade.DESCRIPTOR.full_name,)


class QueueServicer(QueueServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, overrides: Overrides, escalations: Escalations, feed: Feed) -> None:
        self.database = database
        self._overrides = overrides
        self._escalations = escalations
        self._feed = feed

    @once(pb.OverrideSeverityResponse)
    async def OverrideSeverity(self, request: pb.OverrideSeverityRequest, context: object) -> pb.OverrideSeverityResponse:
        made = await self._overrides.give(request.name, Severity(request.severity), request.reason, request.etag)
        return pb.OverrideSeverityResponse(assessment=assessment_to_pb(made))

    @once(pb.WithdrawOverrideResponse)
    async def WithdrawOverride(self, request: pb.WithdrawOverrideRequest, context: object) -> pb.WithdrawOverrideResponse:
        made = await self._overrides.take_back(request.name, request.reason, request.etag)
        return pb.WithdrawOverrideResponse(assessment=assessment_to_pb(made))

    async def ListOverrides(self, request: pb.ListOverridesRequest, context: object) -> pb.ListOverridesResponse:
        paging = page_query(request.page_size, request.page_token, "ListOverrides", request.incident)
        page = await self._overrides.page(request.incident, paging)
        return pb.ListOverridesResponse(overrides=[_record_to_pb(each) for each in page.items], next_page_token=page.next_page_token)

    async def GetRestoreForecast(self, request: pb.GetRestoreForecastRequest, context: object) -> pb.GetRestoreForecastResponse:
        return pb.GetRestoreForecastResponse(forecast=forecast_to_pb(*await self._escalations.forecast(request.name)))

    async def ListEscalations(self, request: pb.ListEscalationsRequest, context: object) -> pb.ListEscalationsResponse:
        paging = page_query(request.page_size, request.page_token, "ListEscalations", request.incident)
        page = await self._escalations.page(request.incident, paging)
        escalations = [escalation_to_pb(each) for each in page.items]
        return pb.ListEscalationsResponse(escalations=escalations, next_page_token=page.next_page_token)

    async def WatchAssessments(self, request: pb.WatchAssessmentsRequest, context: object) -> AsyncIterator[pb.WatchAssessmentsResponse]:
        async for item in self._feed.follow(request.resume_token, _TYPES):
            made = item.event.unpack(triage_events_pb2.AssessmentMade).assessment if item.event else None
            yield pb.WatchAssessmentsResponse(assessment=made, resume_token=item.resume_token)


def _record_to_pb(record: OverrideRecord) -> pb.OverrideRecord:
    return pb.OverrideRecord(
        incident=record.incident,
        assessment_revision=record.assessment_revision,
        assessed_severity=record.assessed_severity.value,  # type: ignore[arg-type]
        severity=record.severity.value if record.severity else None,  # type: ignore[arg-type]
        reason=record.reason,
        author=record.author,
        create_time=time_to_pb(record.create_time),
    )
