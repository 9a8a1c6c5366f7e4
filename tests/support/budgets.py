"""A running triage with SLOs, and builders of what budgets are fed with."""

import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ballast.events.v1 import event_sink_service_pb2
from ballast.events.v1.cloudevents_pb2 import CloudEventBatch
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceStub
from ballast.intake.v1 import incident_pb2, intake_events_pb2, maintenance_window_pb2, matcher_pb2, muting_events_pb2
from ballast.triage.v1 import budget_policy_service_pb2, error_budget_pb2, error_budget_service_pb2, sli_service_pb2
from ballast.triage.v1.budget_policy_service_pb2_grpc import BudgetPolicyServiceStub
from ballast.triage.v1.error_budget_service_pb2_grpc import ErrorBudgetServiceStub
from ballast.triage.v1.sli_service_pb2_grpc import SliServiceStub
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import insert

from services.triage.app import build
from services.triage.domain.slo import BudgetingMethod, Indicator, Objective, RollingWindow, Slo, Window
from services.triage.settings import TriageSettings
from services.triage.storage.slo_rows import slo_to_json
from services.triage.storage.slo_tables import slo as slo_table
from shared.app import App
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.events.event import EncodedEvent, cloud_event
from shared.rpc.wellknown import duration_to_pb
from shared.storage.database import Database
from tests.support.serving import serving

if TYPE_CHECKING:
    # These exist for the type checker only.
    from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceAsyncStub
    from ballast.triage.v1.budget_policy_service_pb2_grpc import BudgetPolicyServiceAsyncStub
    from ballast.triage.v1.error_budget_service_pb2_grpc import ErrorBudgetServiceAsyncStub
    from ballast.triage.v1.sli_service_pb2_grpc import SliServiceAsyncStub

SERVICES = [
    error_budget_service_pb2.DESCRIPTOR.services_by_name["ErrorBudgetService"],
    sli_service_pb2.DESCRIPTOR.services_by_name["SliService"],
    budget_policy_service_pb2.DESCRIPTOR.services_by_name["BudgetPolicyService"],
    event_sink_service_pb2.DESCRIPTOR.services_by_name["EventSinkService"],
]
MONTH = timedelta(days=30)


def slo(
    identifier: str,
    component: str = "",
    *targets: float,
    window: Window | None = None,
    method: BudgetingMethod = BudgetingMethod.OCCURRENCES,
    counter: bool = False,
) -> Slo:
    """Returns an SLO of 99.9 % over a rolling month, which counts what came since the sample before."""
    objectives = tuple(
        Objective(target, slice_length=None if method is BudgetingMethod.OCCURRENCES else timedelta(minutes=5))
        for target in targets or (0.999,)
    )
    return Slo(
        f"slos/{identifier}",
        f"components/{component or identifier}",
        method,
        window or RollingWindow(MONTH),
        objectives,
        Indicator(is_counter=counter),
    )


def sample(of: Slo, at: datetime, good: float, total: float, source: str = "test", *, reset: bool = False) -> sli_service_pb2.SliSample:
    return sli_service_pb2.SliSample(slo=of.name, source=source, occurred_at=stamp(at), good=good, total=total, reset=reset)


def stamp(at: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(at)
    return made


@dataclass(frozen=True, slots=True)
class Triage:
    """A running triage and stubs that call it."""

    app: App
    clock: SimulatedClock
    budgets: "ErrorBudgetServiceAsyncStub"
    sli: "SliServiceAsyncStub"
    policies: "BudgetPolicyServiceAsyncStub"
    sink: "EventSinkServiceAsyncStub"

    @property
    def address(self) -> str:
        return self.app.server.address

    async def put(self, *slos: Slo) -> None:
        """Stores SLOs as an import would, without documents."""
        await put_slos(self.app.database, slos, self.clock.now())

    async def record(self, *samples: sli_service_pb2.SliSample) -> sli_service_pb2.RecordSliResponse:
        return await self.sli.RecordSli(sli_service_pb2.RecordSliRequest(request_id=str(uuid.uuid4()), samples=samples))

    async def fill(self, of: Slo, minutes: Iterable[int], good: float, total: float) -> None:
        """Records the same counts for each of these minutes before now."""
        now = self.clock.now()
        answered = await self.record(*(sample(of, now - timedelta(minutes=each), good, total) for each in minutes))
        assert not answered.errors, answered.errors

    async def budget(self, of: Slo, objective: int = 0) -> error_budget_pb2.ErrorBudget:
        response = await self.budgets.GetErrorBudget(error_budget_service_pb2.GetErrorBudgetRequest(slo=of.name))
        return response.error_budgets[objective]

    async def tell(self, subject: str, version: int, data: Message) -> None:
        """Delivers an event of intake."""
        event = cloud_event(str(uuid.uuid4()), "/ballast/intake", EncodedEvent(subject, version, data, self.clock.now()), {})
        await self.sink.Deliver(event_sink_service_pb2.DeliverRequest(batch=CloudEventBatch(events=[event])))

    async def incident(
        self,
        component: str,
        opened_at: datetime,
        ended_at: datetime | None = None,
        cause: "incident_pb2.IncidentCause.ValueType" = incident_pb2.INCIDENT_CAUSE_UNSPECIFIED,
        ref: str = "",
        name: str = "",
    ) -> str:
        name = name or f"incidents/{uuid.uuid4()}"
        incident = incident_pb2.Incident(
            name=name,
            state=incident_pb2.INCIDENT_STATE_RESOLVED if ended_at else incident_pb2.INCIDENT_STATE_OPEN,
            components=[component],
            group_labels={"alertname": "Slow", "component": component},
            opened_at=stamp(opened_at),
            resolved_at=stamp(ended_at) if ended_at else None,
            attribution=incident_pb2.CauseAttribution(cause=cause, ref=ref) if cause else None,
        )
        await self.tell(name, 1, intake_events_pb2.IncidentOpened(incident=incident))
        return name

    async def plan(
        self, component: str, starts_at: datetime, duration: timedelta, made_at: datetime, **more: object
    ) -> maintenance_window_pb2.MaintenanceWindow:
        values: dict[str, object] = {
            "name": f"maintenanceWindows/{uuid.uuid4()}",
            "version": 1,
            "matchers": [matcher_pb2.Matcher(label="component", operator=matcher_pb2.MATCH_OPERATOR_EQUAL, value=component)],
            "starts_at": starts_at.replace(tzinfo=None).isoformat(),
            "time_zone": "UTC",
            "duration": duration_to_pb(duration),
            "reason": "new disks",
            "approver": "grace",
            "update_time": stamp(made_at),
        }
        window = maintenance_window_pb2.MaintenanceWindow(**(values | more))  # type: ignore[arg-type]
        await self.tell(window.name, window.version, muting_events_pb2.MaintenanceWindowChanged(maintenance_window=window))
        return window


async def put_slos(database: Database, slos: Sequence[Slo], now: datetime) -> None:
    rows = [
        {
            "name": each.name,
            "component": each.component,
            "revision": 1,
            "document": {},
            "slo": slo_to_json(each),
            "refs": [],
            "author": "ada",
            "created_at": now,
            "updated_at": now,
        }
        for each in slos
    ]
    async with database.transaction() as connection:
        await connection.execute(insert(slo_table), rows)


@asynccontextmanager
async def triage_serving(url: str, engines: Engines, clock: SimulatedClock) -> AsyncIterator[Triage]:
    settings = TriageSettings(port=0, database_url=url, cache_url=engines.cache_url, subscribers={})
    async with serving(build(settings, clock), SERVICES) as served:
        grpc = served.channel.grpc
        stubs = (ErrorBudgetServiceStub(grpc), SliServiceStub(grpc), BudgetPolicyServiceStub(grpc), EventSinkServiceStub(grpc))
        yield Triage(served.app, clock, *stubs)
