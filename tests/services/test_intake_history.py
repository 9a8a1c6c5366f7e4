"""The history of alerts as people meet it: what is over goes there, is found and changed there, and ends with its month."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from ballast.intake.v1 import alert_pb2, incident_shaping_pb2
from ballast.intake.v1 import intake_service_pb2 as pb

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import NotFound
from shared.storage.database import connect_raw
from tests.conftest import START
from tests.support.intake import report
from tests.support.replicas import Replicas, replicas_serving

HOUR, DAY = 3600, 86_400


@pytest.fixture
async def intake(own_urls: dict[str, str], engines: Engines) -> AsyncIterator[Replicas]:
    async with replicas_serving(own_urls, engines, SimulatedClock(START), alert_settle_hours=24, alert_retention_days=60) as running:
        yield running


async def where(urls: dict[str, str]) -> dict[str, list[str]]:
    """Returns the alertnames that lie in each table, but for tables that hold none."""
    connection = await connect_raw(urls["intake"], "intake")
    try:
        both = "(select tableoid, labels from alert union all select tableoid, labels from alert_history) as every"
        rows = await connection.fetch(f"select tableoid::regclass::text as place, labels from {both}")
    finally:
        await connection.close()
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["place"], []).append(row["labels"].partition('"alertname":"')[2].partition('"')[0])
    return {place: sorted(names) for place, names in found.items()}


async def partitions(urls: dict[str, str]) -> list[str]:
    connection = await connect_raw(urls["intake"], "intake")
    try:
        rows = await connection.fetch(
            "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'alert_history'::regclass"
        )
    finally:
        await connection.close()
    return sorted(row["name"].removeprefix("alert_history_") for row in rows)


async def listed(intake: Replicas, incident: str = "", size: int = 3) -> list[str]:
    names, token = list[str](), ""
    while True:
        request = pb.ListAlertsRequest(incident=incident, page_size=size, page_token=token)
        page = await intake.second.rpc.ListAlerts(request)
        names += [each.name for each in page.alerts]
        token = page.next_page_token
        if not token:
            return names


async def test_what_ended_a_day_ago_goes_into_its_month_and_what_fires_stays(intake: Replicas, own_urls: dict[str, str]) -> None:
    await intake.pass_time(seconds=1)
    await intake.first.send(*(report("web", alertname=name) for name in ("fires", "early", "late")))
    await intake.first.send(report("web", 0, 60, alertname="early"))
    await intake.pass_time(hours=20)
    await intake.first.send(report("web", 0, 10 * HOUR, alertname="late"))
    await intake.pass_time(hours=5)
    assert await where(own_urls) == {"alert": ["fires", "late"], "alert_history_202603": ["early"]}
    await intake.pass_time(days=40)
    assert await where(own_urls) == {"alert": ["fires"], "alert_history_202603": ["early", "late"]}


async def test_past_alerts_are_found_by_name_and_listed_with_the_others_without_gap_or_repeat(intake: Replicas) -> None:
    sent = []
    for number in range(12):
        sent += await intake.first.send(report("web", 60 * number, alertname=str(number)))
        if number % 3:
            await intake.first.send(report("web", 60 * number, 60 * number + 5, alertname=str(number)))
        await intake.pass_time(seconds=60)
    before = {each.alert: await intake.alert(each.alert) for each in sent}
    names = await listed(intake)
    assert names == [each.alert for each in reversed(sent)]
    await intake.pass_time(hours=25)
    assert await listed(intake) == names
    assert await listed(intake, sent[0].incident, 5) == names
    assert {name: await intake.alert(name) for name in before} == before


async def test_a_page_token_goes_on_while_alerts_move_into_the_history(intake: Replicas) -> None:
    sent = []
    for number in range(8):
        sent += await intake.first.send(report("web", alertname=str(number)))
        await intake.first.send(report("web", 0, 5, alertname=str(number)))
    page = await intake.first.rpc.ListAlerts(pb.ListAlertsRequest(page_size=3))
    await intake.pass_time(hours=25)
    rest = await intake.first.rpc.ListAlerts(pb.ListAlertsRequest(page_size=100, page_token=page.next_page_token))
    assert [each.name for each in (*page.alerts, *rest.alerts)] == [each.alert for each in reversed(sent)]


async def test_a_signal_that_fires_again_leaves_its_old_alert_in_the_history(intake: Replicas, own_urls: dict[str, str]) -> None:
    (first,) = await intake.first.send(report("web", alertname="x"))
    await intake.first.send(report("web", 0, 60, alertname="x"))
    (second,) = await intake.first.send(report("web", 300, alertname="x"))
    assert (second.outcome, second.fingerprint) == (alert_pb2.REPORT_OUTCOME_OPENED, first.fingerprint)
    assert second.alert != first.alert
    assert second.incident != first.incident
    places = await where(own_urls)
    assert places["alert"] == ["x"]
    assert sum(len(each) for each in places.values()) == 2
    old = await intake.alert(first.alert)
    assert (old.state, old.incident, old.ends_at.seconds - old.starts_at.seconds) == (alert_pb2.ALERT_STATE_RESOLVED, first.incident, 60)


async def test_a_late_report_finds_the_alert_in_the_history_and_changes_it_there(intake: Replicas) -> None:
    (first,) = await intake.first.send(report("web", alertname="x"))
    await intake.first.send(report("web", 0, 60, alertname="x"))
    await intake.pass_time(hours=25)
    (again,) = await intake.second.send(report("web", 0, 60, alertname="x"))
    assert (again.outcome, again.alert) == (alert_pb2.REPORT_OUTCOME_STALE, first.alert)
    (longer,) = await intake.second.send(report("web", 0, 120, alertname="x"))
    assert (longer.outcome, longer.alert) == (alert_pb2.REPORT_OUTCOME_RESOLVED, first.alert)
    found = await intake.alert(first.alert)
    assert found.ends_at.seconds - found.starts_at.seconds == 120
    assert (await intake.first.incident(first.incident)).resolved_at == found.ends_at
    assert len(await listed(intake)) == 1


async def test_a_firing_told_again_after_its_alert_went_into_the_history_changes_nothing(intake: Replicas) -> None:
    (first,) = await intake.first.send(report("web", alertname="x"))
    await intake.first.send(report("web", 0, 60, alertname="x"))
    await intake.pass_time(hours=25)
    (again,) = await intake.second.send(report("web", alertname="x"))
    assert (again.outcome, again.alert, again.incident) == (alert_pb2.REPORT_OUTCOME_STALE, first.alert, first.incident)
    end = report("web", 0, 60, alertname="x")
    end.ClearField("starts_at")
    (ended,) = await intake.second.send(end)
    assert (ended.outcome, ended.alert) == (alert_pb2.REPORT_OUTCOME_STALE, first.alert)
    assert len(await listed(intake)) == 1


async def test_an_alert_of_the_history_that_turns_out_to_fire_on_is_a_current_one_again(intake: Replicas, own_urls: dict[str, str]) -> None:
    (first,) = await intake.first.send(report("web", alertname="x"))
    await intake.first.send(report("web", 0, 60, alertname="x"))
    await intake.pass_time(hours=25)
    (again,) = await intake.second.send(report("web", 70, alertname="x"))
    assert again.alert == first.alert
    assert (await intake.alert(first.alert)).state == alert_pb2.ALERT_STATE_FIRING
    assert await where(own_urls) == {"alert": ["x"]}
    incident = await intake.first.incident(first.incident)
    assert (incident.alert_count, incident.firing_count, incident.HasField("resolved_at")) == (1, 1, False)
    (over,) = await intake.second.send(report("web", 70, 90, alertname="x"))
    assert (over.outcome, over.alert) == (alert_pb2.REPORT_OUTCOME_RESOLVED, first.alert)


async def test_merges_and_splits_take_past_alerts_along(intake: Replicas) -> None:
    past, present = await intake.first.send(report("web", alertname="past"), report("web", alertname="present"))
    (other,) = await intake.first.send(report("db"))
    await intake.first.send(report("web", 0, 60, alertname="past"))
    await intake.pass_time(hours=25)
    await intake.first.life.MergeIncidents(
        incident_shaping_pb2.MergeIncidentsRequest(into=other.incident, incidents=[past.incident], reason="one cause")
    )
    assert set(await listed(intake, other.incident)) == {past.alert, present.alert, other.alert}
    merged = await intake.first.incident(other.incident)
    assert (merged.alert_count, merged.firing_count) == (3, 2)
    request = incident_shaping_pb2.SplitIncidentRequest(
        name=other.incident, alerts=[past.alert], title="that night", reason="another night"
    )
    apart = (await intake.first.life.SplitIncident(request)).split
    assert await listed(intake, apart.name) == [past.alert]
    assert (await intake.alert(past.alert)).incident == apart.name


async def test_retention_drops_whole_months_and_only_those(intake: Replicas, own_urls: dict[str, str]) -> None:
    """Kept for 60 days: on 30 April all of March is still there, on 31 May it is gone, and April is not."""
    kept = {}
    for month, day in ((3, 5), (3, 30), (4, 5), (4, 29)):
        at = datetime(2026, month, day, 12, tzinfo=START.tzinfo)
        await intake.pass_time(seconds=(at - intake.clock.now()).total_seconds())
        begin = (at - START).total_seconds()
        name = f"{month}-{day}"
        (kept[name],) = await intake.first.send(report("web", begin, alertname=name))
        await intake.first.send(report("web", begin, begin + 60, alertname=name))
    await intake.pass_time(days=2)
    assert (await where(own_urls))["alert_history_202603"] == ["3-30", "3-5"]
    await intake.pass_time(seconds=(datetime(2026, 5, 31, tzinfo=START.tzinfo) - intake.clock.now()).total_seconds())
    assert await where(own_urls) == {"alert_history_202604": ["4-29", "4-5"]}
    assert await partitions(own_urls) == ["202604", "202605", "202606", "default"]
    with pytest.raises(NotFound) as error:
        await intake.alert(kept["3-30"].alert)
    assert error.value.reason == "ALERT_NOT_FOUND"
    assert (await intake.alert(kept["4-5"].alert)).labels["alertname"] == "4-5"


async def test_what_lies_in_the_catch_all_is_dropped_by_whole_months_too(intake: Replicas, own_urls: dict[str, str]) -> None:
    """Times long before the first month there is a partition for, as a sender's backlog brings them."""
    for name, back in (("january-2", 59), ("january-31", 30), ("december", 70)):
        begin = -back * DAY
        await intake.first.send(report("web", begin, begin + 60, alertname=name))
    await intake.pass_time(hours=25)
    before = START + timedelta(hours=25) - timedelta(days=60)
    assert (before.month, before.day) == (1, 2)
    assert await where(own_urls) == {"alert_history_default": ["january-2", "january-31"]}
    await intake.pass_time(days=20)
    assert await where(own_urls) == {"alert_history_default": ["january-2", "january-31"]}
    await intake.pass_time(days=10)
    assert await where(own_urls) == {}


async def test_every_month_has_its_partition_ahead_also_at_two_replicas(intake: Replicas, own_urls: dict[str, str]) -> None:
    for _ in range(3):
        await intake.pass_time(days=28)
        await intake.second.app.tick()
    assert await partitions(own_urls) == ["202603", "202604", "202605", "202606", "default"]
