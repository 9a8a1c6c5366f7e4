"""Sealing segments: old entries are given away, and everything about them can still be proved."""

import json
from collections.abc import AsyncIterator
from uuid import uuid4

import grpc
import pytest
from ballast.governance.v1 import ledger_service_pb2 as pb
from ballast.governance.v1 import segment_service_pb2 as segment_pb
from ballast.governance.v1.ledger_service_pb2_grpc import LedgerServiceStub
from ballast.intake.v1.intake_events_pb2 import IncidentOpened
from google.protobuf.json_format import MessageToDict

from clients.cli.ledger_file import verify_file
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, PreconditionFailed
from shared.storage.database import connect_raw
from shared.transparency.merkle import root_from_inclusion
from shared.transparency.note import Verifier
from tests.support.governance import Governance, event, governing
from tests.support.waiting import SECONDS

COUNT = 600


@pytest.fixture
async def governance(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Governance]:
    async with governing(own_urls, engines, clock) as running:
        await running.deliver(*(event(IncidentOpened(), f"incidents/{number % 3}") for number in range(COUNT)))
        yield running


async def sealed(governance: Governance, last: int, **fields: object) -> segment_pb.LedgerSegment:
    request = segment_pb.SealSegmentRequest(last_sequence=last, **{"reason": "Exported."} | fields)  # type: ignore[arg-type]
    return (await governance.segments.SealSegment(request)).segment


async def export(governance: Governance, **fields: object) -> list[str]:
    request = pb.ExportEntriesRequest(**fields)  # type: ignore[arg-type]  # as the test names them
    return [json.dumps(MessageToDict(part)) async for part in governance.ledger.ExportEntries(request)]


async def key(governance: Governance) -> Verifier:
    return Verifier.from_text((await governance.ledger.GetCheckpoint(pb.GetCheckpointRequest())).verifier_key)


async def test_a_sealed_segment_is_gone_and_still_proved_by_what_was_exported_before(governance: Governance) -> None:
    public = await key(governance)
    kept = await governance.ledger.GetCheckpoint(pb.GetCheckpointRequest())
    exported = await export(governance, first_sequence=1, last_sequence=256)
    segment = await sealed(governance, 256)
    assert (segment.name, segment.first_sequence, segment.last_sequence) == ("ledgerSegments/1-256", 1, 256)
    assert (await governance.ledger.ListEntries(pb.ListEntriesRequest(page_size=1))).entries[0].sequence == 257
    verdict = verify_file(exported, [public])
    assert (verdict.fault, verdict.entry_count) == (None, 256)
    await governance.ledger.GetConsistencyProof(pb.GetConsistencyProofRequest(checkpoint=kept.checkpoint))  # it still is what was signed
    proof = await governance.ledger.GetInclusionProof(pb.GetInclusionProofRequest(sequence=17, tree_size=COUNT))
    assert root_from_inclusion(16, COUNT, proof.leaf_hash, list(proof.path)) == kept.root_hash
    assert json.loads(exported[17])["entry"]["leaf"]


async def test_a_ledger_with_sealed_segments_verifies_here_and_from_an_export(governance: Governance) -> None:
    public = await key(governance)
    await sealed(governance, 256)
    await sealed(governance, 512)
    *_, last = await governance.verify()
    assert (last.HasField("fault"), last.verified_count) == (False, COUNT + 2)
    verdict = verify_file(await export(governance), [public])
    assert (verdict.fault, verdict.is_complete, verdict.entry_count, verdict.sealed_count) == (None, True, COUNT + 2 - 512, 512)


async def test_the_seal_is_an_entry_and_segments_are_listed(governance: Governance) -> None:
    first, second = await sealed(governance, 256), await sealed(governance, 512)
    (record,) = (await governance.ledger.ListEntries(pb.ListEntriesRequest(filter=pb.EntryFilter(subject=first.name)))).entries
    assert (record.reason, record.method) == ("Exported.", "ballast.governance.v1.SegmentService/SealSegment")
    page = await governance.segments.ListSegments(segment_pb.ListSegmentsRequest(page_size=1))
    assert list(page.segments) == [first]
    rest = await governance.segments.ListSegments(segment_pb.ListSegmentsRequest(page_size=1, page_token=page.next_page_token))
    assert (list(rest.segments), rest.next_page_token) == ([second], "")


async def test_an_event_of_a_sealed_entry_that_is_delivered_again_is_still_known(governance: Governance) -> None:
    again = event(IncidentOpened(), "incidents/again")
    await governance.deliver(again, *(event(IncidentOpened(), "incidents/filler") for _ in range(512 + 256 - COUNT - 1)))
    await sealed(governance, 768)
    await governance.deliver(again, event(IncidentOpened(), "incidents/again"))
    (entry,) = (await governance.ledger.ListEntries(pb.ListEntriesRequest(filter=pb.EntryFilter(subject="incidents/again")))).entries
    assert (entry.sequence, entry.previous_sequence) == (770, COUNT + 1)


async def test_the_same_request_twice_gives_the_first_answer(governance: Governance) -> None:
    request_id = str(uuid4())
    assert await sealed(governance, 256, request_id=request_id) == await sealed(governance, 256, request_id=request_id)


async def test_validating_only_seals_nothing(governance: Governance) -> None:
    assert (await sealed(governance, 256, validate_only=True)).last_sequence == 256
    assert len(await governance.entries(page_size=10)) == 10
    assert (await governance.ledger.ListEntries(pb.ListEntriesRequest(page_size=1))).entries[0].sequence == 1


@pytest.mark.parametrize(
    ("last", "why"), [(255, "take 0 or 256"), (600, "take 512 or 768"), (768, "there are 600"), (1024, "there are 600")]
)
async def test_a_segment_ends_where_a_tile_does_and_within_the_ledger(governance: Governance, last: int, why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as refused:
        await sealed(governance, last)
    assert (refused.value.reason, refused.value.violations[0].field) == ("SEGMENT_REFUSED", "last_sequence")


async def test_a_segment_is_not_sealed_for_a_reason_that_says_nothing(governance: Governance) -> None:
    with pytest.raises(InvalidInput) as refused:
        await sealed(governance, 256, reason=" \u200b")
    assert (refused.value.reason, refused.value.violations[0].field) == ("REASON_EMPTY", "reason")


async def test_what_is_sealed_is_not_sealed_again(governance: Governance) -> None:
    await sealed(governance, 512)
    with pytest.raises(InvalidInput, match="sealed through 512"):
        await sealed(governance, 256)


async def test_leaves_taken_away_without_a_seal_are_a_fault(governance: Governance, own_urls: dict[str, str]) -> None:
    connection = await connect_raw(own_urls["governance"], "governance")
    await connection.execute(
        "update log_entry set leaf = null, salt = null, principal = null, reason = null, payload = null where sequence = 3"
    )
    await connection.close()
    *_, last = await governance.verify()
    assert (last.fault.sequence, last.fault.reason) == (3, "LEAF_MALFORMED")


async def test_a_ledger_that_is_not_what_was_signed_is_not_sealed(governance: Governance, own_urls: dict[str, str]) -> None:
    await governance.ledger.GetCheckpoint(pb.GetCheckpointRequest())
    connection = await connect_raw(own_urls["governance"], "governance")
    await connection.execute("alter table log_tile disable trigger user")
    await connection.execute(
        "update log_tile set hashes = set_byte(hashes, 0, (get_byte(hashes, 0) + 1) % 256) where level = 0 and index = 0"
    )
    await connection.execute("update log_tile set hashes = set_byte(hashes, 0, (get_byte(hashes, 0) + 1) % 256) where level = 1")
    await connection.close()
    with pytest.raises(PreconditionFailed) as refused:
        await sealed(governance, 256)
    assert refused.value.reason == "LEDGER_FORKED"


@pytest.mark.parametrize(
    ("change", "sequence", "fault"),
    [
        ("salt = null, principal = null, reason = null, payload = null, erased_at = now()", 50, "CONTENT_MISMATCH"),
        ("principal = 'mallory'", 256, "CONTENT_MISMATCH"),
        ("subject = 'incidents/forged'", 7, "COLUMN_MISMATCH"),
        ("principal = 'mallory'", 600, "CONTENT_MISMATCH"),  # nothing of a ledger that does not fit is given away
    ],
)
async def test_what_was_tampered_with_is_not_sealed(
    governance: Governance, own_urls: dict[str, str], change: str, sequence: int, fault: str
) -> None:
    connection = await connect_raw(own_urls["governance"], "governance")
    await connection.execute("alter table log_entry disable trigger user")
    await connection.execute(f"update log_entry set {change} where sequence = {sequence}")
    await connection.close()
    for validate_only in (True, False):
        with pytest.raises(PreconditionFailed, match=f"entry {sequence} does not fit") as refused:
            await sealed(governance, 256, validate_only=validate_only)
        assert (refused.value.reason, refused.value.metadata["fault"]) == ("SEGMENT_FAULTY", fault)
    *_, last = await governance.verify()
    assert (last.fault.sequence, last.fault.reason) == (sequence, fault)


async def read_to_the_end(parts: AsyncIterator[pb.ExportEntriesResponse]) -> None:
    async for part in parts:
        assert part.WhichOneof("part") != "footer"


async def test_an_export_during_which_entries_are_sealed_or_erased_says_so_at_its_end(governance: Governance) -> None:
    # With a window that does not grow, the export cannot be sent to its end before anybody reads it.
    options = [("grpc.http2.bdp_probe", 0)]
    async with grpc.aio.insecure_channel(governance.served.app.server.address, options=options) as channel:
        for change in (
            lambda: governance.ledger.EraseContents(pb.EraseContentsRequest(sequences=[590], reason="Asked for by law.")),
            lambda: sealed(governance, 256),
        ):
            parts = aiter(LedgerServiceStub(channel).ExportEntries(pb.ExportEntriesRequest(), timeout=SECONDS))
            assert (await anext(parts)).header.complete
            await change()
            with pytest.raises(grpc.aio.AioRpcError) as overtaken:
                await read_to_the_end(parts)
            assert overtaken.value.code() is grpc.StatusCode.ABORTED
            assert "EXPORT_OVERTAKEN" in str(overtaken.value.trailing_metadata())
