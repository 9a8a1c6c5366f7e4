"""Alerts on their way while something mutes them: kept, in no incident, their end told, and looked at again when the mute ends."""

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from ballast.intake.v1 import alert_pb2, explanation_pb2, inhibit_rule_pb2, matcher_pb2
from ballast.intake.v1 import inhibit_rule_messages_pb2 as rule_pb
from ballast.intake.v1 import maintenance_window_messages_pb2 as window_pb
from ballast.intake.v1 import silence_messages_pb2 as silence_pb
from google.protobuf.duration_pb2 import Duration

from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.conftest import START
from tests.support.intake import Intake, intake_serving, report

MUTED, GROUPED = alert_pb2.ALERT_DISPOSITION_MUTED, alert_pb2.ALERT_DISPOSITION_GROUPED
Outcome = alert_pb2.ReportOutcome


@pytest.fixture(scope="module")
async def intake(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Intake]:
    async with intake_serving(urls, engines, clock) as running:
        yield running


async def silenced(intake: Intake, matcher: str, seconds: int = 3600) -> str:
    request = silence_pb.CreateSilenceRequest(
        matchers=[matcher_pb2.Matcher(text=matcher)], duration=Duration(seconds=seconds), reason="the disk is on order"
    )
    return (await intake.muting.CreateSilence(request)).silence.name


async def sent(intake: Intake, component: str, ends_at: float | None = None, **labels: str) -> alert_pb2.AlertReceipt:
    """Reports an alert that began now, as seconds after START have it."""
    begin = (intake.app.clock.now() - START).total_seconds() if ends_at is None else 0
    return (await intake.send(report(component, begin, ends_at, **labels)))[0]


async def alert(intake: Intake, name: str) -> alert_pb2.Alert:
    return (await intake.rpc.GetAlert(explanation_pb2.GetAlertRequest(name=name))).alert


async def a_minute_later(intake: Intake, clock: SimulatedClock, seconds: float = 60) -> None:
    clock.advance(clock.now() + timedelta(seconds=seconds))
    await intake.app.tick()


async def test_a_silenced_alert_is_kept_in_no_incident_and_explains_itself(intake: Intake) -> None:
    component = uuid.uuid4().hex
    name = await silenced(intake, f"component={component}")
    receipt = await sent(intake, component)
    assert (receipt.outcome, receipt.incident) == (Outcome.REPORT_OUTCOME_MUTED, "")
    kept = await alert(intake, receipt.alert)
    assert (kept.disposition, kept.mute, kept.incident) == (MUTED, name, "")
    explained = await intake.rpc.ExplainAlert(explanation_pb2.ExplainAlertRequest(name=receipt.alert))
    muting = [each for each in explained.lines if each.step == explanation_pb2.EXPLANATION_STEP_MUTING]
    assert (muting[0].resource, muting[0].version) == (name, 1)


async def test_the_end_of_an_alert_is_never_muted(intake: Intake, clock: SimulatedClock) -> None:
    before, during = uuid.uuid4().hex, uuid.uuid4().hex
    opened = await sent(intake, before)
    await silenced(intake, f"component=~{before}|{during}")
    muted = await sent(intake, during)
    end = (clock.now() - START).total_seconds() + 1
    for component, receipt in ((before, opened), (during, muted)):
        cleared = await sent(intake, component, ends_at=end)
        assert (cleared.alert, cleared.outcome) == (receipt.alert, Outcome.REPORT_OUTCOME_RESOLVED)
        assert (await alert(intake, receipt.alert)).state == alert_pb2.ALERT_STATE_RESOLVED


async def test_what_still_fires_when_a_silence_ends_is_looked_at_again_and_what_ended_is_not(intake: Intake, clock: SimulatedClock) -> None:
    component = uuid.uuid4().hex
    name = await silenced(intake, f"component={component}")
    firing, over = await sent(intake, component, alertname="a"), await sent(intake, component, alertname="b")
    await sent(intake, component, ends_at=(clock.now() - START).total_seconds() + 1, alertname="b")
    await a_minute_later(intake, clock)
    assert (await alert(intake, firing.alert)).disposition == MUTED
    await intake.muting.ExpireSilence(silence_pb.ExpireSilenceRequest(name=name, change_reason="mended"))
    await a_minute_later(intake, clock)
    found = await alert(intake, firing.alert)
    assert (found.disposition, bool(found.incident)) == (GROUPED, True)
    assert (await alert(intake, over.alert)).incident == ""
    assert [each.name for each in await intake.alerts(found.incident)] == [firing.alert]


async def test_a_silence_that_no_longer_matches_lets_go(intake: Intake, clock: SimulatedClock) -> None:
    component = uuid.uuid4().hex
    name = await silenced(intake, f"component={component}")
    receipt = await sent(intake, component)
    changed = silence_pb.UpdateSilenceRequest(name=name, matchers=[matcher_pb2.Matcher(text="component=another")])
    await intake.muting.UpdateSilence(changed)
    await a_minute_later(intake, clock)
    assert (await alert(intake, receipt.alert)).disposition == GROUPED


async def test_a_window_mutes_what_fires_within_it_until_its_occurrence_ends(intake: Intake, clock: SimulatedClock) -> None:
    component = uuid.uuid4().hex
    begin = clock.now() + timedelta(minutes=10)
    request = window_pb.CreateMaintenanceWindowRequest(
        matchers=[matcher_pb2.Matcher(text=f"component={component}")],
        starts_at=f"{begin:%Y-%m-%dT%H:%M:%S}",
        time_zone="UTC",
        duration=Duration(seconds=1800),
        rrule="FREQ=DAILY;COUNT=3",
        reason="the database is moved",
        approver="grace",
    )
    made = (await intake.muting.CreateMaintenanceWindow(request)).maintenance_window
    assert (await sent(intake, component, alertname="before")).outcome == Outcome.REPORT_OUTCOME_OPENED
    await a_minute_later(intake, clock, 11 * 60)
    within = await sent(intake, component, alertname="within")
    assert within.outcome == Outcome.REPORT_OUTCOME_MUTED
    assert (await alert(intake, within.alert)).mute == made.name
    await a_minute_later(intake, clock, 31 * 60)
    assert (await alert(intake, within.alert)).disposition == GROUPED
    assert (await sent(intake, component, alertname="after")).outcome != Outcome.REPORT_OUTCOME_MUTED


async def ruled(intake: Intake, *rules: inhibit_rule_pb2.InhibitRule) -> None:
    etag = (await intake.muting.GetInhibitRules(rule_pb.GetInhibitRulesRequest())).inhibit_rules.etag
    await intake.muting.SetInhibitRules(rule_pb.SetInhibitRulesRequest(rules=rules, reason="the network explains it", etag=etag))


def rule(source: str, target: str, *equal: str) -> inhibit_rule_pb2.InhibitRule:
    sides: dict[str, Any] = {"source": [matcher_pb2.Matcher(text=source)], "target": [matcher_pb2.Matcher(text=target)]}
    return inhibit_rule_pb2.InhibitRule(name="network", equal=equal, **sides)


async def test_an_alert_is_muted_while_its_cause_fires_and_looked_at_again_when_that_ends(intake: Intake, clock: SimulatedClock) -> None:
    await ruled(intake, rule("alertname=RouterDown", "severity=warning", "site"))
    site = uuid.uuid4().hex
    down = await sent(intake, uuid.uuid4().hex, alertname="RouterDown", site=site)
    assert down.outcome == Outcome.REPORT_OUTCOME_OPENED
    slow = await sent(intake, uuid.uuid4().hex, alertname="Slow", severity="warning", site=site)
    elsewhere = await sent(intake, uuid.uuid4().hex, alertname="Slow", severity="warning", site="elsewhere")
    assert (slow.outcome, elsewhere.outcome) == (Outcome.REPORT_OUTCOME_MUTED, Outcome.REPORT_OUTCOME_OPENED)
    assert (await alert(intake, slow.alert)).mute == "inhibitRules/network"
    source = (await alert(intake, down.alert)).labels
    await sent(intake, source["component"], ends_at=(clock.now() - START).total_seconds() + 1, alertname="RouterDown", site=site)
    await a_minute_later(intake, clock)
    assert (await alert(intake, slow.alert)).disposition == GROUPED


async def test_a_cause_that_comes_in_the_same_batch_mutes_too_and_two_alike_never_mute_each_other(intake: Intake) -> None:
    await ruled(intake, rule('severity=~"page|warning"', 'severity=~"warning|info"', "site"))
    site = uuid.uuid4().hex
    begin = (intake.app.clock.now() - START).total_seconds()
    reports = [report(uuid.uuid4().hex, begin, alertname=each, severity=each, site=site) for each in ("info", "warning", "page")]
    outcomes = [each.outcome for each in await intake.send(*reports)]
    assert outcomes == [Outcome.REPORT_OUTCOME_MUTED, Outcome.REPORT_OUTCOME_MUTED, Outcome.REPORT_OUTCOME_OPENED]
    alike = uuid.uuid4().hex
    pair = [report(uuid.uuid4().hex, begin, alertname=each, severity="warning", site=alike) for each in "ab"]
    assert {each.outcome for each in await intake.send(*pair)} == {Outcome.REPORT_OUTCOME_OPENED}
    await ruled(intake)
