"""Muting as senders and responders meet it: what is muted, at whichever replica, and what becomes of it when that ends."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from ballast.intake.v1 import alert_pb2, incident_pb2, matcher_pb2
from ballast.intake.v1 import silence_messages_pb2 as silence_pb
from google.protobuf.timestamp_pb2 import Timestamp

from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.conftest import START
from tests.support.intake import report
from tests.support.replicas import Replicas, inhibit_rule, replicas_serving

GROUPED, MUTED = alert_pb2.ALERT_DISPOSITION_GROUPED, alert_pb2.ALERT_DISPOSITION_MUTED
FIRING, RESOLVED = alert_pb2.ALERT_STATE_FIRING, alert_pb2.ALERT_STATE_RESOLVED
OVER = incident_pb2.INCIDENT_STATE_RESOLVED


@pytest.fixture
async def intake(own_urls: dict[str, str], engines: Engines) -> AsyncIterator[Replicas]:
    async with replicas_serving(own_urls, engines, SimulatedClock(START)) as running:
        yield running


def outcome(receipt: alert_pb2.AlertReceipt) -> str:
    return alert_pb2.ReportOutcome.Name(receipt.outcome).removeprefix("REPORT_OUTCOME_")


def stamp(at: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(at)
    return made


# Silences.


async def test_a_silence_mutes_the_next_firing_at_once_and_at_every_replica(intake: Replicas) -> None:
    await intake.second.send(report("warmed-up"))  # it has read what mutes before the silence is there
    silence = await intake.silence("component=~checkout.*")
    for replica, component in ((intake.first, "checkout-1"), (intake.second, "checkout-2")):
        (receipt,) = await replica.send(report(component))
        assert (outcome(receipt), receipt.incident) == ("MUTED", "")
        found = await intake.alert(receipt.alert)
        assert (found.state, found.disposition, found.mute, found.incident) == (FIRING, MUTED, silence, "")
    assert await intake.incidents("checkout-1", "checkout-2") == []
    (other,) = await intake.second.send(report("search"))
    assert outcome(other) == "OPENED"


async def test_a_repeat_of_what_is_muted_is_a_repeat_and_stays_muted(intake: Replicas) -> None:
    await intake.silence("component=checkout")
    (first,) = await intake.first.send(report("checkout"))
    (again,) = await intake.second.send(report("checkout"))
    assert (outcome(again), again.alert, again.incident) == ("REPEATED", first.alert, "")


async def test_a_clear_passes_a_silence_and_the_alert_opens_nothing_when_that_ends(intake: Replicas) -> None:
    await intake.silence("component=checkout", seconds=600)
    (muted,) = await intake.first.send(report("checkout"))
    (ended,) = await intake.first.send(report("checkout", ends_at=60))
    assert (outcome(ended), ended.alert, ended.incident) == ("RESOLVED", muted.alert, "")
    assert (await intake.alert(muted.alert)).state == RESOLVED
    await intake.pass_time(seconds=700)
    assert (await intake.alert(muted.alert)).disposition == MUTED
    assert await intake.incidents("checkout") == []


async def test_what_was_in_an_incident_before_a_silence_stays_and_clears_there(intake: Replicas) -> None:
    (opened,) = await intake.first.send(report("checkout"))
    await intake.silence("component=checkout")
    (again,) = await intake.first.send(report("checkout"))
    assert (outcome(again), again.incident) == ("REPEATED", opened.incident)
    await intake.first.send(report("checkout", ends_at=60))
    assert (await intake.first.incident(opened.incident)).state == OVER


async def test_an_alert_told_begin_and_end_at_once_is_muted_too(intake: Replicas) -> None:
    silence = await intake.silence("component=checkout")
    (receipt,) = await intake.first.send(report("checkout", -120, -60))
    assert (outcome(receipt), receipt.incident) == ("RESOLVED", "")
    found = await intake.alert(receipt.alert)
    assert (found.state, found.disposition, found.mute) == (RESOLVED, MUTED, silence)
    assert await intake.incidents("checkout") == []


async def test_when_a_silence_ends_what_fires_opens_its_incident_with_its_own_begin(intake: Replicas) -> None:
    silence = await intake.silence("component=~a|b", seconds=600)
    first, second, over = await intake.first.send(report("a", 10), report("b", 20), report("b", 30, alertname="short"))
    await intake.first.send(report("b", 30, 60, alertname="short"))
    await intake.pass_time(seconds=599)
    assert await intake.incidents("a", "b") == []
    await intake.pass_time(seconds=1)
    opened = {each.components[0]: each for each in await intake.incidents("a", "b")}
    assert {name: each.opened_at for name, each in opened.items()} == {
        "a": stamp(START + timedelta(seconds=10)),
        "b": stamp(START + timedelta(seconds=20)),
    }
    assert (opened["b"].alert_count, opened["b"].firing_count) == (1, 1)
    placed = await intake.alert(second.alert)
    assert (placed.disposition, placed.incident, placed.rule, placed.mute) == (GROUPED, opened["b"].name, "default", silence)
    assert (await intake.alert(over.alert)).disposition == MUTED
    assert (await intake.alert(first.alert)).incident == opened["a"].name


async def test_what_is_let_go_joins_the_incident_its_group_has_by_then(intake: Replicas) -> None:
    await intake.silence("alertname=slow", seconds=600)
    (muted,) = await intake.first.send(report("web", 10, alertname="slow"))
    (opened,) = await intake.first.send(report("web", 20, alertname="errors"))
    await intake.pass_time(seconds=600)
    joined = await intake.first.incident(opened.incident)
    assert (joined.alert_count, joined.opened_at) == (2, stamp(START + timedelta(seconds=10)))
    assert (await intake.alert(muted.alert)).incident == opened.incident
    await intake.pass_time(minutes=5)
    assert (await intake.first.incident(opened.incident)).alert_count == 2


@pytest.mark.parametrize("how", ["expired", "edited"])
async def test_a_silence_ended_or_narrowed_by_hand_lets_go_what_it_muted(intake: Replicas, how: str) -> None:
    name = await intake.silence("component=~a|b")
    first, second = await intake.first.send(report("a"), report("b"))
    if how == "expired":
        await intake.first.muting.ExpireSilence(silence_pb.ExpireSilenceRequest(name=name))
    else:
        matchers = [matcher_pb2.Matcher(text="component=b")]
        await intake.first.muting.UpdateSilence(silence_pb.UpdateSilenceRequest(name=name, matchers=matchers))
    await intake.second.app.tick()
    assert (await intake.alert(first.alert)).disposition == GROUPED
    assert (await intake.alert(second.alert)).disposition == (GROUPED if how == "expired" else MUTED)


async def test_two_silences_mute_until_the_last_of_them_ends(intake: Replicas) -> None:
    await intake.silence("component=a", seconds=1200)
    (muted,) = await intake.first.send(report("a"))
    longer = await intake.silence("alertname=x, component=a", "component=~a.*", seconds=60)
    later = await intake.silence("component=~a.*", seconds=2400)
    assert longer != later
    await intake.pass_time(seconds=1300)
    held = await intake.alert(muted.alert)
    assert (held.disposition, held.mute) == (MUTED, later)
    await intake.pass_time(seconds=1200)
    assert (await intake.alert(muted.alert)).disposition == GROUPED


async def test_a_muted_alert_that_begins_again_after_the_silence_opens_an_incident(intake: Replicas) -> None:
    await intake.silence("component=a", seconds=600)
    await intake.first.send(report("a"))
    await intake.first.send(report("a", ends_at=60))
    await intake.pass_time(seconds=900)
    (again,) = await intake.first.send(report("a", 800))
    assert outcome(again) == "OPENED"
    assert again.incident


async def test_two_replicas_that_release_at_once_place_each_alert_once(intake: Replicas) -> None:
    await intake.silence("component=~a.*", seconds=60)
    await intake.first.send(*(report(f"a{number % 5}", alertname=str(number)) for number in range(50)))
    intake.clock.advance(START + timedelta(seconds=60))
    for replica in (intake.first, intake.second):
        await replica.app.tick()
    opened = await intake.incidents(*(f"a{number}" for number in range(5)))
    assert [(each.alert_count, each.firing_count) for each in opened] == [(10, 10)] * 5


# Maintenance windows.


async def test_a_recurring_window_mutes_at_the_wall_time_before_and_after_the_clocks_change(intake: Replicas) -> None:
    """Berlin changes on 29 March 2026: 22:00 is 21:00 UTC before, and 20:00 UTC after."""
    window = await intake.window("component=db", "2026-03-22T22:00", "Europe/Berlin", "FREQ=WEEKLY;BYDAY=SU;COUNT=3")
    told = {}
    for at in ("22T20:30", "22T21:30", "22T22:59", "22T23:01", "29T19:59", "29T20:01", "29T21:59", "29T22:01"):
        moment = datetime.fromisoformat(f"2026-03-{at}").replace(tzinfo=UTC)
        intake.clock.advance(moment)
        (receipt,) = await intake.first.send(report("db", (moment - START).total_seconds(), alertname=at))
        told[at] = outcome(receipt) == "MUTED"
        if told[at]:
            assert (await intake.alert(receipt.alert)).mute == window
        await intake.first.send(report("db", (moment - START).total_seconds(), (moment - START).total_seconds() + 1, alertname=at))
    assert [at for at, is_muted in told.items() if is_muted] == ["22T21:30", "22T22:59", "29T20:01", "29T21:59"]


async def test_when_an_occurrence_ends_what_fires_is_placed(intake: Replicas) -> None:
    await intake.window("component=db", "2026-03-02T10:00", "UTC", "FREQ=DAILY;COUNT=2", seconds=3600)
    await intake.pass_time(hours=1, minutes=30)
    (muted,) = await intake.first.send(report("db", 5400))
    assert outcome(muted) == "MUTED"
    await intake.pass_time(minutes=31)
    placed = await intake.alert(muted.alert)
    assert placed.disposition == GROUPED
    assert (await intake.first.incident(placed.incident)).opened_at == stamp(START + timedelta(seconds=5400))


# Inhibition.


async def test_a_source_that_fires_mutes_its_targets_and_lets_them_go_when_it_ends(intake: Replicas) -> None:
    await intake.inhibit(inhibit_rule("alertname=ClusterDown", "alertname=Slow", "cluster", name="down"))
    (source,) = await intake.first.send(report("cluster", alertname="ClusterDown", cluster="eu"))
    assert outcome(source) == "OPENED"
    same, other = await intake.second.send(
        report("web", 10, alertname="Slow", cluster="eu"), report("api", 10, alertname="Slow", cluster="us")
    )
    assert (outcome(same), outcome(other)) == ("MUTED", "OPENED")
    assert (await intake.alert(same.alert)).mute == "inhibitRules/down"
    await intake.pass_time(seconds=60)
    assert (await intake.alert(same.alert)).disposition == MUTED
    await intake.first.send(report("cluster", ends_at=30, alertname="ClusterDown", cluster="eu"))
    await intake.pass_time(seconds=60)
    placed = await intake.alert(same.alert)
    assert placed.disposition == GROUPED
    assert (await intake.first.incident(placed.incident)).opened_at == stamp(START + timedelta(seconds=10))


@pytest.mark.parametrize("source_first", [True, False])
async def test_a_source_mutes_targets_of_its_own_batch_wherever_it_stands(intake: Replicas, source_first: bool) -> None:
    await intake.inhibit(inhibit_rule("alertname=ClusterDown", "alertname=Slow", "cluster"))
    source, target = report("cluster", alertname="ClusterDown", cluster="eu"), report("web", alertname="Slow", cluster="eu")
    receipts = await intake.first.send(*((source, target) if source_first else (target, source)))
    assert sorted(outcome(each) for each in receipts) == ["MUTED", "OPENED"]


async def test_a_source_that_is_silenced_itself_still_explains_its_targets(intake: Replicas) -> None:
    await intake.inhibit(inhibit_rule("alertname=ClusterDown", "alertname=Slow", "cluster"))
    await intake.silence("alertname=ClusterDown")
    (source,) = await intake.first.send(report("cluster", alertname="ClusterDown", cluster="eu"))
    (target,) = await intake.first.send(report("web", alertname="Slow", cluster="eu"))
    assert [outcome(each) for each in (source, target)] == ["MUTED", "MUTED"]


async def test_rules_set_while_a_source_fires_mute_by_it_from_the_next_minute_on(intake: Replicas) -> None:
    await intake.first.send(report("cluster", alertname="ClusterDown", cluster="eu"))
    await intake.inhibit(inhibit_rule("alertname=ClusterDown", "alertname=Slow", "cluster"))
    await intake.pass_time(seconds=60)
    (muted,) = await intake.second.send(report("web", 60, alertname="Slow", cluster="eu"))
    assert outcome(muted) == "MUTED"
    await intake.inhibit()
    await intake.pass_time(seconds=60)
    assert (await intake.alert(muted.alert)).disposition == GROUPED


async def test_an_inhibited_alert_that_ends_is_resolved_and_opens_nothing(intake: Replicas) -> None:
    await intake.inhibit(inhibit_rule("alertname=ClusterDown", "alertname=Slow", "cluster"))
    _, target = await intake.first.send(
        report("cluster", alertname="ClusterDown", cluster="eu"), report("web", alertname="Slow", cluster="eu")
    )
    (ended,) = await intake.first.send(report("web", ends_at=30, alertname="Slow", cluster="eu"))
    assert (outcome(ended), ended.alert) == ("RESOLVED", target.alert)
    await intake.first.send(report("cluster", ends_at=40, alertname="ClusterDown", cluster="eu"))
    await intake.pass_time(seconds=60)
    assert await intake.incidents("web") == []


# Alerts whose past is told late.


async def test_a_signal_told_begin_and_end_at_once_again_is_muted_again(intake: Replicas) -> None:
    silence = await intake.silence("component=web")
    (first,) = await intake.first.send(report("web", 0, 60))
    intake.clock.advance(START + timedelta(seconds=500))
    (second,) = await intake.first.send(report("web", 300, 360))
    (late,) = await intake.first.send(report("web", -300, -240))
    assert len({first.alert, second.alert, late.alert}) == 3
    for receipt in (first, second, late):
        found = await intake.alert(receipt.alert)
        assert (outcome(receipt), found.disposition, found.mute, found.incident) == ("RESOLVED", MUTED, silence, "")
    assert await intake.incidents("web") == []


async def test_what_a_late_end_parts_from_a_muted_alert_is_muted_too_and_of_a_grouped_one_grouped(intake: Replicas) -> None:
    (before,) = await intake.first.send(report("db"))
    silence = await intake.silence("component=~web|db")
    await intake.first.send(report("web"))
    intake.clock.advance(START + timedelta(seconds=200))
    for component in ("web", "db"):
        await intake.first.send(report(component, 100))  # another replica of the sender tells of it
        await intake.first.send(report(component, 0, 50))  # and only now does it say that there was an end between
    parted = {
        component: sorted((each for each in await intake.first.alerts("") if each.labels["component"] == component), key=begins)
        for component in ("web", "db")
    }
    assert [(each.state, each.disposition, each.mute) for each in parted["web"]] == [(RESOLVED, MUTED, silence), (FIRING, MUTED, silence)]
    assert [(each.state, each.disposition, each.mute) for each in parted["db"]] == [(RESOLVED, GROUPED, ""), (FIRING, GROUPED, "")]
    assert await intake.incidents("web") == []
    assert before.incident in {each.incident for each in parted["db"]}


def begins(alert: alert_pb2.Alert) -> int:
    return alert.starts_at.seconds
