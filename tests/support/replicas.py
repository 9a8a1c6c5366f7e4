"""Two replicas of intake on one database and one clock, and what is put in force over the wire to decide where alerts go."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ballast.events.v1 import event_sink_service_pb2 as sink_pb
from ballast.events.v1.cloudevents_pb2 import CloudEventBatch
from ballast.events.v1.event_sink_service_pb2_grpc import EventSinkServiceStub
from ballast.intake.v1 import alert_pb2, explanation_pb2, grouping_rules_pb2, inhibit_rule_pb2, matcher_pb2
from ballast.intake.v1 import grouping_service_pb2 as grouping_pb
from ballast.intake.v1 import inhibit_rule_messages_pb2 as inhibit_pb
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1 import maintenance_window_messages_pb2 as window_pb
from ballast.intake.v1 import silence_messages_pb2 as silence_pb
from ballast.intake.v1.grouping_service_pb2_grpc import GroupingServiceStub
from ballast.triage.v1 import component_pb2, triage_events_pb2
from google.protobuf.duration_pb2 import Duration

from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.grouping import document
from tests.support.intake import Intake, intake_serving
from tests.support.signals import event

if TYPE_CHECKING:
    from ballast.intake.v1.grouping_service_pb2_grpc import GroupingServiceAsyncStub  # exists for the type checker only


@dataclass(frozen=True, slots=True)
class Replicas:
    """The replicas; what is not asked of one of them is asked of the first."""

    first: Intake
    second: Intake
    clock: SimulatedClock

    @property
    def grouping(self) -> "GroupingServiceAsyncStub":
        return GroupingServiceStub(self.first.channel.grpc)

    async def pass_time(self, **span: float) -> None:
        """Moves the clock, and has the first replica do what is scheduled."""
        self.clock.advance(self.clock.now() + timedelta(**span))
        await self.first.app.tick()

    async def alert(self, name: str) -> alert_pb2.Alert:
        return (await self.first.rpc.GetAlert(explanation_pb2.GetAlertRequest(name=name))).alert

    async def explain(self, name: str) -> explanation_pb2.ExplainAlertResponse:
        return await self.first.rpc.ExplainAlert(explanation_pb2.ExplainAlertRequest(name=name))

    async def incidents(self, *components: str) -> list[Any]:
        """Returns the incidents of these components, the oldest first."""
        request = pb.ListIncidentsRequest(filter=pb.IncidentFilter(components=components), order_by="opened_at")
        return list((await self.first.rpc.ListIncidents(request)).incidents)

    async def silence(self, *texts: str, seconds: int = 3600) -> str:
        """Silences what matches from now on; returns the silence's name."""
        matchers = [matcher_pb2.Matcher(text=each) for each in texts]
        request = silence_pb.CreateSilenceRequest(matchers=matchers, duration=Duration(seconds=seconds), reason="the disk is on order")
        return (await self.first.muting.CreateSilence(request)).silence.name

    async def window(self, matcher: str, starts_at: str, time_zone: str, rrule: str, seconds: int = 7200) -> str:
        """Plans maintenance; returns the window's name."""
        request = window_pb.CreateMaintenanceWindowRequest(
            matchers=[matcher_pb2.Matcher(text=matcher)],
            starts_at=starts_at,
            time_zone=time_zone,
            duration=Duration(seconds=seconds),
            rrule=rrule,
            reason="the database is moved",
            approver="grace",
        )
        return (await self.first.muting.CreateMaintenanceWindow(request)).maintenance_window.name

    async def inhibit(self, *rules: inhibit_rule_pb2.InhibitRule) -> None:
        """Sets the inhibit rules."""
        etag = (await self.first.muting.GetInhibitRules(inhibit_pb.GetInhibitRulesRequest())).inhibit_rules.etag
        await self.first.muting.SetInhibitRules(inhibit_pb.SetInhibitRulesRequest(rules=rules, reason="the network explains it", etag=etag))

    async def rules(self, *rules: str) -> grouping_rules_pb2.GroupingRules:
        """Puts grouping rules in force, each written as a flow mapping without its braces."""
        etag = (await self.grouping.GetGroupingRules(grouping_pb.GetGroupingRulesRequest())).rules.etag
        request = grouping_pb.CreateGroupingRulesRevisionRequest(
            yaml=document(*rules) if rules else "rules: []\n", reason="a test asks for it", etag=etag
        )
        return (await self.grouping.CreateGroupingRulesRevision(request)).rules

    async def depends(self, component: str, *needed: str, version: int = 1) -> None:
        """Tells intake, as triage does, what a component depends on."""
        told = component_pb2.Component(name=f"components/{component}", dependencies=[f"components/{each}" for each in needed])
        made = event(triage_events_pb2.ComponentChanged.DESCRIPTOR.full_name, triage_events_pb2.ComponentChanged(component=told))
        made.attributes["subject"].ce_string = told.name
        made.attributes["aggregateversion"].ce_string = str(version)
        await EventSinkServiceStub(self.first.channel.grpc).Deliver(sink_pb.DeliverRequest(batch=CloudEventBatch(events=[made])))


def inhibit_rule(source: str, target: str, *equal: str, name: str = "") -> inhibit_rule_pb2.InhibitRule:
    return inhibit_rule_pb2.InhibitRule(
        name=name or uuid.uuid4().hex,
        source=[matcher_pb2.Matcher(text=source)],
        target=[matcher_pb2.Matcher(text=target)],
        equal=equal,
    )


@asynccontextmanager
async def replicas_serving(urls: dict[str, str], engines: Engines, clock: SimulatedClock, **settings: Any) -> AsyncIterator[Replicas]:
    async with intake_serving(urls, engines, clock, **settings) as first, intake_serving(urls, engines, clock, **settings) as second:
        yield Replicas(first, second, clock)
