"""A governance that already held a chained ledger when it was brought to the newest version: every entry has its place in the tree."""

import hashlib
import json
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from ballast.governance.v1 import governance_service_pb2, lineage_pb2
from ballast.governance.v1 import ledger_service_pb2 as pb
from ballast.governance.v1.access_log_service_pb2 import ListAccessRequest
from ballast.governance.v1.access_log_service_pb2_grpc import AccessServiceStub
from google.protobuf.json_format import MessageToDict

from clients.cli.ledger_file import verify_file
from services.governance.storage.tables import MIGRATIONS
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.storage.database import connect_raw
from shared.storage.migrations import migrate
from shared.storage.provision import provision
from shared.transparency.note import Verifier
from tests.conftest import START
from tests.support.governance import Governance, governing, incident_opened

COUNT = 700  # more than two tiles
_ENTRIES = """
    insert into ledger_entry
    select number, 'event-' || number, '/ballast/intake', 'ballast.intake.v1.IncidentOpened', 'incidents/' || number % 7, 'ada',
           $1::timestamptz, $1::timestamptz + interval '1 microsecond', repeat('ab', 16), sha256('p'), sha256('p'), sha256('p')
    from generate_series(1, $2::int) number
"""
_PAYLOADS = "insert into ledger_payload select number, convert_to('payload ' || number, 'UTF8') from generate_series(1, $1::int) number"


@pytest.fixture(params=[0, COUNT])
async def upgraded(
    request: pytest.FixtureRequest, engines: Engines, clock: SimulatedClock, tmp_path: Path
) -> AsyncIterator[tuple[Governance, int]]:
    (tmp_path / "versions").mkdir()
    shutil.copy(next(MIGRATIONS.glob("versions/0001_*.py")), tmp_path / "versions")
    url = (await provision(engines.database_url, "governance_upgraded", ["governance"], fresh=True))["governance"]
    await migrate(url, "governance", tmp_path)
    connection = await connect_raw(url, "governance")
    await connection.execute(_ENTRIES, START, request.param)
    await connection.execute(_PAYLOADS, request.param)
    await connection.close()
    async with governing({"governance": url}, engines, clock) as running:
        yield running, request.param


async def test_every_entry_of_before_is_proved_in_the_tree_and_new_ones_follow(upgraded: tuple[Governance, int]) -> None:
    governance, count = upgraded
    again = incident_opened("incidents/0")
    again.id, again.source = "event-7", "/ballast/intake"
    fresh = incident_opened("incidents/fresh")
    await governance.deliver(again, fresh)
    expected = count + 1 if count else 2
    *_, last = await governance.verify()
    assert (last.done, last.HasField("fault"), last.verified_count) == (True, False, expected)
    lines = [json.dumps(MessageToDict(part)) async for part in governance.ledger.ExportEntries(pb.ExportEntriesRequest())]
    key = Verifier.from_text(json.loads(lines[0])["header"]["verifierKeys"][0])
    verdict = verify_file(lines, [key])
    assert (verdict.fault, verdict.entry_count) == (None, expected)


async def test_an_entry_of_before_says_what_it_said(upgraded: tuple[Governance, int]) -> None:
    governance, count = upgraded
    if not count:
        assert await governance.entries() == []
        return
    (entry,) = (await governance.ledger.ListEntries(pb.ListEntriesRequest(after_sequence=299, page_size=1))).entries
    assert (entry.sequence, entry.event_id, entry.subject, entry.principal) == (300, "event-300", "incidents/6", "ada")
    assert entry.event_time.ToDatetime(tzinfo=START.tzinfo) == START
    assert entry.record_time.nanos == 1000
    (part,) = [
        part
        async for part in governance.ledger.ExportEntries(pb.ExportEntriesRequest(first_sequence=300, last_sequence=300))
        if part.HasField("entry")
    ]
    content = part.entry.content
    assert content.payload == b"payload 300"
    assert hashlib.sha256(content.salt + b"\0\0\0\3ada" + bytes(4) + content.payload).hexdigest() == entry.payload_hash


_NODES = """
    insert into lineage_node (name, kind, title, title_version) values
        ('alerts/1', 'alert', '', 0), ('incidents/1', 'incident', 'Down', 2), ('assessments/1', 'assessment', '', 0)
"""
_EDGES = """
    insert into lineage_edge (from_name, to_name, relation, attributes, trace_id, ledger_sequence, create_time) values
        ('alerts/1', 'incidents/1', 'GROUPED_INTO', '{}', '', 1, $1), ('incidents/1', 'assessments/1', 'ASSESSED_BY', '{}', '', 2, $1)
"""


async def test_the_lineage_of_before_is_observed_and_only_what_nobody_told_of_is_awaited(
    engines: Engines, clock: SimulatedClock, tmp_path: Path
) -> None:
    (tmp_path / "versions").mkdir()
    shutil.copy(next(MIGRATIONS.glob("versions/0001_*.py")), tmp_path / "versions")
    url = (await provision(engines.database_url, "lineage_upgraded", ["governance"], fresh=True))["governance"]
    await migrate(url, "governance", tmp_path)
    connection = await connect_raw(url, "governance")
    await connection.execute(_NODES)
    await connection.execute(_EDGES, START)
    await connection.close()
    async with governing({"governance": url}, engines, clock) as governance:
        found = await governance.rpc.TraceLineage(governance_service_pb2.TraceLineageRequest(name="alerts/1"))
        assert [(node.name, node.pending) for node in found.nodes] == [("alerts/1", False), ("incidents/1", False), ("assessments/1", True)]
        assert [(edge.source, edge.confidence, edge.pending) for edge in found.edges] == [
            (lineage_pb2.LINEAGE_SOURCE_OBSERVED, 1.0, False),
            (lineage_pb2.LINEAGE_SOURCE_OBSERVED, 1.0, True),
        ]


async def test_calls_counted_before_there_were_totals_are_in_them(engines: Engines, clock: SimulatedClock, tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    for each in range(1, 7):
        shutil.copy(next(MIGRATIONS.glob(f"versions/000{each}_*.py")), tmp_path / "versions")
    url = (await provision(engines.database_url, "governance_counted", ["governance"], fresh=True))["governance"]
    await migrate(url, "governance", tmp_path)
    connection = await connect_raw(url, "governance")
    for hours, trace in ((3, "a" * 32), (2, "b" * 32), (1, "")):
        at = START - timedelta(hours=hours)
        await connection.execute(
            "insert into access_hour values ($1, '/ballast/triage', 'ada', 'm/x', 'OK', '', '', 'viewer', 2, $1, $1, $2)", at, trace
        )
    await connection.close()
    async with governing({"governance": url}, engines, clock) as running:
        (found,) = (await AccessServiceStub(running.served.channel.grpc).ListAccess(ListAccessRequest())).accesses
    times = [each.ToDatetime(tzinfo=START.tzinfo) for each in (found.first_time, found.last_time)]
    assert (found.count, found.last_trace_id) == (6, "b" * 32)
    assert times == [START - timedelta(hours=3), START - timedelta(hours=1)]
