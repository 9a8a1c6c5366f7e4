"""The ledger in the worst hour: killed under load it has no gap, no fork and all that was recorded; cut by hand, it is loud."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
from ballast.governance.v1 import governance_service_pb2, reconciliation_pb2
from ballast.governance.v1 import ledger_service_pb2 as pb

from services.suite import DATABASE, Suite, SuiteOptions
from shared.embedded import running
from tests.support.suite import Clients, SuiteProcess, found_organisation
from tests.system.test_faults import CALLS, COMPONENTS, REPORTS, requests, send_all

KILLS = 3


async def test_a_ledger_killed_under_load_is_whole_and_one_that_was_cut_is_loud(tmp_path: Path) -> None:
    kept = await _killed_under_load(tmp_path / "state")
    with running(tmp_path / "state", durable=False) as engines:
        suite = Suite(SuiteOptions(tmp_path / "state", free_ports=True), engines)
        await suite.start()
        clients = Clients(suite.addresses)
        database = engines.database_url_for(DATABASE).replace("postgresql+asyncpg://", "postgresql://", 1)
        try:
            await _everybody_says_what_it_recorded(suite)
            assert (await _verified(clients)).fault.reason == ""
            proof = await clients.ledger.GetConsistencyProof(pb.GetConsistencyProofRequest(checkpoint=kept))
            assert 0 < proof.first_size < proof.second_size
            whole = await clients.ledger.GetReconciliation(reconciliation_pb2.GetReconciliationRequest())
            assert whole.discrepancy_count == 0
            assert {each.source for each in whole.sources} >= {"/ballast/intake", "/ballast/triage", "/ballast/allocation"}
            assert all(each.claimed_count == each.matched_count > 0 for each in whole.sources)
            claimed = await _cut(database, 20)
            cut = await clients.ledger.GetReconciliation(reconciliation_pb2.GetReconciliationRequest())
            assert cut.discrepancy_count == claimed > 0
            assert {each.kind for each in cut.discrepancies} == {reconciliation_pb2.DISCREPANCY_KIND_MISSING}
            assert (await _verified(clients)).fault.reason == "HEAD_MISMATCH"
        finally:
            await clients.close()
            await suite.stop()


async def _killed_under_load(state: Path) -> str:
    """Kills the suite several times while alerts come in; returns a checkpoint signed before the first of them."""
    suite = SuiteProcess(state).start()
    current = Clients(suite.addresses)
    reached = [asyncio.Event() for _ in range(KILLS)]
    try:
        await found_organisation(current, COMPONENTS, datetime.now(UTC) - timedelta(days=1))
        await current.quiet()
        kept = (await current.ledger.GetCheckpoint(pb.GetCheckpointRequest())).checkpoint

        def progress(count: int) -> None:
            for number, event in enumerate(reached, 1):
                if count >= CALLS * REPORTS * number // (KILLS + 1):
                    event.set()

        async def kill_and_restart() -> None:
            nonlocal current
            for event in reached:
                await event.wait()
                suite.kill()
                await asyncio.to_thread(suite.start)
                current = Clients(suite.addresses)

        await asyncio.gather(send_all(requests(), lambda: current, progress), kill_and_restart())
        await current.quiet()
        await current.close()
    finally:
        assert suite.stop() == 0
    return kept


async def _everybody_says_what_it_recorded(suite: Suite) -> None:
    for app in suite.apps.values():
        while await app.manifests.write(datetime.now(UTC)):
            pass
    await suite.settle(timedelta(seconds=60))


async def _verified(clients: Clients) -> governance_service_pb2.VerifyLedgerResponse:
    *_, last = [each async for each in clients.governance.VerifyLedger(governance_service_pb2.VerifyLedgerRequest())]
    assert last.done
    return last


async def _cut(database: str, count: int) -> int:
    """Takes the last entries out, as somebody with full rights on the database could; returns how many of them were claimed by then.

    The last manifest of a service, and what was recorded after it, are claimed by the next one.
    """
    connection = await asyncpg.connect(database)
    last = "(select max(sequence) - $1::bigint from governance.log_entry)"
    claimed = await connection.fetchval(f"select count(*) from governance.log_claim where sequence > {last}", count)
    await connection.execute("set session_replication_role = replica")  # switches the guards off
    await connection.execute(f"delete from governance.log_entry where sequence > {last}", count)
    await connection.close()
    return int(claimed)
