"""Verifying the ledger of a running governance, after somebody with full rights on the database tampered with it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from ballast.governance.v1 import governance_service_pb2 as pb

from services.governance.domain.ledger import LedgerHead, RecordedEvent, chained
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import PreconditionFailed
from shared.storage.database import connect_raw
from tests.conftest import START
from tests.support.governance import Governance, governing, incident_opened

COUNT = 10
TABLES = ("ledger_entry", "ledger_payload", "ledger_head")
LATER = "timestamptz '2026-03-02 09:00:00.000001+00'"


@dataclass(frozen=True, slots=True)
class Tampered:
    """A governance with COUNT entries, and a connection of its tables' owner with the guards switched off."""

    governance: Governance
    connection: "asyncpg.Connection[Any]"

    async def verified(self) -> pb.VerifyLedgerResponse:
        """Returns the last answer of VerifyLedger."""
        return (await self.governance.verify())[-1]

    async def fault(self) -> tuple[int, str]:
        answer = await self.verified()
        assert answer.done
        return answer.fault.sequence, answer.fault.reason


@pytest.fixture(scope="module")
async def recorded(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Tampered]:
    async with governing(urls, engines, clock, verification_batch=3) as running:
        await running.deliver(*(incident_opened(f"incidents/{number}") for number in range(1, COUNT + 1)))
        connection = await connect_raw(urls["governance"], "governance")
        for table in TABLES:
            await connection.execute(f"alter table {table} disable trigger user; create table kept_{table} as table {table}")
        yield Tampered(running, connection)
        await connection.close()


@pytest.fixture
async def ledger(recorded: Tampered) -> AsyncIterator[Tampered]:
    """The ledger as it was recorded; what a test does to it is mended after it."""
    yield recorded
    for table in TABLES:
        await recorded.connection.execute(f"truncate {table}; insert into {table} table kept_{table}")


async def test_an_untouched_ledger_verifies_with_progress_and_ends_at_its_head(ledger: Tampered) -> None:
    answers = await ledger.governance.verify()
    assert [answer.verified_count for answer in answers] == [3, 6, 9, 10, 10]
    assert [answer.done for answer in answers] == [False, False, False, False, True]
    assert {answer.total_count for answer in answers} == {COUNT}
    assert not any(answer.HasField("fault") for answer in answers)
    head = await ledger.connection.fetchval("select hash from ledger_head")
    assert answers[-1].head_hash == head.hex()


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("event_id = 'forged'", "HASH_MISMATCH"),
        ("source = '/forged'", "HASH_MISMATCH"),
        ("type = 'forged'", "HASH_MISMATCH"),
        ("subject = 'incidents/forged'", "HASH_MISMATCH"),
        ("principal = 'mallory'", "HASH_MISMATCH"),
        (f"event_time = {LATER}", "HASH_MISMATCH"),
        (f"record_time = {LATER}", "HASH_MISMATCH"),
        ("trace_id = ''", "HASH_MISMATCH"),
        ("payload_hash = sha256('forged')", "HASH_MISMATCH"),
        ("hash = sha256('forged')", "HASH_MISMATCH"),
        ("previous_hash = sha256('forged')", "CHAIN_BROKEN"),
    ],
)
async def test_an_altered_entry_is_named(ledger: Tampered, assignment: str, reason: str) -> None:
    await ledger.connection.execute(f"update ledger_entry set {assignment} where sequence = 5")
    assert await ledger.fault() == (5, reason)
    answer = await ledger.verified()
    assert answer.verified_count == 4
    assert answer.fault.detail


@pytest.mark.parametrize("change", ["update ledger_payload set payload = 'forged'", "delete from ledger_payload"])
async def test_an_altered_or_removed_payload_is_named(ledger: Tampered, change: str) -> None:
    await ledger.connection.execute(f"{change} where sequence = 7")
    assert await ledger.fault() == (7, "PAYLOAD_MISMATCH")


async def test_a_removed_entry_is_named(ledger: Tampered) -> None:
    await ledger.connection.execute("delete from ledger_entry where sequence = 4")
    assert await ledger.fault() == (4, "SEQUENCE_GAP")


async def test_a_tail_that_was_cut_disagrees_with_the_head(ledger: Tampered) -> None:
    await ledger.connection.execute("delete from ledger_entry where sequence > 8")
    assert await ledger.fault() == (9, "HEAD_MISMATCH")


async def test_an_entry_forged_with_its_hash_breaks_the_chain_after_it(ledger: Tampered) -> None:
    await forge(ledger, 5, keep_following=True)
    assert await ledger.fault() == (6, "CHAIN_BROKEN")


async def test_a_tail_replaced_with_a_consistent_one_disagrees_with_the_head(ledger: Tampered) -> None:
    await forge(ledger, COUNT, keep_following=False)
    assert await ledger.fault() == (COUNT, "HEAD_MISMATCH")


async def test_an_entry_beyond_the_head_is_named(ledger: Tampered) -> None:
    await forge(ledger, COUNT + 1, keep_following=False)
    assert await ledger.fault() == (COUNT + 1, "HEAD_MISMATCH")


async def test_an_entry_below_the_first_is_found(ledger: Tampered) -> None:
    await ledger.connection.execute(
        """
        insert into ledger_entry
        select -7, 'forged', source, type, subject, principal, event_time, record_time, trace_id, payload_hash, previous_hash, hash
        from ledger_entry where sequence = 1
        """
    )
    assert await ledger.fault() == (1, "SEQUENCE_GAP")


async def test_a_missing_head_is_reported_and_stops_appending(ledger: Tampered) -> None:
    await ledger.connection.execute("delete from ledger_head")
    assert await ledger.fault() == (1, "HEAD_MISMATCH")
    with pytest.raises(PreconditionFailed) as refused:
        await ledger.governance.deliver(incident_opened("incidents/headless"))
    assert refused.value.reason == "LEDGER_HEAD_MISSING"


async def test_what_is_appended_after_a_cut_does_not_hide_it(ledger: Tampered) -> None:
    await ledger.connection.execute("delete from ledger_entry where sequence > 8")
    await ledger.governance.deliver(incident_opened("incidents/after"))
    assert await ledger.fault() == (9, "SEQUENCE_GAP")


async def forge(ledger: Tampered, sequence: int, *, keep_following: bool) -> None:
    """Puts a forged entry at `sequence`, with hashes that fit the entry before it."""
    previous = await ledger.connection.fetchval("select hash from ledger_entry where sequence = $1", sequence - 1)
    event = RecordedEvent("forged", "/forged", "forged", "", "mallory", START, "", b"forged")
    (entry,), _ = chained(LedgerHead(sequence - 1, previous), [event], START)
    if not keep_following:
        await ledger.connection.execute("delete from ledger_entry where sequence > $1", sequence)
    for table in ("ledger_entry", "ledger_payload"):
        await ledger.connection.execute(f"delete from {table} where sequence = $1", sequence)
    await ledger.connection.execute(
        "insert into ledger_entry values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        *(getattr(entry, field) for field in entry.__slots__),
    )
    await ledger.connection.execute("insert into ledger_payload values ($1, $2)", sequence, b"forged")
