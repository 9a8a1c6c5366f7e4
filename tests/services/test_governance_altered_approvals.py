"""An approval whose row was altered beside governance counts for nothing: what was told of it says what it is."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from ballast.governance.v1 import approval_messages_pb2 as pb
from ballast.governance.v1 import approval_pb2, ledger_service_pb2

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import PreconditionFailed
from shared.storage.database import connect_raw
from tests.support.approving import Office, approving
from tests.support.waiting import until

State = approval_pb2.ApprovalState
TWO = approval_pb2.ImpactPreview(displaced_items=5)
GHOST = json.dumps([["ghost", True, "", "2026-03-02T09:00:00+00:00"]])


@pytest.fixture(scope="module")
async def office(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Office]:
    async with approving(urls, engines, clock) as running:
        yield running


@pytest.fixture
async def database(urls: dict[str, str]) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await connect_raw(urls["governance"], "governance")
    await connection.execute("alter table log_entry disable trigger user")  # as somebody would who covers up
    yield connection
    await connection.execute("alter table log_entry enable trigger user")
    await connection.close()


async def alter(database: "asyncpg.Connection[Any]", asked: approval_pb2.Approval, change: str, *values: object) -> None:
    await database.execute(f"update approval set {change} where id = $1::uuid", asked.name.partition("/")[2], *values)


async def recorded(office: Office, asked: approval_pb2.Approval, count: int) -> list[int]:
    """Waits until so many entries of the ledger tell of it."""
    request = ledger_service_pb2.ListEntriesRequest(filter=ledger_service_pb2.EntryFilter(subject=asked.name))
    found: list[int] = []

    async def there() -> bool:
        found[:] = [each.sequence for each in (await office.governance.ledger.ListEntries(request)).entries]
        return len(found) >= count

    await until(there)
    return found


async def altered(office: Office, asked: approval_pb2.Approval, why: str) -> None:
    answer = await office.verify(asked)
    assert (answer.in_force, answer.reason, answer.HasField("approval")) == (False, "APPROVAL_ALTERED", False)
    assert why in answer.detail
    assert "ask for a new approval" in answer.detail


@pytest.mark.parametrize("in_ledger", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        "state = 'APPROVED', votes = $2::jsonb, expires_at = now() + interval '1 day'",
        "state = 'APPROVED', votes = $2::jsonb, expires_at = now() + interval '1 day', version = version + 1",
    ],
)
async def test_a_row_that_says_approved_without_anybody_having_told_so_counts_for_nothing(
    office: Office, database: "asyncpg.Connection[Any]", change: str, in_ledger: bool
) -> None:
    asked = await office.ask()
    if in_ledger:
        await recorded(office, asked, 1)
        await database.execute("delete from outbox where aggregateid = $1", asked.name)
    assert (await office.verify(asked)).reason == "APPROVAL_PENDING"
    await alter(database, asked, change, GHOST)
    await altered(office, asked, "was told" if "version +" not in change else "no event told of it at version 2")


async def test_a_row_put_back_to_before_it_was_rejected_counts_for_nothing(office: Office, database: "asyncpg.Connection[Any]") -> None:
    asked = await office.ask()
    await office.approve("bo", asked)
    row = await database.fetchrow("select * from approval where id = $1::uuid", asked.name.partition("/")[2])
    await office.by("bo").Reject(pb.RejectRequest(name=asked.name, reason="Stop."))
    assert row is not None
    columns = ("state", "version", "expires_at", "votes", "updated_at", "decided_at", "due_at")
    change = ", ".join(f"{name} = ${number}" for number, name in enumerate(columns, 2))
    await alter(database, asked, change, *(row[name] for name in columns))
    await altered(office, asked, "its row is at version 2, and version 3 was told")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("rule = jsonb_set(rule, '{quorum}', '1')", "its rule, is not what was told at version 1"),
        (f"votes = '{GHOST}'", "its votes at version 2 do not follow"),
    ],
)
async def test_what_was_altered_before_somebody_approved_in_good_faith_is_found_as_well(
    office: Office, database: "asyncpg.Connection[Any]", change: str, why: str
) -> None:
    asked = await office.ask(impact=TWO)
    await alter(database, asked, change)
    assert (await office.approve("bo", asked)).state == State.APPROVAL_STATE_APPROVED
    await altered(office, asked, why)


async def test_a_digest_moved_to_another_change_does_not_cover_it(office: Office, database: "asyncpg.Connection[Any]") -> None:
    asked = await office.ask()
    await office.approve("bo", asked)
    assert (await office.verify(asked)).in_force
    await alter(database, asked, "digest = $2", "b" * 64)
    asked.digest = "b" * 64
    await altered(office, asked, "what was asked for, or its rule, is not what was told at version 1")


@pytest.mark.parametrize(
    "votes", ['[{"principal": "ghost", "approves": true}]', '"ghost"', "[[1, 2]]", '[["ghost", true, 5, "2026-03-02T09:00:00+00:00"]]']
)
async def test_a_row_of_the_wrong_shape_is_told_plainly_and_keeps_nobody_from_others(
    office: Office, database: "asyncpg.Connection[Any]", votes: str
) -> None:
    asked, other = await office.ask(), await office.ask()
    await alter(database, asked, "votes = $2::jsonb", votes)
    await altered(office, asked, "its row cannot be read")
    with pytest.raises(PreconditionFailed, match=f"the row of {asked.name} was altered and cannot be read") as refused:
        await office.get(asked)
    assert refused.value.reason == "APPROVAL_ALTERED"
    with pytest.raises(PreconditionFailed):
        await office.approve("bo", asked)
    assert (await office.approve("bo", other)).state == State.APPROVAL_STATE_APPROVED


async def test_an_entry_altered_along_with_the_row_is_found(office: Office, database: "asyncpg.Connection[Any]") -> None:
    asked = await office.ask()
    await office.approve("bo", asked)
    await recorded(office, asked, 2)
    await database.execute("delete from outbox where aggregateid = $1", asked.name)
    await database.execute("update log_entry set payload = payload || '\\x0a00' where subject = $1", asked.name)
    await altered(office, asked, "verify the ledger")


async def test_contents_erased_by_law_undo_no_approval_and_that_it_could_not_be_compared_is_said(
    office: Office, database: "asyncpg.Connection[Any]"
) -> None:
    asked = await office.ask()
    await office.approve("bo", asked)
    sequences = await recorded(office, asked, 2)
    await office.governance.ledger.EraseContents(ledger_service_pb2.EraseContentsRequest(sequences=sequences, reason="By law."))
    await database.execute("delete from outbox where aggregateid = $1", asked.name)
    answer = await office.verify(asked)
    assert (answer.in_force, answer.reason) == (True, "")
    assert "its row could not be compared: what was told of it last was erased" in answer.detail
    await alter(database, asked, "updated_at = updated_at + interval '1 second'")
    await altered(office, asked, "later ones were told")


async def test_contents_that_were_taken_away_without_a_record_are_no_excuse(office: Office, database: "asyncpg.Connection[Any]") -> None:
    asked = await office.ask()
    await office.approve("bo", asked)
    await recorded(office, asked, 2)
    await database.execute("delete from outbox where aggregateid = $1", asked.name)
    await database.execute(
        "update log_entry set salt = null, principal = null, reason = null, payload = null, erased_at = now() where subject = $1",
        asked.name,
    )
    await altered(office, asked, "removed without being erased")


async def test_every_state_that_governance_itself_brings_about_is_taken_at_its_word(office: Office) -> None:
    impact = approval_pb2.ImpactPreview(summary="x", delay_days=0.1, measures={"b": 0.3, "a": 2}, displaced_items=5, severity=2)
    subject = f"matrices/{uuid4()}"
    asked = await office.ask("planning", author="ada", impact=impact, subject=subject, team="teams/core")
    for name in ("bo", "cy"):
        assert (await office.verify(asked)).reason == "APPROVAL_PENDING"
        await office.approve(name, asked, note="fine")
    assert (await office.verify(asked)).in_force
    urgent = await office.ask(break_glass_reason="Now.")
    assert (await office.verify(urgent)).in_force
    review = pb.CloseReviewRequest(name=urgent.name, outcome=approval_pb2.REVIEW_OUTCOME_UPHELD, note="It was right.")
    await office.by("bo").CloseReview(review)
    assert (await office.verify(urgent)).in_force
