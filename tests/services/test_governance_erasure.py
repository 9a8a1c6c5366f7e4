"""Erasing contents: what must be forgotten goes for good, and the ledger still verifies, here and from an export."""

import json
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from ballast.governance.v1 import governance_service_pb2, ledger_events_pb2, ledger_pb2
from ballast.governance.v1 import ledger_service_pb2 as pb
from ballast.intake.v1.intake_events_pb2 import IncidentOpened
from google.protobuf.json_format import MessageToDict

from clients.cli.ledger_file import verify_file
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound
from shared.storage.database import connect_raw
from shared.transparency.note import Verifier
from tests.support.governance import TRACE_ID, Governance, event, governing


@pytest.fixture
async def governance(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Governance]:
    async with governing(own_urls, engines, clock) as running:
        for number in range(6):
            told = event(IncidentOpened(), f"incidents/{number % 2}")
            told.attributes["principal"].ce_string = "grace@example.org" if number % 3 == 0 else "ada"
            told.attributes["reason"].ce_string = "grace said so"
            await running.deliver(told)
        yield running


async def erased(governance: Governance, **fields: object) -> list[int]:
    request = pb.EraseContentsRequest(**{"reason": "Asked for by law."} | fields)  # type: ignore[arg-type]  # as the test names them
    return list((await governance.ledger.EraseContents(request)).sequences)


async def exported(governance: Governance) -> list[str]:
    return [json.dumps(MessageToDict(part)) async for part in governance.ledger.ExportEntries(pb.ExportEntriesRequest())]


async def fault(governance: Governance) -> governance_service_pb2.VerifyLedgerResponse:
    return (await governance.verify())[-1]


async def test_what_a_person_caused_is_forgotten_and_everything_still_proves(governance: Governance, own_urls: dict[str, str]) -> None:
    key = Verifier.from_text((await governance.ledger.GetCheckpoint(pb.GetCheckpointRequest())).verifier_key)
    assert await erased(governance, filter={"principal": "grace@example.org"}) == [1, 4]
    assert await governance.entries(principal="grace@example.org") == []
    entries = (await governance.ledger.ListEntries(pb.ListEntriesRequest(page_size=6))).entries
    assert [each.erased for each in entries] == [True, False, False, True, False, False]
    assert (entries[0].principal, entries[0].reason, entries[0].subject) == ("", "", "incidents/0")
    lines = await exported(governance)
    assert "grace@example.org" not in "".join(lines)
    verdict = verify_file(lines, [key])
    assert (verdict.fault, verdict.erased_count, verdict.entry_count) == (None, 2, 8)
    assert not (await fault(governance)).HasField("fault")
    connection = await connect_raw(own_urls["governance"], "governance")
    row = await connection.fetchrow("select salt, principal, reason, payload from log_entry where sequence = 1")
    await connection.close()
    assert set(row.values()) == {None}


async def test_each_erasure_is_an_entry_of_its_own_with_who_and_why(governance: Governance) -> None:
    assert await erased(governance, sequences=[2, 3]) == [2, 3]
    request = pb.ListEntriesRequest(filter=pb.EntryFilter(type=ledger_events_pb2.ContentErased.DESCRIPTOR.full_name))
    records = (await governance.ledger.ListEntries(request)).entries
    assert [each.subject for each in records] == ["ledgerEntries/2", "ledgerEntries/3"]
    assert {(each.reason, each.method) for each in records} == {("Asked for by law.", "ballast.governance.v1.LedgerService/EraseContents")}
    assert records[0].principal


async def test_erasing_again_erases_nothing_more_and_the_record_itself_stays(governance: Governance) -> None:
    assert await erased(governance, sequences=[5]) == [5]
    assert await erased(governance, sequences=[5, 7]) == []


async def test_the_same_request_twice_gives_the_first_answer(governance: Governance) -> None:
    request_id = str(uuid4())
    first = await erased(governance, sequences=[5, 6], request_id=request_id)
    assert await erased(governance, sequences=[5, 6], request_id=request_id) == first == [5, 6]


async def test_validating_only_says_what_would_go(governance: Governance) -> None:
    assert await erased(governance, sequences=[5], validate_only=True) == [5]
    assert await erased(governance, sequences=[5]) == [5]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"filter": {}},
        {"sequences": [1], "filter": {"principal": "ada"}},
        {"sequences": [1], "reason": ""},
        {"sequences": [1], "reason": "\u200b "},
    ],
)
async def test_an_erasure_without_aim_or_reason_is_refused(governance: Governance, fields: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as refused:
        await erased(governance, **fields)
    assert refused.value.violations[0].field in {"sequences", "reason"}


async def test_more_than_one_call_erases_is_told(governance: Governance) -> None:
    await governance.deliver(*(event(IncidentOpened(), "incidents/many") for _ in range(1_001)))
    first, second = [
        await governance.ledger.EraseContents(
            pb.EraseContentsRequest(filter=pb.EntryFilter(subject="incidents/many"), reason="Asked for by law.")
        )
        for _ in range(2)
    ]
    assert (len(first.sequences), first.more) == (1_000, True)
    assert (len(second.sequences), second.more) == (1, False)


async def test_a_content_that_went_without_a_record_is_a_fault(governance: Governance, own_urls: dict[str, str]) -> None:
    connection = await connect_raw(own_urls["governance"], "governance")
    await connection.execute(
        "update log_entry set erased_at = now(), salt = null, principal = null, reason = null, payload = null where sequence = 3"
    )
    await connection.close()
    found = (await fault(governance)).fault
    assert (found.sequence, found.reason) == (3, "CONTENT_MISMATCH")


async def left(governance: Governance, **fields: object) -> list[tuple[int, str]]:
    request = pb.EraseContentsRequest(**{"reason": "Asked for by law."} | fields)  # type: ignore[arg-type]  # as the test names them
    found = (await governance.ledger.EraseContents(request)).left
    return [(each.sequence, ledger_pb2.EntryLeftReason.Name(each.reason).removeprefix("ENTRY_LEFT_REASON_")) for each in found]


async def test_what_is_left_as_it_was_says_why(governance: Governance, own_urls: dict[str, str]) -> None:
    await erased(governance, sequences=[1])
    connection = await connect_raw(own_urls["governance"], "governance")
    await connection.execute("alter table log_entry disable trigger user")
    await connection.execute(
        "update log_entry set erased_at = now(), salt = null, principal = null, reason = null, payload = null where sequence = 2"
    )
    await connection.execute("update log_entry set payload = '\\x00' where sequence = 3")
    await connection.close()
    why = [(1, "ERASED_BEFORE"), (2, "CONTENT_MISSING"), (3, "CONTENT_ALTERED"), (7, "ERASURE_RECORD")]
    assert await left(governance, sequences=[1, 2, 3, 4, 7]) == why
    assert await left(governance, filter={"subject": "incidents/0"}) == [(1, "ERASED_BEFORE"), (3, "CONTENT_ALTERED")]
    assert await left(governance, filter={"subject": "incidents/none"}) == []


async def test_a_position_that_is_not_there_is_refused_and_nothing_erased(governance: Governance) -> None:
    with pytest.raises(NotFound, match="sequences: the ledger has entries 1 to 6, 999 is not among them") as refused:
        await erased(governance, sequences=[5, 999])
    assert refused.value.reason == "ENTRY_NOT_FOUND"
    assert await erased(governance, sequences=[5]) == [5]


@pytest.mark.parametrize("trace_id", ["ZZ", "4bf92f", "g" * 32])
async def test_what_is_no_trace_id_is_refused_instead_of_finding_nothing(governance: Governance, trace_id: str) -> None:
    with pytest.raises(InvalidInput, match="send the 32 hex digits of a W3C trace id"):
        await erased(governance, filter={"trace_id": trace_id})
    with pytest.raises(InvalidInput, match="send the 32 hex digits of a W3C trace id"):
        await governance.rpc.ListLedgerEntries(governance_service_pb2.ListLedgerEntriesRequest(trace_id=trace_id))
    assert await governance.entries(trace_id=TRACE_ID.upper()) != []
