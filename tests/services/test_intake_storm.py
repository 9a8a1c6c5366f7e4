"""Storms as those in one meet them: one summary incident, every alert kept, and load shed where the store cannot keep up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from ballast.intake.v1 import alert_pb2, incident_pb2, storm_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub
from google.rpc import error_details_pb2

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import Exhausted
from shared.storage.database import connect_raw
from shared.testing.otlp import OtlpReceiver
from tests.conftest import START
from tests.support.intake import Intake, intake_serving, report
from tests.support.replicas import Replicas, replicas_serving
from tests.support.waiting import until
from tests.support.wire import info_of, plain_channel, status_of_error

OPEN, OVER = incident_pb2.INCIDENT_STATE_OPEN, incident_pb2.INCIDENT_STATE_RESOLVED
SMALL: dict[str, Any] = {"storm_enter_count": 20, "storm_leave_count": 5, "storm_window_seconds": 10, "storm_calm_seconds": 30}


@pytest.fixture
async def intake(own_urls: dict[str, str], engines: Engines) -> AsyncIterator[Replicas]:
    async with replicas_serving(own_urls, engines, SimulatedClock(START), **SMALL) as running:
        yield running


def outcome(receipt: alert_pb2.AlertReceipt) -> str:
    return alert_pb2.ReportOutcome.Name(receipt.outcome).removeprefix("REPORT_OUTCOME_")


async def state(intake: Intake) -> storm_pb2.GetStormStateResponse:
    return await intake.rpc.GetStormState(storm_pb2.GetStormStateRequest())


async def storms(intake: Intake, **paging: Any) -> storm_pb2.ListStormsResponse:
    return await intake.rpc.ListStorms(storm_pb2.ListStormsRequest(**paging))


async def begin(intake: Replicas) -> storm_pb2.Storm:
    """Brings a storm about; returns it."""
    await intake.first.send(*(report(f"gust-{number}", alertname="x") for number in range(20)))

    async def is_stormy() -> bool:
        return (await state(intake.second)).HasField("storm")

    await until(is_stormy)
    return (await state(intake.second)).storm


async def calm(intake: Replicas, seconds: float) -> None:
    """Lets time pass, and each replica see it."""
    await intake.pass_time(seconds=seconds)
    await asyncio.sleep(1.3)  # both look every second


async def incidents(intake: Intake) -> list[incident_pb2.Incident]:
    return list((await intake.rpc.ListIncidents(pb.ListIncidentsRequest(page_size=1000))).incidents)


# Entering.


async def test_a_storm_begins_by_its_rule_and_not_before(intake: Replicas) -> None:
    await intake.first.send(*(report(f"c{number}") for number in range(19)))
    await asyncio.sleep(1.3)
    before = await state(intake.first)
    assert (before.HasField("storm"), before.recent_count, before.rule.enter_count, before.waiting_count) == (False, 19, 20, 0)
    await intake.first.send(report("c19"))

    async def is_stormy() -> bool:
        return (await state(intake.first)).HasField("storm")

    await until(is_stormy)
    found = await state(intake.first)
    assert (found.storm.entered_count, found.storm.alert_count, found.recent_count) == (20, 0, 20)
    assert (found.rule.leave_count, found.rule.window.seconds, found.rule.calm.seconds) == (5, 10, 30)
    summary = await intake.first.incident(found.storm.incident)
    assert (summary.kind, summary.state, summary.rule) == (incident_pb2.INCIDENT_KIND_STORM, OPEN, "storm")
    assert list((await storms(intake.first)).storms) == [found.storm]


async def test_a_signal_of_an_open_incident_that_flaps_in_a_storm_is_counted(intake: Replicas) -> None:
    (keeper,) = await intake.first.send(report("web", -900, alertname="keeps it open"))
    await intake.first.send(report("web", -800, alertname="flaps"))
    await begin(intake)
    await intake.first.send(report("web", -800, -700, alertname="flaps"))
    (again,) = await intake.first.send(report("web", -600, alertname="flaps"))
    assert again.incident == keeper.incident
    assert (await intake.first.incident(keeper.incident)).evidence.flap_count == 1


async def test_repeats_are_no_storm(intake: Replicas) -> None:
    for _ in range(5):
        await intake.first.send(*(report(f"c{number}") for number in range(10)))
    await asyncio.sleep(1.3)
    assert not (await state(intake.first)).HasField("storm")


async def test_two_replicas_that_see_it_at_once_enter_one_storm_with_one_incident(intake: Replicas) -> None:
    await asyncio.gather(
        *(
            replica.send(*(report(f"{place}-{number}") for number in range(30)))
            for place, replica in enumerate((intake.first, intake.second))
        )
    )
    await asyncio.sleep(2.5)
    assert len((await storms(intake.first)).storms) == 1
    assert len([each for each in await incidents(intake.first) if each.kind == incident_pb2.INCIDENT_KIND_STORM]) == 1


# During a storm.


async def test_alerts_of_groups_without_an_incident_are_summarised_and_the_others_join_theirs(intake: Replicas) -> None:
    (before,) = await intake.first.send(report("known", alertname="a"))
    storm = await begin(intake)
    (joined,) = await intake.second.send(report("known", alertname="b"))
    assert (outcome(joined), joined.incident) == ("OPENED", before.incident)
    told = [*await intake.first.send(report("new-1"), report("new-2")), *await intake.second.send(report("new-3"))]
    assert [(outcome(each), each.incident) for each in told] == [("SUMMARISED", storm.incident)] * 3
    kept = {each.name: each for each in await intake.first.alerts(storm.incident)}
    assert kept.keys() == {each.alert for each in told}
    assert {each.disposition for each in kept.values()} == {alert_pb2.ALERT_DISPOSITION_SUMMARISED}
    summary = await intake.first.incident(storm.incident)
    assert (summary.alert_count, summary.firing_count) == (3, 3)
    assert (await state(intake.first)).storm.alert_count == 3
    assert await intake.incidents("new-1", "new-2", "new-3") == []


async def test_what_only_counts_is_told_of_by_one_event_within_seconds(intake: Replicas) -> None:
    (before,) = await intake.first.send(report("known", alertname="a"))
    storm = await begin(intake)
    await asyncio.sleep(1.5)
    watching = intake.second.rpc.WatchIncidents(pb.WatchIncidentsRequest())
    answers = watching.__aiter__()
    await anext(answers)
    await asyncio.gather(*(intake.first.send(report("known", alertname=f"k{number}"), report(f"new-{number}")) for number in range(10)))
    seen: dict[str, list[incident_pb2.Incident]] = {}
    async with asyncio.timeout(5):
        while {name: each[-1].alert_count for name, each in seen.items()} != {before.incident: 11, storm.incident: 10}:
            answer = await anext(answers)
            if answer.HasField("incident"):
                seen.setdefault(answer.incident.name, []).append(answer.incident)
    watching.cancel()
    assert all(len(each) <= 3 for each in seen.values())  # not one for each of the ten
    assert any("alerts so far" in text for _, text in await intake.first.told(before.incident))


async def test_an_alert_let_go_in_a_storm_is_summarised(intake: Replicas) -> None:
    await intake.silence("component=quiet", seconds=60)
    (muted,) = await intake.first.send(report("quiet"))
    await intake.pass_time(seconds=55)
    storm = await begin(intake)
    await intake.pass_time(seconds=5)
    found = await intake.alert(muted.alert)
    assert (found.disposition, found.incident) == (alert_pb2.ALERT_DISPOSITION_SUMMARISED, storm.incident)


# Leaving.


async def test_a_storm_is_over_when_it_was_calm_long_enough_and_new_groups_open_incidents_again(intake: Replicas) -> None:
    storm = await begin(intake)
    (summarised,) = await intake.first.send(report("new", 0))
    await calm(intake, 29)
    assert (await state(intake.first)).HasField("storm")
    await calm(intake, 2)
    after = await state(intake.first)
    assert not after.HasField("storm")
    (ended,) = (await storms(intake.first)).storms
    assert (ended.name, ended.ended_at.seconds - ended.started_at.seconds, ended.alert_count) == (storm.name, 31, 1)
    assert (await intake.first.incident(storm.incident)).state == OPEN  # one of its alerts fires
    (other,) = await intake.second.send(report("other", 31))
    assert outcome(other) == "OPENED"
    (again,) = await intake.first.send(report("new", 0))
    assert (outcome(again), again.incident) == ("REPEATED", summarised.incident)
    await intake.first.send(report("new", 0, 40))
    over = await intake.first.incident(storm.incident)
    assert (over.state, over.resolved_at.seconds) == (OVER, int(START.timestamp()) + 40)


async def test_a_storm_that_gathered_nothing_resolves_its_incident_when_it_is_over(intake: Replicas) -> None:
    storm = await begin(intake)
    await calm(intake, 31)
    over = await intake.first.incident(storm.incident)
    assert (over.state, over.alert_count) == (OVER, 0)


async def test_a_storm_goes_on_while_any_replica_sees_one(intake: Replicas) -> None:
    storm = await begin(intake)
    for step in range(3):
        await calm(intake, 15)
        await intake.second.send(*(report(f"gust-{step}-{number}", 15 * step) for number in range(5)))
        await asyncio.sleep(1.3)
    assert (await state(intake.first)).storm.name == storm.name


async def test_storms_are_listed_latest_first_in_pages(intake: Replicas) -> None:
    names = []
    for step in range(3):
        await intake.first.send(*(report(f"s{step}-{number}", 60 * step) for number in range(20)))

        async def is_stormy() -> bool:
            return (await state(intake.first)).HasField("storm")

        await until(is_stormy)
        names.append((await state(intake.first)).storm.name)
        await calm(intake, 60)
    page = await storms(intake.first, page_size=2)
    rest = await storms(intake.second, page_size=2, page_token=page.next_page_token)
    assert [each.name for each in (*page.storms, *rest.storms)] == names[::-1]
    assert rest.next_page_token == ""


# What is shed.


@asynccontextmanager
async def nothing_written(urls: dict[str, str]) -> AsyncIterator[None]:
    """Keeps every alert from being written, as a store that has come to a halt."""
    connection = await connect_raw(urls["intake"], "intake")
    try:
        async with connection.transaction():
            await connection.execute("lock table alert in exclusive mode")
            yield
    finally:
        await connection.close()


async def test_what_the_store_cannot_keep_up_with_is_refused_and_all_that_got_a_receipt_is_there(
    own_urls: dict[str, str], engines: Engines
) -> None:
    async with (
        intake_serving(own_urls, engines, SimulatedClock(START), waiting_limit=1000) as intake,
        plain_channel(intake.address) as plain,
    ):
        rpc = IntakeServiceStub(plain)  # retries nothing by itself

        async def send(source: str, number: int) -> list[str]:
            reports = [report(f"{source}-{number}", number=str(each)) for each in range(100)]
            answer = await rpc.ReportAlerts(pb.ReportAlertsRequest(source=source, reports=reports))
            return [each.alert for each in answer.receipts]

        async with nothing_written(own_urls):
            flood = [asyncio.ensure_future(send("noisy", number)) for number in range(40)]
            await until(lambda: sum(each.done() for each in flood) >= 20)
            await asyncio.sleep(0.5)
            refused = sum(each.done() for each in flood)
            loaded = await state(intake)
            assert loaded.waiting_limit == 1000
            assert 0 < loaded.waiting_count <= 1000
            (noisy,) = loaded.sources
            assert (noisy.source, noisy.waiting_count, noisy.shed_count) == ("noisy", loaded.waiting_count, 100 * refused)
            quiet = asyncio.ensure_future(send("quiet", 0))
            await asyncio.sleep(0.3)
            assert not quiet.done()  # it waits its turn and is not refused
        answers = await asyncio.gather(*flood, return_exceptions=True)
        durable = [alert for each in [*answers, await quiet] if isinstance(each, list) for alert in each]
        shed = [each for each in answers if isinstance(each, grpc.aio.AioRpcError)]
        assert len(shed) >= 20
        assert {(each.code(), info_of(each).reason) for each in shed} == {(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")}
        retry = error_details_pb2.RetryInfo()
        assert any(each.Unpack(retry) for each in status_of_error(shed[0]).details)
        assert retry.retry_delay.ToTimedelta().total_seconds() >= 0.2
        kept: set[str] = set()
        token = ""
        while True:
            page = await intake.rpc.ListAlerts(pb.ListAlertsRequest(page_size=1000, page_token=token))
            kept |= {each.name for each in page.alerts}
            token = page.next_page_token
            if not token:
                break
        assert set(durable) == kept
        assert len(durable) == len(kept) == 100 * (41 - len(shed))


async def test_a_sender_that_waits_as_it_is_told_gets_through_in_the_end(own_urls: dict[str, str], engines: Engines) -> None:
    async with intake_serving(own_urls, engines, SimulatedClock(START), waiting_limit=1000) as intake:
        refused = 0

        async def send(number: int) -> None:
            nonlocal refused
            reports = [report(f"c{number}", number=str(each)) for each in range(100)]
            while True:
                try:
                    await intake.send(*reports)
                except Exhausted as error:
                    refused += 1
                    await asyncio.sleep(error.retry_after.total_seconds())
                else:
                    return

        async with nothing_written(own_urls):
            sending = asyncio.gather(*(send(number) for number in range(20)))
            await until(lambda: refused > 0)
        await sending
        assert sum(each.alert_count for each in await incidents(intake)) == 2000


# Metrics.


async def test_a_storm_and_what_waits_and_is_shed_are_exported_as_metrics(own_urls: dict[str, str], engines: Engines) -> None:
    async with OtlpReceiver() as receiver:
        clock = SimulatedClock(START)
        async with replicas_serving(own_urls, engines, clock, otlp_endpoint=receiver.endpoint, **SMALL) as intake:
            await begin(intake)
            await asyncio.sleep(1.3)
        found = {each.name: each for each in receiver.metrics()}
    names = {"storm_active", "alerts_recent", "reports_waiting", "reports_shed"}
    assert {f"ballast_intake_{each}" for each in names} <= found.keys()
    assert max(each.value for each in receiver.metrics("ballast_intake_storm_active")) == 1
    assert max(each.value for each in receiver.metrics("ballast_intake_alerts_recent")) == 20
