"""A running governance, and events as the other services would send them."""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ballast.allocation.v1 import allocation_events_pb2, decision_pb2, roadmap_item_pb2
from ballast.events.v1.cloudevents_pb2 import CloudEvent, CloudEventBatch
from ballast.events.v1.event_sink_service_pb2 import DeliverRequest
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceStub
from ballast.governance.v1 import governance_service_pb2 as pb
from ballast.governance.v1 import ledger_service_pb2, lineage_service_pb2, segment_service_pb2
from ballast.governance.v1.governance_service_pb2_grpc import GovernanceServiceStub
from ballast.governance.v1.ledger_service_pb2_grpc import LedgerServiceStub
from ballast.governance.v1.lineage_service_pb2_grpc import LineageServiceStub
from ballast.governance.v1.segment_service_pb2_grpc import SegmentServiceStub
from ballast.intake.v1 import change_pb2, incident_pb2, intake_events_pb2
from ballast.playbook.v1 import bundle_pb2, playbook_events_pb2
from ballast.triage.v1 import assessment_pb2, triage_events_pb2
from google.protobuf.message import Message

from services.governance.app import build
from services.governance.settings import GovernanceSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.events import sink
from shared.events.event import EncodedEvent, cloud_event
from tests.conftest import START
from tests.support.serving import Served, serving

if TYPE_CHECKING:
    from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceAsyncStub
    from ballast.governance.v1.governance_service_pb2_grpc import GovernanceServiceAsyncStub
    from ballast.governance.v1.ledger_service_pb2_grpc import LedgerServiceAsyncStub
    from ballast.governance.v1.lineage_service_pb2_grpc import LineageServiceAsyncStub
    from ballast.governance.v1.segment_service_pb2_grpc import SegmentServiceAsyncStub

GOVERNANCE = pb.DESCRIPTOR.services_by_name["GovernanceService"]
SEGMENTS = segment_service_pb2.DESCRIPTOR.services_by_name["SegmentService"]
LEDGER = ledger_service_pb2.DESCRIPTOR.services_by_name["LedgerService"]
LINEAGE = lineage_service_pb2.DESCRIPTOR.services_by_name["LineageService"]
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Governance:
    """A running governance: its RPCs, and the door events come in by."""

    served: Served
    rpc: "GovernanceServiceAsyncStub"
    ledger: "LedgerServiceAsyncStub"
    segments: "SegmentServiceAsyncStub"
    sink: "EventSinkServiceAsyncStub"
    lineage: "LineageServiceAsyncStub"

    async def deliver(self, *events: CloudEvent) -> list[int]:
        """Delivers the events in one request and returns the outcomes."""
        return list((await self.sink.Deliver(DeliverRequest(batch=CloudEventBatch(events=events)))).outcomes)

    async def verify(self) -> list[pb.VerifyLedgerResponse]:
        return [answer async for answer in self.rpc.VerifyLedger(pb.VerifyLedgerRequest())]

    async def entries(self, **fields: object) -> list[str]:
        """Returns the event ids of one page; `fields` are those of the filter, or of the request."""
        asked = {name: fields.pop(name) for name in ("after_sequence", "page_size", "page_token") if name in fields}
        request = ledger_service_pb2.ListEntriesRequest(filter=ledger_service_pb2.EntryFilter(**fields), **asked)  # type: ignore[arg-type]
        return [entry.event_id for entry in (await self.ledger.ListEntries(request)).entries]


@asynccontextmanager
async def governing(urls: dict[str, str], engines: Engines, clock: SimulatedClock, **changes: object) -> AsyncIterator[Governance]:
    """Runs a governance; without a key of its own it makes one in a folder that goes with it."""
    with TemporaryDirectory() as folder:
        usual: dict[str, object] = {"port": 0, "database_url": urls["governance"], "cache_url": engines.cache_url, "state_dir": folder}
        usual["subscribers"] = {"governance": {"address": ""}}  # to itself alone: nobody else is there, and deliveries would wait
        settings = GovernanceSettings(**usual | changes)  # type: ignore[arg-type]
        async with serving(build(settings, clock), [GOVERNANCE, LEDGER, SEGMENTS, LINEAGE, sink.SERVICE.descriptor]) as served:
            channel = served.channel.grpc
            stubs = GovernanceServiceStub(channel), LedgerServiceStub(channel), SegmentServiceStub(channel), EventSinkServiceStub(channel)
            yield Governance(served, *stubs, LineageServiceStub(channel))


def event(data: Message, subject: str, *, version: int = 1, event_id: str = "", source: str = "/ballast/test") -> CloudEvent:
    """Builds an event as a service's outbox would, with an id of its own unless one is given."""
    headers = {"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01", "principal": "ada"}
    return cloud_event(event_id or f"event-{next(_numbers)}", source, EncodedEvent(subject, version, data, START), headers)


def incident_opened(
    name: str, *, title: str = "Checkout down", components: Sequence[str] = (), alerts: Sequence[str] = (), minutes: float | None = None
) -> CloudEvent:
    """Opened so many minutes after the start; at no time that is told when None."""
    incident = incident_pb2.Incident(name=name, title=title, components=components)
    if minutes is not None:
        incident.opened_at.FromDatetime(at(minutes))
    return event(intake_events_pb2.IncidentOpened(incident=incident, alerts=alerts), name)


def at(minutes: float) -> datetime:
    """Returns so many minutes after the start."""
    return START + timedelta(minutes=minutes)


def change_reported(name: str, components: Sequence[str], *, minutes: float = 0, version: int = 1) -> CloudEvent:
    """A deploy of 1.42.0 that began so many minutes after the start."""
    change = change_pb2.Change(name=name, kind=change_pb2.CHANGE_KIND_DEPLOY, components=components, summary="Till", version="1.42.0")
    change.started_at.FromDatetime(at(minutes))
    return event(intake_events_pb2.ChangeReported(change=change), name, version=version)


def assessment_made(name: str, incident: str, *, version: int = 1) -> CloudEvent:
    assessment = assessment_pb2.Assessment(name=name, incident=incident, title="Checkout down", severity=1, revision=version)  # type: ignore[arg-type]
    return event(triage_events_pb2.AssessmentMade(assessment=assessment), name, version=version)


def decision_made(name: str, assessment: str, displaced: str, **standing: Any) -> CloudEvent:
    return event(allocation_events_pb2.DecisionMade(decision=_decision(name, assessment, displaced, **standing)), name)


def decision_changed(name: str, assessment: str, displaced: str, version: int, **standing: Any) -> CloudEvent:
    """Tells where a decision stands by now."""
    decision = _decision(name, assessment, displaced, **standing)
    return event(allocation_events_pb2.DecisionChanged(decision=decision), name, version=version)


def _decision(name: str, assessment: str, displaced: str, **standing: Any) -> decision_pb2.Decision:
    decision = decision_pb2.Decision(
        name=name,
        sprint="teams/web/sprints/3",
        assessment=assessment,
        incidents=[decision_pb2.WeighedIncident(assessment=assessment, assessment_revision=2, severity=1)],
        policy="allocationPolicies/default",
        policy_revision=3,
        **standing,
    )
    decision.after.remediation_share = 0.5
    item = roadmap_item_pb2.DisplacedItem(roadmap_item=displaced, title="Search")
    item.delay.FromSeconds(14 * 86_400)
    item.value_at_risk.units, item.value_at_risk.nanos, item.value_at_risk.currency_code = 1250, 500_000_000, "EUR"
    decision.impact.displaced.append(item)
    return decision


def bundle_rendered(name: str, decision: str, assessment: str) -> CloudEvent:
    bundle = bundle_pb2.Bundle(
        name=name, template="templates/incident-response", template_version="1.0.0", decision=decision, assessment=assessment
    )
    return event(playbook_events_pb2.BundleRendered(bundle=bundle), name)


def story(key: str) -> list[CloudEvent]:
    """The events of one incident from alert to bundle; `key` keeps its names apart from other stories."""
    return [
        incident_opened(f"incidents/{key}", components=[f"{key}-shop"], alerts=[f"alerts/{key}"]),
        assessment_made(f"assessments/{key}", f"incidents/{key}"),
        decision_made(f"decisions/{key}", f"assessments/{key}", f"roadmapItems/{key}"),
        bundle_rendered(f"bundles/{key}", f"decisions/{key}", f"assessments/{key}"),
    ]
