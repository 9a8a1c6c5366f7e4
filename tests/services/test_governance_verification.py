"""Verifying the ledger of a running governance, after somebody with full rights on the database tampered with it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from ballast.governance.v1 import governance_service_pb2 as pb
from ballast.governance.v1 import ledger_service_pb2 as ledger_pb

from services.governance.domain.ledger import Content, End, RecordedEvent, draft_of, entries_after
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import PreconditionFailed
from shared.storage.database import connect_raw
from shared.transparency.merkle import Peaks
from shared.transparency.tiles import grown, split
from tests.conftest import START
from tests.support.governance import Governance, governing, incident_opened

COUNT = 10
TABLES = ("log_entry", "log_tile", "log_head", "log_checkpoint")
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
    row = await ledger.connection.fetchrow("select size, peaks from log_head")
    assert answers[-1].head_hash == Peaks(row["size"], tuple(split(row["peaks"]))).root.hex()


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("event_id = 'forged'", "COLUMN_MISMATCH"),
        ("source = '/forged'", "COLUMN_MISMATCH"),
        ("type = 'forged'", "COLUMN_MISMATCH"),
        ("subject = 'incidents/forged'", "COLUMN_MISMATCH"),
        (f"record_time = {LATER}", "COLUMN_MISMATCH"),
        ("trace_id = ''", "COLUMN_MISMATCH"),
        ("leaf = ''", "LEAF_MALFORMED"),
        ('leaf = replace(leaf, \'"event_time":"2026\', \'"event_time":"2025\')', "HASH_MISMATCH"),
        ("leaf = replace(leaf, 'incidents', 'accidents'), subject = replace(subject, 'incidents', 'accidents')", "HASH_MISMATCH"),
        ("leaf = leaf || ' '", "HASH_MISMATCH"),
    ],
)
async def test_an_altered_entry_is_named(ledger: Tampered, assignment: str, reason: str) -> None:
    await ledger.connection.execute(f"update log_entry set {assignment} where sequence = 5")
    assert await ledger.fault() == (5, reason)
    answer = await ledger.verified()
    assert answer.verified_count == 4
    assert answer.fault.detail


@pytest.mark.parametrize(
    "change",
    [
        "update log_entry set payload = 'forged'",
        "update log_entry set principal = 'mallory'",
        "update log_entry set salt = 'forged'",
        "update log_entry set payload = ''",
    ],
)
async def test_an_altered_content_is_named(ledger: Tampered, change: str) -> None:
    await ledger.connection.execute(f"{change} where sequence = 7")
    assert await ledger.fault() == (7, "CONTENT_MISMATCH")


async def test_a_removed_entry_is_named(ledger: Tampered) -> None:
    await ledger.connection.execute("delete from log_entry where sequence = 4")
    assert await ledger.fault() == (4, "SEQUENCE_GAP")


async def test_a_tail_that_was_cut_disagrees_with_the_head(ledger: Tampered) -> None:
    await ledger.connection.execute("delete from log_entry where sequence > 8")
    assert await ledger.fault() == (9, "HEAD_MISMATCH")


async def test_an_entry_beyond_the_head_is_named(ledger: Tampered) -> None:
    await ledger.connection.execute(
        "insert into log_entry select 11, 'forged', source, type, subject, trace_id, record_time, leaf, salt, principal, reason, payload"
        " from log_entry where sequence = 10"
    )
    assert (await ledger.fault())[0] == 11


async def test_an_entry_below_the_first_is_found(ledger: Tampered) -> None:
    await ledger.connection.execute(
        "insert into log_entry select -7, 'forged', source, type, subject, trace_id, record_time, leaf, salt, principal, reason, payload"
        " from log_entry where sequence = 1"
    )
    assert await ledger.fault() == (1, "SEQUENCE_GAP")


@pytest.mark.parametrize("change", ["delete from log_tile", "update log_tile set hashes = set_byte(hashes, 200, 255)"])
async def test_a_tampered_tree_is_found(ledger: Tampered, change: str) -> None:
    await ledger.connection.execute(change)
    sequence, reason = await ledger.fault()
    assert (sequence, reason) == ((1 if "delete" in change else 7), "HASH_MISMATCH")


async def test_an_entry_forged_with_its_hashes_disagrees_with_the_head(ledger: Tampered) -> None:
    await forge(ledger, 5)
    assert await ledger.fault() == (COUNT, "HEAD_MISMATCH")


async def test_a_whole_ledger_forged_with_its_head_is_not_the_one_that_was_signed(ledger: Tampered) -> None:
    signed = await ledger.governance.ledger.GetCheckpoint(ledger_pb.GetCheckpointRequest(size=7))
    peaks = await forge(ledger, 5)
    await ledger.connection.execute("update log_head set peaks = $1", b"".join(peaks.hashes))
    answer = await ledger.verified()
    assert (answer.fault.sequence, answer.fault.last_sequence, answer.fault.reason) == (7, 7, "CHECKPOINT_MISMATCH")
    await ledger.connection.execute("truncate log_checkpoint")  # then nothing here can tell, but whoever kept the checkpoint can
    assert not (await ledger.verified()).HasField("fault")
    with pytest.raises(PreconditionFailed) as refused:
        await ledger.governance.ledger.GetConsistencyProof(ledger_pb.GetConsistencyProofRequest(checkpoint=signed.checkpoint))
    assert refused.value.reason == "LEDGER_FORKED"


async def test_a_ledger_that_is_no_longer_what_was_signed_is_not_signed_again(ledger: Tampered) -> None:
    await ledger.governance.ledger.GetCheckpoint(ledger_pb.GetCheckpointRequest())
    peaks = await forge(ledger, 5)
    await ledger.connection.execute("update log_head set peaks = $1", b"".join(peaks.hashes))
    with pytest.raises(PreconditionFailed) as refused:
        await ledger.governance.ledger.GetCheckpoint(ledger_pb.GetCheckpointRequest())
    assert refused.value.reason == "LEDGER_FORKED"


async def test_a_missing_head_is_reported_and_stops_appending(ledger: Tampered) -> None:
    await ledger.connection.execute("delete from log_head")
    assert await ledger.fault() == (1, "HEAD_MISMATCH")
    with pytest.raises(PreconditionFailed) as refused:
        await ledger.governance.deliver(incident_opened("incidents/headless"))
    assert refused.value.reason == "LEDGER_HEAD_MISSING"


async def test_what_is_appended_after_a_cut_does_not_hide_it(ledger: Tampered) -> None:
    await ledger.connection.execute("delete from log_entry where sequence > 8")
    await ledger.governance.deliver(incident_opened("incidents/after"))
    assert await ledger.fault() == (9, "SEQUENCE_GAP")


async def forge(ledger: Tampered, sequence: int) -> Peaks:
    """Puts a forged entry at `sequence`, with its content, and into the tiles the hashes that then belong there; returns the peaks."""
    told = RecordedEvent("forged", "/forged", "forged", "", "mallory", START, "", b"forged")
    content = Content(bytes(16), told.principal, told.payload)
    (entry,) = entries_after(End(sequence - 1), [draft_of(told, content)], START)
    await ledger.connection.execute(
        "update log_entry set event_id = $2, source = $3, type = $4, subject = '', trace_id = '', record_time = $5, leaf = $6"
        " where sequence = $1",
        *(sequence, entry.event_id, entry.source, entry.type, entry.record_time, entry.leaf),
    )
    await ledger.connection.execute(
        "update log_entry set salt = $2, principal = $3, payload = $4 where sequence = $1",
        *(sequence, content.salt, content.principal, content.payload),
    )
    hashes = split(await ledger.connection.fetchval("select hashes from log_tile where level = 0"))
    hashes[sequence - 1] = entry.hash
    await ledger.connection.execute("update log_tile set hashes = $1 where level = 0", b"".join(hashes))
    return grown(Peaks(), hashes).peaks
