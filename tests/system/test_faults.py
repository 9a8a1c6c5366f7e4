"""What is promised in the worst hour: kill, restart, and an emptied cache lose nothing and double nothing."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
from ballast.allocation.v1 import allocation_messages_pb2
from ballast.governance.v1 import governance_service_pb2
from ballast.intake.v1 import alert_pb2
from ballast.intake.v1 import intake_service_pb2 as pb

from services.suite import DATABASE, PARTS, Suite, SuiteOptions
from shared.embedded import running
from shared.errors import BallastError
from tests.support.suite import Clients, SuiteProcess, found_organisation

COMPONENTS = [f"part-{number}" for number in range(8)]
CALLS = 240
REPORTS = 5


def requests() -> list[pb.ReportAlertsRequest]:
    """Builds calls of five distinct alerts each, over eight components."""
    return [
        pb.ReportAlertsRequest(
            request_id=str(uuid.uuid4()),
            source="storm",
            reports=[
                alert_pb2.AlertReport(
                    labels={"component": COMPONENTS[(call + number) % len(COMPONENTS)], "alertname": f"a{call}-{number}"},
                    annotations={"summary": "it broke", "ballast.service_impact": "outage"},
                )
                for number in range(REPORTS)
            ],
        )
        for call in range(CALLS)
    ]


async def send_all(calls: list[pb.ReportAlertsRequest], clients: Callable[[], Clients], progress: Callable[[int], None]) -> dict[str, str]:
    """Sends every call until it has its receipts, whatever happens to the server, and returns alert by fingerprint."""
    receipts: dict[str, str] = {}
    waiting = iter(calls)

    async def caller() -> None:
        for call in waiting:
            while True:
                try:
                    answer = await clients().intake.ReportAlerts(call, timeout=10)
                    break
                except BallastError:
                    await asyncio.sleep(0.1)  # the same request_id again, until the server is back
            receipts.update({each.fingerprint: each.alert for each in answer.receipts})
            progress(len(receipts))

    await asyncio.gather(*(caller() for _ in range(8)))
    return receipts


async def check_nothing_lost_nothing_twice(clients: Clients, database: str, receipts: dict[str, str]) -> None:
    await clients.quiet()
    stored: dict[str, str] = {}
    token = ""
    while True:
        page = await clients.intake.ListAlerts(pb.ListAlertsRequest(page_size=500, page_token=token))
        assert not {each.fingerprint for each in page.alerts} & stored.keys()
        stored |= {each.fingerprint: each.name for each in page.alerts}
        if not (token := page.next_page_token):
            break
    assert len(receipts) == CALLS * REPORTS
    assert stored == receipts
    incidents = (await clients.intake.ListIncidents(pb.ListIncidentsRequest(page_size=100))).incidents
    assert sorted(list(each.components) for each in incidents) == sorted([each] for each in COMPONENTS)
    assert sum(each.alert_count for each in incidents) == CALLS * REPORTS
    await check_every_event_in_the_ledger(clients, database)


async def check_every_event_in_the_ledger(clients: Clients, database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        recorded = {
            str(row["id"]) for name in PARTS if name != "governance" for row in await connection.fetch(f"select id from {name}.outbox")
        }
    finally:
        await connection.close()
    listed: list[str] = []
    token = ""
    while True:
        page = await clients.governance.ListLedgerEntries(governance_service_pb2.ListLedgerEntriesRequest(page_size=500, page_token=token))
        listed += [each.event_id for each in page.entries]
        if not (token := page.next_page_token):
            break
    assert sorted(listed) == sorted(recorded)
    *_, last = [each async for each in clients.governance.VerifyLedger(governance_service_pb2.VerifyLedgerRequest())]
    assert last.done
    assert not last.HasField("fault")


async def test_a_killed_suite_loses_no_acknowledged_alert_and_doubles_no_incident(tmp_path: Path) -> None:
    suite = SuiteProcess(tmp_path / "state").start()
    current = Clients(suite.addresses)
    killed = asyncio.Event()
    half = asyncio.Event()
    try:
        await found_organisation(current, COMPONENTS, datetime.now(UTC) - timedelta(days=1))

        def progress(count: int) -> None:
            if count >= CALLS * REPORTS // 3:
                half.set()

        async def kill_and_restart() -> None:
            nonlocal current
            await half.wait()
            suite.kill()
            killed.set()
            await asyncio.to_thread(suite.start)
            current = Clients(suite.addresses)

        receipts, _ = await asyncio.gather(send_all(requests(), lambda: current, progress), kill_and_restart())
        assert killed.is_set()
        await check_nothing_lost_nothing_twice(current, database_of(suite), receipts)
        await current.close()
    finally:
        assert suite.stop() == 0


def database_of(suite: SuiteProcess) -> str:
    """Finds the embedded server's socket, as a superuser of the same machine."""
    lines = (suite.state_dir / "postgres" / "postmaster.pid").read_text().splitlines()
    return f"postgresql://postgres@/{DATABASE}?host={lines[4]}"


async def test_an_emptied_and_stopped_cache_loses_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "state", durable=False) as engines:
        suite = Suite(SuiteOptions(tmp_path / "state", free_ports=True), engines)
        await suite.start()
        clients = Clients(suite.addresses)
        try:
            await found_organisation(clients, COMPONENTS, datetime.now(UTC) - timedelta(days=1))
            split = allocation_messages_pb2.GetSplitRequest(team="teams/core")
            await clients.allocation.DecideSplit(allocation_messages_pb2.DecideSplitRequest(team="teams/core"))
            before = (await clients.allocation.GetSplit(split)).split
            seen: set[str] = set()

            def progress(count: int) -> None:
                if count >= CALLS * REPORTS // 4 and "emptied" not in seen:
                    seen.add("emptied")
                    emptied.set()
                if count >= CALLS * REPORTS // 2 and "stopped" not in seen:
                    seen.add("stopped")
                    engines.stop_cache()

            emptied = asyncio.Event()

            async def empty() -> None:
                await emptied.wait()
                await suite.apps["allocation"].cache.client.flushall()

            receipts, _ = await asyncio.gather(send_all(requests(), lambda: clients, progress), empty())
            assert seen == {"emptied", "stopped"}
            await clients.quiet()
            away = (await clients.allocation.GetSplit(split)).split
            assert away.team == before.team
            engines.start_cache()
            await asyncio.sleep(1.2)  # longer than the cache is left alone after a failure
            assert (await clients.allocation.GetSplit(split)).split == away
            database = engines.database_url_for(DATABASE).replace("postgresql+asyncpg://", "postgresql://", 1)
            await check_nothing_lost_nothing_twice(clients, database, receipts)
        finally:
            await clients.close()
            await suite.stop()
