"""Reports that come late: after the alert ended, after it went into the history, and after people shaped its incident."""

import itertools
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from ballast.intake.v1 import alert_pb2, incident_pb2
from ballast.intake.v1 import incident_shaping_pb2 as shaping
from ballast.intake.v1 import intake_service_pb2 as pb

from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.intake import Intake, intake_serving, report

OPEN, RESOLVED = incident_pb2.INCIDENT_STATE_OPEN, incident_pb2.INCIDENT_STATE_RESOLVED
DAY = 86_400
_days = itertools.count(1)


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


async def aged(intake: Intake, clock: SimulatedClock) -> None:
    """Lets two days go by, so that what ended is in the history."""
    clock.advance(clock.now() + timedelta(days=2))
    await intake.app.tick()


async def check_counts(intake: Intake, name: str) -> incident_pb2.Incident:
    found, alerts = await intake.incident(name), await intake.alerts(name)
    firing = [each for each in alerts if each.state == alert_pb2.ALERT_STATE_FIRING]
    assert (found.alert_count, found.firing_count) == (len(alerts), len(firing))
    return found


async def incidents_of(intake: Intake, component: str) -> list[incident_pb2.Incident]:
    listed = await intake.rpc.ListIncidents(pb.ListIncidentsRequest(filter=pb.IncidentFilter(components=[component])))
    return [each for each in listed.incidents if not each.merged_into]


async def test_a_repeat_that_comes_days_late_opens_nothing(intake: Intake, clock: SimulatedClock) -> None:
    component = uuid.uuid4().hex
    first = (await intake.send(report(component, 0), report(component, 0, 60)))[0]
    await aged(intake, clock)
    late = (await intake.send(report(component, 0)))[0]
    assert (late.alert, late.incident, late.outcome) == (first.alert, first.incident, alert_pb2.REPORT_OUTCOME_STALE)
    assert [each.state for each in await incidents_of(intake, component)] == [RESOLVED]


async def test_an_end_that_comes_days_late_extends_the_alert_in_the_history(intake: Intake, clock: SimulatedClock) -> None:
    component = uuid.uuid4().hex
    first = (await intake.send(report(component, 0), report(component, 0, 60)))[0]
    await aged(intake, clock)
    await intake.send(report(component, 0, 90))
    over = await check_counts(intake, first.incident)
    assert (over.state, over.resolved_at) == (RESOLVED, report("x", 90).starts_at)
    assert [each.ends_at for each in await intake.alerts(first.incident)] == [report("x", 90).starts_at]


async def test_a_begin_told_days_late_within_the_rejoin_time_lets_the_alert_of_the_history_fire_again(
    intake: Intake, clock: SimulatedClock
) -> None:
    component = uuid.uuid4().hex
    first = (await intake.send(report(component, 0), report(component, 0, 60)))[0]
    await aged(intake, clock)
    again = (await intake.send(report(component, 70)))[0]
    assert (again.alert, again.incident) == (first.alert, first.incident)
    assert (await check_counts(intake, first.incident)).state == OPEN
    assert (await intake.send(report(component, 70)))[0].outcome == alert_pb2.REPORT_OUTCOME_REPEATED
    await intake.send(report(component, 70, 80))
    assert (await check_counts(intake, first.incident)).state == RESOLVED


async def test_an_old_alert_nobody_told_of_opens_as_any_other(intake: Intake) -> None:
    component = uuid.uuid4().hex
    receipt = (await intake.send(report(component, -30 * DAY)))[0]
    assert receipt.outcome == alert_pb2.REPORT_OUTCOME_OPENED
    assert (await incidents_of(intake, component))[0].name == receipt.incident


async def test_a_signal_that_fires_anew_long_after_it_went_into_the_history_is_another_alert(intake: Intake, clock: SimulatedClock) -> None:
    component = uuid.uuid4().hex
    first = (await intake.send(report(component, 0), report(component, 0, 60)))[0]
    await aged(intake, clock)
    anew = (await intake.send(report(component, 3600)))[0]
    assert anew.outcome == alert_pb2.REPORT_OUTCOME_OPENED
    assert anew.incident != first.incident


async def merged(intake: Intake, *reports: alert_pb2.AlertReport) -> str:
    """Opens an incident of these alerts, and one that people merge into it."""
    into = (await intake.send(*reports))[0].incident
    other = await intake.open()
    await intake.send(alert_pb2.AlertReport(labels=(await intake.alerts(other))[0].labels, ends_at=report("x", 50).starts_at))
    await intake.life.MergeIncidents(shaping.MergeIncidentsRequest(into=into, incidents=[other], reason="the same fault"))
    return into


async def test_an_incident_people_shaped_is_over_when_a_replica_tells_that_its_last_alert_ended(intake: Intake) -> None:
    component = uuid.uuid4().hex
    into = await merged(intake, report(component, 0))
    await intake.send(report(component, 2, 60))  # the replica's own begin is news too
    over = await check_counts(intake, into)
    assert (over.state, over.resolved_at, over.firing_count) == (RESOLVED, report("x", 60).starts_at, 0)
    assert ("RESOLVED", "resolved: its last firing alert ended") in await intake.told(into)


async def test_counts_of_an_incident_people_shaped_follow_alerts_that_turn_out_to_be_one(intake: Intake) -> None:
    component = uuid.uuid4().hex
    into = await merged(intake, report(component, 0))
    await intake.send(report(component, 0, 20))
    await intake.life.ReopenIncident(shaping.ReopenIncidentRequest(name=into, reason="not over"))
    assert (await intake.send(report(component, 40)))[0].incident == into
    await intake.send(report(component, 30), report(component, 30, 36))  # by this the two were one all the time
    assert (await check_counts(intake, into)).alert_count == 2


async def test_an_alert_whose_group_changed_is_counted_where_it_was(intake: Intake) -> None:
    web, db = uuid.uuid4().hex, uuid.uuid4().hex

    def keyed(component: str, *times: float) -> alert_pb2.AlertReport:
        built = report(component, *times)
        built.key = web
        return built

    first = (await intake.send(keyed(web, 0), report(web, 0, alertname="other")))[0]
    await intake.send(keyed(db, 2, 60))  # ends it, under other labels, with a replica's begin
    assert (await check_counts(intake, first.incident)).firing_count == 1


async def test_what_a_batch_changes_of_the_past_counts_for_the_rest_of_the_batch(intake: Intake) -> None:
    component = uuid.uuid4().hex
    receipts = await intake.send(
        report(component, 10, alertname="a"),
        report(component, 12, 60, alertname="a"),
        report(component, 20, alertname="b"),
        report(component, 12, 70, alertname="a"),
        report(component, 20, 30, alertname="b"),
    )
    assert len({each.incident for each in receipts}) == 1
    over = await check_counts(intake, receipts[0].incident)
    assert (over.state, over.alert_count, over.resolved_at) == (RESOLVED, 2, report("x", 70).starts_at)


async def test_a_late_report_does_not_take_its_group_away_from_the_incident_people_shaped(intake: Intake) -> None:
    component = uuid.uuid4().hex
    into = await merged(intake, report(component, 0))
    early = (await intake.send(report(component, -500, -400, alertname="early")))[0]
    assert early.incident != into
    assert (await intake.send(report(component, 5, alertname="next")))[0].incident == into


async def test_a_clear_that_lies_before_its_alert_began_is_stale_and_says_which_alert_that_is(intake: Intake) -> None:
    component = uuid.uuid4().hex
    (opened,) = await intake.send(report(component, starts_at=100))
    clear = report(component, ends_at=50)
    clear.ClearField("starts_at")
    (told,) = await intake.send(clear)
    stale = alert_pb2.REPORT_OUTCOME_STALE
    assert (told.outcome, told.alert, told.incident) == (stale, opened.alert, opened.incident)
    assert (await check_counts(intake, opened.incident)).firing_count == 1
