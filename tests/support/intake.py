"""A running intake, and builders of what is sent to it."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ballast.events.v1 import event_admin_service_pb2
from ballast.events.v1.event_admin_service_pb2_grpc import EventAdminServiceStub
from ballast.intake.v1 import alert_pb2, incident_pb2, incident_service_pb2, muting_service_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.incident_service_pb2_grpc import IncidentServiceStub
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub
from ballast.intake.v1.muting_service_pb2_grpc import MutingServiceStub

from services.intake.app import build
from services.intake.settings import IntakeSettings
from shared.app import App
from shared.clock import Clock
from shared.embedded import Engines
from shared.rpc.client import Channel
from tests.conftest import START
from tests.support.serving import serving

if TYPE_CHECKING:
    # These exist for the type checker only.
    from ballast.events.v1.event_admin_service_pb2_grpc import EventAdminServiceAsyncStub
    from ballast.intake.v1.incident_service_pb2_grpc import IncidentServiceAsyncStub
    from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceAsyncStub
    from ballast.intake.v1.muting_service_pb2_grpc import MutingServiceAsyncStub

SERVICE = pb.DESCRIPTOR.services_by_name["IntakeService"]
LIFE = incident_service_pb2.DESCRIPTOR.services_by_name["IncidentService"]
MUTING = muting_service_pb2.DESCRIPTOR.services_by_name["MutingService"]
ADMIN = event_admin_service_pb2.DESCRIPTOR.services_by_name["EventAdminService"]


@dataclass(frozen=True, slots=True)
class Intake:
    """A running intake and stubs that call it."""

    app: App
    channel: Channel
    rpc: "IntakeServiceAsyncStub"
    life: "IncidentServiceAsyncStub"
    admin: "EventAdminServiceAsyncStub"
    muting: "MutingServiceAsyncStub"

    @property
    def address(self) -> str:
        return self.app.server.address

    async def send(self, *reports: alert_pb2.AlertReport, source: str = "test") -> list[alert_pb2.AlertReceipt]:
        request = pb.ReportAlertsRequest(request_id=str(uuid.uuid4()), source=source, reports=reports)
        return list((await self.rpc.ReportAlerts(request)).receipts)

    async def open(self, component: str = "", starts_at: float = 0) -> str:
        """Opens an incident, of a component of its own unless named, and returns the incident's name."""
        return (await self.send(report(component or uuid.uuid4().hex, starts_at)))[0].incident

    async def incident(self, name: str) -> incident_pb2.Incident:
        return (await self.rpc.GetIncident(pb.GetIncidentRequest(name=name))).incident

    async def alerts(self, incident: str) -> list[alert_pb2.Alert]:
        return list((await self.rpc.ListAlerts(pb.ListAlertsRequest(incident=incident, page_size=1000))).alerts)

    async def told(self, incident: str) -> list[tuple[str, str]]:
        """Returns the incident's time-line as (kind, text)."""
        entries = (await self.rpc.ListTimeline(pb.ListTimelineRequest(incident=incident, page_size=1000))).entries
        return [(incident_pb2.TimelineKind.Name(each.kind).removeprefix("TIMELINE_KIND_"), each.text) for each in entries]


@asynccontextmanager
async def intake_serving(urls: dict[str, str], engines: Engines, clock: Clock, **settings: Any) -> AsyncIterator[Intake]:
    """Serves intake on a free port, without subscribers unless given."""
    values: dict[str, Any] = {"port": 0, "database_url": urls["intake"], "cache_url": engines.cache_url, "subscribers": {}} | settings
    async with serving(build(IntakeSettings(**values), clock), [SERVICE, LIFE, ADMIN, MUTING]) as served:
        grpc_channel = served.channel.grpc
        stubs = (
            IntakeServiceStub(grpc_channel),
            IncidentServiceStub(grpc_channel),
            EventAdminServiceStub(grpc_channel),
            MutingServiceStub(grpc_channel),
        )
        yield Intake(served.app, served.channel, *stubs)


def report(component: str, starts_at: float = 0, ends_at: float | None = None, **labels: str) -> alert_pb2.AlertReport:
    """Builds a report; times in seconds after START."""
    built = alert_pb2.AlertReport(labels={"component": component, **labels})
    built.starts_at.FromDatetime(START + timedelta(seconds=starts_at))
    if ends_at is not None:
        built.ends_at.FromDatetime(START + timedelta(seconds=ends_at))
    return built
