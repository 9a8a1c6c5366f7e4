"""The RPCs of the incident service."""

from ballast.intake.v1 import incident_service_pb2 as pb
from ballast.intake.v1 import incident_shaping_pb2
from ballast.intake.v1.incident_service_pb2_grpc import IncidentServiceServicer, add_IncidentServiceServicer_to_server

from services.intake.domain.incident import Cause, Role, Severity
from services.intake.transport.convert import incident_to_pb, occasion_from_pb
from services.intake.usecases.incidents import Declared, Incidents
from services.intake.usecases.particulars import Particulars, Suspicion
from services.intake.usecases.shaping import Shapings
from shared.ids import uuid_of
from shared.rpc.once import once
from shared.rpc.server import GrpcService
from shared.rpc.wellknown import time_from_pb
from shared.storage.database import Database

SERVICE = GrpcService(pb.DESCRIPTOR.services_by_name["IncidentService"], add_IncidentServiceServicer_to_server)


class IncidentServicer(IncidentServiceServicer):
    """Parses, calls, answers."""

    def __init__(self, database: Database, incidents: Incidents, particulars: Particulars, shapings: Shapings) -> None:
        self.database = database
        self._incidents = incidents
        self._particulars = particulars
        self._shapings = shapings

    @once(pb.DeclareIncidentResponse)
    async def DeclareIncident(self, request: pb.DeclareIncidentRequest, context: object) -> pb.DeclareIncidentResponse:
        severity = Severity(request.severity) if request.severity else None
        opened_at = time_from_pb(request, "opened_at")
        declared = Declared(request.title, request.summary, tuple(request.components), severity, opened_at)
        incident = await self._incidents.declare(declared, occasion_from_pb(request, request.note))
        return pb.DeclareIncidentResponse(incident=incident_to_pb(incident))

    @once(pb.MitigateIncidentResponse)
    async def MitigateIncident(self, request: pb.MitigateIncidentRequest, context: object) -> pb.MitigateIncidentResponse:
        incident = await self._incidents.mitigate(uuid_of(request.name), occasion_from_pb(request, request.note))
        return pb.MitigateIncidentResponse(incident=incident_to_pb(incident))

    @once(incident_shaping_pb2.ReopenIncidentResponse)
    async def ReopenIncident(
        self, request: incident_shaping_pb2.ReopenIncidentRequest, context: object
    ) -> incident_shaping_pb2.ReopenIncidentResponse:
        incident = await self._shapings.reopen(uuid_of(request.name), occasion_from_pb(request, request.reason))
        return incident_shaping_pb2.ReopenIncidentResponse(incident=incident_to_pb(incident))

    @once(incident_shaping_pb2.MergeIncidentsResponse)
    async def MergeIncidents(
        self, request: incident_shaping_pb2.MergeIncidentsRequest, context: object
    ) -> incident_shaping_pb2.MergeIncidentsResponse:
        into, ids = uuid_of(request.into), [uuid_of(each) for each in request.incidents]
        occasion = occasion_from_pb(request, request.reason)
        survivor, merged = await self._shapings.merge(into, ids, occasion, preview=request.validate_only)
        return incident_shaping_pb2.MergeIncidentsResponse(
            incident=incident_to_pb(survivor), merged=[incident_to_pb(each) for each in merged]
        )

    @once(incident_shaping_pb2.SplitIncidentResponse)
    async def SplitIncident(
        self, request: incident_shaping_pb2.SplitIncidentRequest, context: object
    ) -> incident_shaping_pb2.SplitIncidentResponse:
        alerts = [uuid_of(each) for each in request.alerts]
        occasion = occasion_from_pb(request, request.reason)
        old, new = await self._shapings.split(uuid_of(request.name), alerts, request.title, occasion, preview=request.validate_only)
        return incident_shaping_pb2.SplitIncidentResponse(incident=incident_to_pb(old), split=incident_to_pb(new))

    @once(pb.AssignRoleResponse)
    async def AssignRole(self, request: pb.AssignRoleRequest, context: object) -> pb.AssignRoleResponse:
        occasion = occasion_from_pb(request, request.note)
        incident = await self._particulars.assign(uuid_of(request.name), Role(request.role), request.person.strip(), occasion)
        return pb.AssignRoleResponse(incident=incident_to_pb(incident))

    @once(pb.SetIncidentSeverityResponse)
    async def SetIncidentSeverity(self, request: pb.SetIncidentSeverityRequest, context: object) -> pb.SetIncidentSeverityResponse:
        severity = Severity(request.severity) if request.severity else None
        incident = await self._particulars.rate(uuid_of(request.name), severity, occasion_from_pb(request, request.reason))
        return pb.SetIncidentSeverityResponse(incident=incident_to_pb(incident))

    @once(pb.AttributeCauseResponse)
    async def AttributeCause(self, request: pb.AttributeCauseRequest, context: object) -> pb.AttributeCauseResponse:
        suspicion = Suspicion(Cause(request.cause), request.confidence, request.ref) if request.cause else None
        incident = await self._particulars.attribute(uuid_of(request.name), suspicion, occasion_from_pb(request, request.note))
        return pb.AttributeCauseResponse(incident=incident_to_pb(incident))
