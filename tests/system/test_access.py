"""Who called what, across services: a call turned away at triage shows in governance, and a suite that nobody calls falls silent."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ballast.governance.v1 import access_log_service_pb2 as pb
from ballast.governance.v1.access_log_service_pb2_grpc import AccessServiceStub
from ballast.governance.v1.ledger_pb2 import LedgerEntry
from ballast.governance.v1.ledger_service_pb2 import EntryFilter, ListEntriesRequest
from ballast.governance.v1.ledger_service_pb2_grpc import LedgerServiceStub
from ballast.triage.v1 import component_pb2, triage_service_pb2
from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceStub
from sqlalchemy import text

from services.governance import app as governance
from services.governance.settings import GovernanceSettings
from services.suite import PARTS, Suite, SuiteOptions
from services.triage import app as triage
from services.triage.settings import TriageSettings
from shared.app import App
from shared.embedded import Engines
from shared.errors import PermissionDenied
from shared.rpc.client import ClientCredentials, connect
from shared.testing.databases import Databases
from tests.support.certificates import HERE, Authority, spiffe
from tests.support.suite import Clients
from tests.support.tokens import ISSUER, Issuer
from tests.support.waiting import until

UPSERT = "ballast.triage.v1.TriageService/UpsertComponents"
OFTEN = 0.1


async def test_a_call_denied_by_triage_shows_in_governance(own_urls: dict[str, str], engines: Engines, tmp_path: Path) -> None:
    authority, issuer = Authority(tmp_path), Issuer(tmp_path)
    cert, key = authority.issue("server", *HERE, spiffe("suite"))
    known = {"tls_cert": cert, "tls_key": key, "tls_client_ca": authority.cert, "oidc_issuer": ISSUER, "oidc_jwks": str(issuer.jwks)}
    usual: dict[str, Any] = {"port": 0, "cache_url": engines.cache_url, "state_dir": tmp_path, "access_log_seconds": OFTEN} | known
    ledger = await governance.build(GovernanceSettings(database_url=own_urls["governance"], **usual))
    await ledger.start()
    await ledger.open({"governance": ledger.server.address})
    subscribers = {"governance": {"address": ledger.server.address}}
    asked = await triage.build(TriageSettings(database_url=own_urls["triage"], subscribers=subscribers, **usual))
    await asked.start()
    await asked.open()
    try:
        with pytest.raises(PermissionDenied):
            await upsert(asked.server.token_address, ClientCredentials(ca=authority.cert, token=issuer.token("viewer", sub="eve")))
        channel = connect(ledger.server.token_address, credentials=ClientCredentials(ca=authority.cert, token=issuer.token("admin")))
        await shows_who_was_denied(AccessServiceStub(channel.grpc), LedgerServiceStub(channel.grpc))
        await channel.close()
    finally:
        await asked.stop()
        await ledger.stop()


async def upsert(address: str, credentials: ClientCredentials) -> None:
    channel = connect(address, credentials=credentials)
    try:
        components = [component_pb2.Component(name="components/web", owner_team="teams/web")]
        await TriageServiceStub(channel.grpc).UpsertComponents(triage_service_pb2.UpsertComponentsRequest(components=components))
    finally:
        await channel.close()


async def shows_who_was_denied(access: Any, ledger: Any) -> None:
    found: list[pb.Access] = []

    async def is_told() -> bool:
        wanted = pb.AccessFilter(source="/ballast/triage", outcome=pb.ACCESS_OUTCOME_DENIED)
        found[:] = (await access.ListAccess(pb.ListAccessRequest(filter=wanted))).accesses
        return bool(found)

    await until(is_told)
    (denied,) = found
    assert (denied.principal, denied.method, denied.code, denied.reason) == ("eve", UPSERT, "PERMISSION_DENIED", "ROLE_MISSING")
    assert (denied.count, denied.role, denied.peer) == (1, "planner", "127.0.0.1")
    wanted = ListEntriesRequest(filter=EntryFilter(subject="accessLogs/triage", source="/ballast/triage"))
    entries: list[LedgerEntry] = list((await ledger.ListEntries(wanted)).entries)
    assert {each.type for each in entries} == {"ballast.events.v1.AccessObserved"}


async def count(apps: Mapping[str, App]) -> int:
    """Returns how many events were recorded by all services, and how many entries the ledger has."""
    counted = 0
    for name, app in apps.items():
        async with app.database.transaction() as connection:
            counted += (await connection.execute(text("select count(*) from outbox"))).scalar_one()
            if name == "governance":
                counted += (await connection.execute(text("select count(*) from log_entry"))).scalar_one()
    return counted


async def test_a_suite_that_nobody_calls_records_no_more(
    engines: Engines, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PARTS:
        monkeypatch.setenv(f"BALLAST_{name.upper()}_ACCESS_LOG_SECONDS", str(OFTEN))
    suite = Suite(SuiteOptions(tmp_path, free_ports=True), engines, await asyncio.to_thread(databases.clone))
    await suite.start()
    try:
        clients = Clients(suite.addresses)
        await upsert(suite.addresses["triage"], ClientCredentials(local_name="ada"))
        await clients.quiet()
        await clients.close()
        counts = [0, await count(suite.apps)]

        # Still once is still: whatever an event sets off comes within a tenth of this. What a minute's task records once may come later.
        async def is_still() -> bool:
            await asyncio.sleep(20 * OFTEN)
            counts.append(await count(suite.apps))
            return counts[-1] == counts[-2]

        await until(is_still, seconds=60)
        assert counts[-1] > 0
    finally:
        await suite.stop()
