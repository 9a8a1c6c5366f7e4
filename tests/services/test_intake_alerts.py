"""Alerts over the wire: what a report does, who may send what, and the lists of alerts."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ballast.intake.v1 import alert_pb2, incident_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput
from tests.support.intake import Intake, intake_serving, report

OPENED, REPEATED = alert_pb2.REPORT_OUTCOME_OPENED, alert_pb2.REPORT_OUTCOME_REPEATED
RESOLVED, STALE = alert_pb2.REPORT_OUTCOME_RESOLVED, alert_pb2.REPORT_OUTCOME_STALE


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


async def alerts(intake: Intake, incident: str = "", page_size: int = 1000) -> list[alert_pb2.Alert]:
    found: list[alert_pb2.Alert] = []
    token = ""
    while True:
        page = await intake.rpc.ListAlerts(pb.ListAlertsRequest(incident=incident, page_size=page_size, page_token=token))
        found += page.alerts
        token = page.next_page_token
        if not token:
            return found


async def outcomes(intake: Intake, *reports: alert_pb2.AlertReport, source: str = "test") -> list[int]:
    return [receipt.outcome for receipt in await intake.send(*reports, source=source)]


def keyed(key: str, component: str, **more: Any) -> alert_pb2.AlertReport:
    built = report(component, **more)
    built.key = key
    return built


async def test_an_alert_is_kept_as_it_was_told(intake: Intake) -> None:
    built = report(uuid.uuid4().hex, starts_at=-60, alertname="Slow")
    built.annotations["summary"] = "slow"
    built.generator_url = "https://prometheus/1"
    (receipt,) = await intake.send(built, source="prometheus")
    (found,) = await alerts(intake, receipt.incident)
    assert (found.name, found.fingerprint, found.incident) == (receipt.alert, receipt.fingerprint, receipt.incident)
    assert (found.source, found.labels, found.annotations) == ("prometheus", built.labels, built.annotations)
    assert (found.state, found.starts_at, found.generator_url) == (alert_pb2.ALERT_STATE_FIRING, built.starts_at, "https://prometheus/1")
    assert (found.report_count, found.HasField("ends_at")) == (1, False)


async def test_a_repeat_keeps_the_begin_and_takes_over_what_describes_it(intake: Intake) -> None:
    component = uuid.uuid4().hex
    await intake.send(report(component, starts_at=-60))
    again = report(component, starts_at=-10)
    again.annotations["summary"] = "slower"
    (receipt,) = await intake.send(again)
    (found,) = await alerts(intake, receipt.incident)
    assert (found.report_count, found.annotations["summary"]) == (2, "slower")
    assert found.starts_at == report(component, starts_at=-60).starts_at


async def test_a_firing_after_the_end_is_another_alert_and_another_incident(intake: Intake) -> None:
    component = uuid.uuid4().hex
    first = (await intake.send(report(component)))[0]
    assert await outcomes(intake, report(component, ends_at=60)) == [RESOLVED]
    second = (await intake.send(report(component, starts_at=76)))[0]
    assert second.outcome == OPENED
    assert second.fingerprint == first.fingerprint
    assert (second.alert, second.incident) != (first.alert, first.incident)


async def test_late_and_doubled_reports_of_a_firing_change_nothing(intake: Intake) -> None:
    component = uuid.uuid4().hex
    name = await intake.open(component)
    assert await outcomes(intake, report(component, ends_at=60)) == [RESOLVED]
    before = (await intake.rpc.GetIncident(pb.GetIncidentRequest(name=name))).incident
    assert await outcomes(intake, report(component)) == [STALE]
    assert await outcomes(intake, report(component, ends_at=60)) == [STALE]
    assert await outcomes(intake, report(component, starts_at=30)) == [REPEATED]  # a replica that saw it later: remembered
    assert await outcomes(intake, report(component, starts_at=30)) == [STALE]
    after = (await intake.rpc.GetIncident(pb.GetIncidentRequest(name=name))).incident
    assert (after.state, after.resolved_at, after.alert_count) == (before.state, before.resolved_at, before.alert_count)


async def test_an_end_that_comes_before_its_firing_is_a_whole_life(intake: Intake) -> None:
    component = uuid.uuid4().hex
    (receipt,) = await intake.send(report(component, ends_at=60))
    assert receipt.outcome == RESOLVED
    assert await outcomes(intake, report(component)) == [STALE]
    found = (await intake.rpc.GetIncident(pb.GetIncidentRequest(name=receipt.incident))).incident
    assert (found.state, found.alert_count, found.firing_count) == (incident_pb2.INCIDENT_STATE_RESOLVED, 1, 0)
    assert found.resolved_at == report(component, ends_at=60).ends_at


async def test_a_bare_end_of_what_nobody_told_of_is_refused(intake: Intake) -> None:
    bare = report(uuid.uuid4().hex, ends_at=60)
    bare.ClearField("starts_at")
    (receipt,) = await intake.send(bare)
    assert (receipt.outcome, receipt.alert, receipt.incident) == (alert_pb2.REPORT_OUTCOME_REFUSED, "", "")
    assert (receipt.error.reason, receipt.error.field) == ("ALERT_UNKNOWN", "reports[0].ends_at")


async def test_one_batch_may_tell_a_whole_life(intake: Intake) -> None:
    component = uuid.uuid4().hex
    told = [report(component), report(component), report(component, ends_at=60), report(component), report(component, starts_at=90)]
    receipts = await intake.send(*told)
    assert [receipt.outcome for receipt in receipts] == [OPENED, REPEATED, RESOLVED, STALE, OPENED]
    assert receipts[0].incident != receipts[4].incident


async def test_receipts_come_in_the_order_of_the_reports(intake: Intake) -> None:
    components = [uuid.uuid4().hex for _ in range(50)]
    receipts = await intake.send(*(report(component) for component in components))
    found = {each.incident: each.labels["component"] for each in await alerts(intake)}
    assert [found[receipt.incident] for receipt in receipts] == components


async def test_without_times_a_report_happened_when_it_arrived(intake: Intake, clock: SimulatedClock) -> None:
    component = uuid.uuid4().hex
    await intake.send(alert_pb2.AlertReport(labels={"component": component}))
    end = Timestamp()
    end.FromDatetime(clock.now())
    (receipt,) = await intake.send(alert_pb2.AlertReport(labels={"component": component}, ends_at=end))
    (found,) = await alerts(intake, receipt.incident)
    assert found.starts_at.ToDatetime() == found.ends_at.ToDatetime() == clock.now().replace(tzinfo=None)


async def test_a_key_makes_reports_with_other_labels_the_same_signal_of_one_source(intake: Intake) -> None:
    component, key = uuid.uuid4().hex, uuid.uuid4().hex
    (first,) = await intake.send(keyed(key, component, alertname="a"))
    (second,) = await intake.send(keyed(key, component, alertname="b"))
    (other,) = await intake.send(keyed(key, component, alertname="a"), source="other")
    assert (second.alert, second.outcome) == (first.alert, REPEATED)
    assert (other.outcome, other.incident) == (OPENED, first.incident)
    assert other.fingerprint != first.fingerprint


async def test_the_same_labels_are_the_same_signal_whoever_sends_them(intake: Intake) -> None:
    component = uuid.uuid4().hex
    (first,) = await intake.send(report(component), source="replica-1")
    (second,) = await intake.send(report(component), source="replica-2")
    assert (second.alert, second.outcome) == (first.alert, REPEATED)


async def test_two_senders_of_the_same_alert_at_once_open_one_incident(intake: Intake) -> None:
    for _ in range(5):
        component = uuid.uuid4().hex
        answers = await asyncio.gather(*(intake.send(report(component), source=f"replica-{number}") for number in range(6)))
        assert len({answer[0].incident for answer in answers}) == 1
        assert sorted(answer[0].outcome for answer in answers) == [OPENED, *[REPEATED] * 5]
        listed = await intake.rpc.ListIncidents(pb.ListIncidentsRequest(filter=pb.IncidentFilter(components=[component])))
        assert [(each.alert_count, each.firing_count) for each in listed.incidents] == [(1, 1)]


async def test_replicas_that_touch_the_same_groups_in_another_order_do_not_block_each_other(
    intake: Intake, urls: dict[str, str], engines: Engines, clock: SimulatedClock
) -> None:
    components = [uuid.uuid4().hex for _ in range(20)]

    async def storm(replica: Intake, name: str, order: list[str]) -> None:
        for number in range(8):
            await replica.send(*(report(component, alertname=f"{name}-{number}") for component in order))

    async with intake_serving(urls, engines, clock) as other, asyncio.timeout(20):
        await asyncio.gather(storm(intake, "first", components), storm(other, "second", components[::-1]))
    listed = await intake.rpc.ListIncidents(pb.ListIncidentsRequest(filter=pb.IncidentFilter(components=components)))
    assert [each.alert_count for each in listed.incidents] == [16] * 20


async def test_alerts_that_end_and_begin_at_once_leave_the_counts_true(intake: Intake) -> None:
    component = uuid.uuid4().hex
    names = [str(number) for number in range(10)]
    name = (await intake.send(*(report(component, alertname=each) for each in names)))[0].incident
    await asyncio.gather(
        *(intake.send(report(component, alertname=each, ends_at=60)) for each in names[:5]),
        *(intake.send(report(component, alertname=each)) for each in names),
        *(intake.send(report(component, alertname=f"new-{each}")) for each in names[:3]),
    )
    found = (await intake.rpc.GetIncident(pb.GetIncidentRequest(name=name))).incident
    told = await alerts(intake, name)
    assert (found.alert_count, found.firing_count) == (13, 8)
    assert len(told) == 13
    assert sum(each.state == alert_pb2.ALERT_STATE_FIRING for each in told) == 8


async def test_alerts_are_listed_newest_first_in_pages_without_gap_or_repeat(intake: Intake) -> None:
    component = uuid.uuid4().hex
    receipts = await intake.send(*(report(component, alertname=str(number)) for number in range(7)))
    newest_first = [receipt.alert for receipt in receipts][::-1]
    for page_size in (1, 3, 7, 100):
        assert [each.name for each in await alerts(intake, receipts[0].incident, page_size)] == newest_first
    assert [each.name for each in await alerts(intake, page_size=4)][:7] == newest_first


async def test_an_incident_without_alerts_of_its_own_lists_none(intake: Intake) -> None:
    assert await alerts(intake, f"incidents/{uuid.uuid4()}") == []


async def test_an_alert_with_none_of_the_group_labels_is_an_incident_of_its_own(intake: Intake) -> None:
    receipts = await intake.send(*(alert_pb2.AlertReport(labels={"alertname": uuid.uuid4().hex}) for _ in range(2)))
    assert receipts[0].incident != receipts[1].incident
    found = (await intake.rpc.GetIncident(pb.GetIncidentRequest(name=receipts[0].incident))).incident
    assert (list(found.components), dict(found.group_labels)) == ([], {})


async def test_alerts_are_grouped_by_the_labels_of_the_settings(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> None:
    async with intake_serving(urls, engines, clock, group_by=["outage"], component_label="service") as other:
        outage = uuid.uuid4().hex
        receipts = await other.send(*(alert_pb2.AlertReport(labels={"outage": outage, "service": name}) for name in ("web", "db")))
        assert receipts[0].incident == receipts[1].incident
        found = (await other.rpc.GetIncident(pb.GetIncidentRequest(name=receipts[0].incident))).incident
        assert (list(found.components), dict(found.group_labels)) == (["db", "web"], {"outage": outage})


async def test_worse_evidence_of_a_repeat_counts_and_is_told(intake: Intake) -> None:
    component = uuid.uuid4().hex
    built = report(component)
    built.annotations["ballast.service_impact"] = "disruption"
    name = (await intake.send(built))[0].incident
    built.annotations["ballast.service_impact"] = "outage"
    await intake.send(built)
    found = (await intake.rpc.GetIncident(pb.GetIncidentRequest(name=name))).incident
    assert (found.evidence.service_impact, found.etag) == (incident_pb2.SERVICE_IMPACT_OUTAGE, "v2")
    built.annotations["ballast.service_impact"] = "information"
    await intake.send(built)
    assert (await intake.rpc.GetIncident(pb.GetIncidentRequest(name=name))).incident == found


async def test_good_reports_land_beside_refused_ones(intake: Intake) -> None:
    before = len(await alerts(intake))
    receipts = await intake.send(
        report(uuid.uuid4().hex), report("late", starts_at=5, ends_at=1), alert_pb2.AlertReport(), report(uuid.uuid4().hex)
    )
    refused = alert_pb2.REPORT_OUTCOME_REFUSED
    assert [each.outcome for each in receipts] == [OPENED, refused, refused, OPENED]
    assert [(each.error.reason, each.error.field) for each in receipts[1:3]] == [
        ("TIME_INVALID", "reports[1].ends_at"),
        ("FIELD_INVALID", "reports[2].labels"),
    ]
    assert len(await alerts(intake)) == before + 2


async def test_a_batch_of_nothing_but_refused_reports_is_refused(intake: Intake) -> None:
    before = len(await alerts(intake))
    with pytest.raises(InvalidInput) as refused:
        await intake.send(report("late", starts_at=5, ends_at=1))
    assert (refused.value.reason, refused.value.violations[0].field) == ("REPORT_REFUSED", "reports[0].ends_at")
    assert len(await alerts(intake)) == before
