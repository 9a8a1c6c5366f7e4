"""Grouping rules at work on alerts as they come: windows, thresholds, dependencies, likeness; and a dry run that agrees."""

import random
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from ballast.intake.v1 import alert_pb2, incident_pb2
from ballast.intake.v1 import grouping_service_pb2 as pb
from ballast.intake.v1 import intake_service_pb2 as intake_pb
from ballast.intake.v1.grouping_service_pb2_grpc import GroupingServiceStub
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub

from services.intake.app import build
from services.intake.settings import IntakeSettings
from services.intake.storage.dependency_store import DependencyStore
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.grouping import document
from tests.support.intake import SERVICE as INTAKE
from tests.support.intake import report
from tests.support.serving import Served, serving

if TYPE_CHECKING:
    from ballast.intake.v1.grouping_service_pb2_grpc import GroupingServiceAsyncStub
    from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceAsyncStub

SERVICE = pb.DESCRIPTOR.services_by_name["GroupingService"]


@dataclass(frozen=True, slots=True)
class Live:
    """An intake whose rules a test sets, and a name that keeps its components apart from other tests'."""

    served: Served
    grouping: "GroupingServiceAsyncStub"
    intake: "IntakeServiceAsyncStub"
    own: str

    async def rule(self, *rules: str) -> None:
        etag = (await self.grouping.GetGroupingRules(pb.GetGroupingRulesRequest())).rules.etag
        await self.grouping.CreateGroupingRulesRevision(
            pb.CreateGroupingRulesRevisionRequest(yaml=document(*rules), reason="a test asks for it", etag=etag)
        )

    def component(self, name: str) -> str:
        return f"{self.own}-{name}"

    def report(self, name: str, begin: float, end: float | None = None, summary: str = "", **labels: str) -> alert_pb2.AlertReport:
        """Builds a report; times in seconds after START."""
        built = report(self.component(name), begin, end, own=self.own, **labels)
        if summary:
            built.annotations["summary"] = summary
        return built

    async def send(self, *reports: alert_pb2.AlertReport) -> list[str]:
        """Sends reports one call after the other; returns the incident of each, empty where it is in none."""
        found = []
        for each in reports:
            request = intake_pb.ReportAlertsRequest(source="test", reports=[each])
            found.append((await self.intake.ReportAlerts(request)).receipts[0].incident)
        return found

    async def needs(self, component: str, *needed: str) -> None:
        store = DependencyStore(self.served.app.database)
        await store.put(self.component(component), [self.component(each) for each in needed], 1)

    async def incident(self, name: str) -> incident_pb2.Incident:
        return (await self.intake.GetIncident(intake_pb.GetIncidentRequest(name=name))).incident

    async def groups(self) -> set[frozenset[str]]:
        """Returns this test's alerts by the incident they are in."""
        listed = (await self.intake.ListAlerts(intake_pb.ListAlertsRequest(page_size=1000))).alerts
        found: dict[str, set[str]] = {}
        for each in listed:
            if each.labels["own"] == self.own:
                found.setdefault(each.incident or "held", set()).add(each.name)
        return {frozenset(names) for names in found.values()}


@pytest.fixture(scope="module")
async def served(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Served]:
    values: dict[str, Any] = {"port": 0, "database_url": urls["intake"], "cache_url": engines.cache_url, "subscribers": {}}
    async with serving(build(IntakeSettings(**values), clock), [SERVICE, INTAKE]) as running:
        yield running


@pytest.fixture
def live(served: Served) -> Live:
    channel = served.channel.grpc
    return Live(served, GroupingServiceStub(channel), IntakeServiceStub(channel), f"o{uuid.uuid4().hex[:8]}")


async def test_an_alert_within_the_quiet_period_reopens_the_incident_and_a_later_one_opens_another(live: Live) -> None:
    await live.rule("name: quiet, quiet_period: 1m")
    first = (await live.send(live.report("a", 0), live.report("a", 0, 10)))[0]
    assert (await live.incident(first)).state == incident_pb2.INCIDENT_STATE_RESOLVED
    assert await live.send(live.report("a", 70, alertname="again")) == [first]
    assert (await live.incident(first)).state == incident_pb2.INCIDENT_STATE_OPEN
    await live.send(live.report("a", 70, 80, alertname="again"))
    assert (await live.send(live.report("a", 141, alertname="late")))[0] not in {"", first}


async def test_alerts_below_the_threshold_are_held_and_come_along_when_it_is_reached(live: Live) -> None:
    await live.rule("name: few, threshold: {count: 3, within: 1m}")
    found = await live.send(*(live.report("a", number, alertname=f"n{number}") for number in range(3)))
    assert found[:2] == ["", ""]
    assert (await live.incident(found[2])).alert_count == 3


async def test_alerts_too_far_apart_open_nothing(live: Live) -> None:
    await live.rule("name: few, threshold: {count: 2, within: 1m}")
    assert await live.send(live.report("a", 0, alertname="x"), live.report("a", 61, alertname="y")) == ["", ""]


async def test_a_failing_dependency_gathers_its_dependents_alerts_whichever_came_first(live: Live) -> None:
    await live.rule("name: chain, dependencies: true")
    await live.needs("web", "api")
    await live.needs("api", "db")
    before, cause, after, stranger = await live.send(
        live.report("web", 0), live.report("db", 1), live.report("api", 2), live.report("other", 3)
    )
    assert after == cause
    assert stranger not in {before, cause}
    together = await live.groups()
    assert sorted(len(each) for each in together) == [1, 3]


async def test_alerts_told_in_nearly_the_same_words_join(live: Live) -> None:
    await live.rule("name: words, similarity: {of: summary, at_least: 0.9}")
    one, other, same = await live.send(
        live.report("a", 0, summary=f"certificate of {live.own} expired"),
        live.report("b", 1, summary=f"disk of {live.own} full of logs"),
        live.report("c", 2, summary=f"expired certificate of {live.own}"),
    )
    assert same == one
    assert other != one


async def test_a_condition_decides_by_annotations_and_source(live: Live) -> None:
    await live.rule(
        'name: urgent, when: \'source == "test" && "summary" in annotations && annotations.summary.contains("now")\', group_by: [own]'
    )
    one, other, third = await live.send(
        live.report("a", 0, summary="now"), live.report("b", 0, summary="now!"), live.report("c", 0, summary="later")
    )
    assert one == other
    assert third != one


async def test_alerts_that_fire_stay_in_their_incident_when_the_rules_change(live: Live) -> None:
    await live.rule("name: apart")
    first, second = await live.send(live.report("a", 0), live.report("b", 0))
    await live.rule("name: joint, group_by: [own]")
    assert await live.send(live.report("a", 0), live.report("b", 0)) == [first, second]
    assert (await live.send(live.report("c", 1)))[0] not in {first, second}


@pytest.mark.parametrize(
    "rule",
    [
        "name: same, quiet_period: 20s",
        "name: same, quiet_period: 0s, group_by: [own]",
        "name: same, threshold: {count: 2, within: 30s}, quiet_period: 10s",
        "name: same, dependencies: true, quiet_period: 5s",
        "name: same, similarity: {of: summary, at_least: 0.9}, quiet_period: 5s",
    ],
)
async def test_a_dry_run_finds_the_incidents_that_alerts_made(live: Live, rule: str) -> None:
    """In the order alerts began, one after the other, the rules in force and their dry run come to the same."""
    await live.rule(rule)
    await live.needs("c0", "c1")
    await live.needs("c2", "c0")
    drawn = random.Random(rule)  # the same each time: a test that fails must fail again
    begins = sorted(drawn.sample(range(2, 200), 24))
    told: list[tuple[float, alert_pb2.AlertReport]] = []
    for number, begin in enumerate(begins):
        name, end = f"c{drawn.randrange(4)}", begin + drawn.randrange(1, 25) + 0.5
        summary = drawn.choice([f"disk of {live.own} is full", f"{live.own}: full is disk of", f"certificate of {live.own} expired"])
        told.append((begin, live.report(name, begin, summary=summary, alertname=f"n{number}")))
        told.append((end, live.report(name, begin, end, summary=summary, alertname=f"n{number}")))
    await live.send(*(each for _, each in sorted(told, key=lambda pair: pair[0])))
    made = await live.groups()
    tried = await live.grouping.DryRunGroupingRules(pb.DryRunGroupingRulesRequest(yaml=document(rule), last=24))
    listed = (await live.intake.ListAlerts(intake_pb.ListAlertsRequest(page_size=24))).alerts
    assert {each.labels["own"] for each in listed} == {live.own}
    held = sum(not each.incident for each in listed)
    assert tried.after.incident_count == len(made) - bool(held)
    assert not tried.changes
