"""Reconciling the ledger with what a service says it recorded: silent while they agree, loud when anything was taken, added or altered."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.events.v1.outbox_manifest_pb2 import OutboxManifest
from ballast.governance.v1 import ledger_service_pb2 as pb
from ballast.governance.v1 import lineage_events_pb2, lineage_pb2, lineage_service_pb2, reconciliation_pb2
from ballast.governance.v1.ledger_events_pb2 import ContentErased
from ballast.intake.v1.intake_events_pb2 import IncidentOpened

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput
from shared.ids import new_id
from shared.storage.database import connect_raw
from tests.conftest import START
from tests.support.command import ballast
from tests.support.governance import Governance, event, governing

SOURCE = "/ballast/test"
Kind = reconciliation_pb2.DiscrepancyKind


@dataclass(frozen=True, slots=True)
class Watched:
    """A governance without patience, and a connection of its tables' owner with the guards switched off."""

    governance: Governance
    connection: "asyncpg.Connection[Any]"

    async def record(self, count: int, *, number: int) -> list[CloudEvent]:
        """Delivers so many events and then the manifest that claims them."""
        told = [event(IncidentOpened(), f"incidents/{n}", event_id=str(new_id(START)), source=SOURCE) for n in range(count)]
        await self.governance.deliver(*told, manifest(number, told))
        return told

    async def found(self) -> reconciliation_pb2.GetReconciliationResponse:
        for _ in range(2):  # the second looks at entries that were there at the first
            answer = await self.governance.ledger.GetReconciliation(reconciliation_pb2.GetReconciliationRequest())
        return answer

    async def kinds(self) -> list[tuple[str, str, int]]:
        return [
            (Kind.Name(each.kind).removeprefix("DISCREPANCY_KIND_"), each.event_id, each.sequence)
            for each in (await self.found()).discrepancies
        ]


def manifest(number: int, told: Sequence[CloudEvent], *, source: str = SOURCE) -> CloudEvent:
    message = OutboxManifest(
        number=number,
        event_ids=b"".join(UUID(each.id).bytes for each in told),
        data_hashes=b"".join(hashlib.sha256(each.proto_data.value).digest() for each in told),
    )
    return event(message, f"outboxManifests/{number}", version=number, event_id=str(new_id(START)), source=source)


@pytest.fixture
async def watched(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Watched]:
    async with governing(own_urls, engines, clock, delivery_patience_seconds=0, manifest_patience_seconds=0) as running:
        connection = await connect_raw(own_urls["governance"], "governance")
        await connection.execute("alter table log_entry disable trigger user")
        yield Watched(running, connection)
        await connection.close()


async def test_a_ledger_that_has_what_was_recorded_is_silent(watched: Watched) -> None:
    first = await watched.record(5, number=1)
    await watched.record(3, number=2)
    answer = await watched.found()
    (source,) = answer.sources
    assert (source.source, source.manifest_number, source.claimed_count, source.matched_count) == (SOURCE, 2, 8, 8)
    assert answer.discrepancy_count == 0
    await watched.governance.deliver(*first)  # delivered again
    assert (await watched.found()).discrepancy_count == 0


async def test_an_event_that_never_came_is_missing_until_it_comes(watched: Watched) -> None:
    late = event(IncidentOpened(), "incidents/late", event_id=str(new_id(START)), source=SOURCE)
    await watched.governance.deliver(manifest(1, [late]))
    assert await watched.kinds() == [("MISSING", late.id, 0)]
    await watched.governance.deliver(late)
    assert await watched.kinds() == []


async def test_an_entry_taken_out_after_it_was_found_is_missing(watched: Watched) -> None:
    told = await watched.record(5, number=1)
    assert await watched.kinds() == []
    await watched.connection.execute("delete from log_entry where event_id = $1", told[2].id)
    assert await watched.kinds() == [("MISSING", told[2].id, 0)]


async def test_a_ledger_cut_with_its_head_is_missing_what_was_cut(watched: Watched) -> None:
    await watched.record(5, number=1)
    told = await watched.record(2, number=2)
    assert await watched.kinds() == []
    await watched.connection.execute("delete from log_entry where sequence > 6")
    assert {each for kind, each, _ in await watched.kinds() if kind == "MISSING"} >= {each.id for each in told}


async def test_an_entry_that_no_service_recorded_is_extra_until_it_is_claimed(watched: Watched) -> None:
    await watched.record(2, number=1)
    forged = event(IncidentOpened(), "incidents/forged", event_id=str(new_id(START)), source=SOURCE)
    await watched.governance.deliver(forged)
    assert await watched.kinds() == [("EXTRA", forged.id, 4)]
    await watched.governance.deliver(manifest(2, [forged]))
    assert await watched.kinds() == []


async def test_data_that_is_not_what_was_recorded_is_altered(watched: Watched) -> None:
    honest = event(IncidentOpened(), "incidents/altered", event_id=str(new_id(START)), source=SOURCE)
    claimed = manifest(1, [honest])
    honest.proto_data.value = IncidentOpened(alerts=["alerts/forged"]).SerializeToString()
    await watched.governance.deliver(honest, claimed)
    assert await watched.kinds() == [("ALTERED", honest.id, 1)]


async def test_an_erased_content_is_not_altered(watched: Watched) -> None:
    told = event(IncidentOpened(), "incidents/erased", event_id=str(new_id(START)), source=SOURCE)
    await watched.governance.deliver(told)
    await watched.governance.ledger.EraseContents(pb.EraseContentsRequest(sequences=[1], reason="Asked for by law."))
    await watched.governance.deliver(manifest(1, [told]))
    assert await watched.kinds() == []


async def test_a_manifest_between_two_others_is_missing_until_it_comes(watched: Watched) -> None:
    await watched.record(1, number=1)
    await watched.record(1, number=4)
    assert [(kind, each) for kind, each, _ in await watched.kinds()] == [
        ("MANIFEST_MISSING", "outboxManifests/2"),
        ("MANIFEST_MISSING", "outboxManifests/3"),
    ]
    await watched.record(1, number=2)
    assert [(kind, each) for kind, each, _ in await watched.kinds()] == [("MANIFEST_MISSING", "outboxManifests/3")]


async def test_a_source_that_writes_no_manifests_is_not_asked_for_any(watched: Watched) -> None:
    await watched.governance.deliver(event(IncidentOpened(), "incidents/other", source="/elsewhere"))
    await watched.record(1, number=1)
    assert await watched.kinds() == []


async def test_a_manifest_that_cannot_be_read_claims_nothing(watched: Watched) -> None:
    await watched.record(1, number=1)
    broken = manifest(2, [])
    broken.proto_data.value = b"\xff\xff"
    await watched.governance.deliver(broken)
    assert (await watched.found()).discrepancy_count == 0


async def test_two_that_reconcile_at_once_do_not_disturb_each_other(watched: Watched) -> None:
    for number in range(1, 6):
        await watched.record(20, number=number)
    request = reconciliation_pb2.GetReconciliationRequest()
    await asyncio.gather(*(watched.governance.ledger.GetReconciliation(request) for _ in range(6)))
    (source,) = (await watched.found()).sources
    assert (source.claimed_count, source.matched_count) == (100, 100)


async def test_the_alarm_is_a_metric_and_a_line_in_the_log(watched: Watched, capsys: pytest.CaptureFixture[str]) -> None:
    await watched.governance.deliver(manifest(1, [event(IncidentOpened(), "incidents/x", event_id=str(new_id(START)), source=SOURCE)]))
    await watched.governance.served.app.tick()
    await watched.governance.served.app.tick()
    said = [line for line in capsys.readouterr().err.splitlines() if "does not agree with what services recorded" in line]
    assert len(said) == 1  # once for what is new
    assert '"MISSING": 1' in said[0]


async def test_an_entry_of_a_source_that_never_said_anything_is_unvouched_until_it_is_claimed(watched: Watched) -> None:
    await watched.record(1, number=1)  # of another source
    forged = event(IncidentOpened(), "incidents/forged", event_id=str(new_id(START)), source="/ballast/nosuchservice")
    honest = event(IncidentOpened(), "incidents/honest", event_id=str(new_id(START)), source="/ballast/allocation")
    await watched.governance.deliver(forged, honest)
    assert await watched.kinds() == [("UNVOUCHED", forged.id, 3), ("UNVOUCHED", honest.id, 4)]
    await watched.governance.deliver(manifest(1, [honest], source="/ballast/allocation"))
    assert await watched.kinds() == [("UNVOUCHED", forged.id, 3)]


async def test_an_entry_from_before_a_source_spoke_is_extra_where_it_does_not_claim_it(watched: Watched) -> None:
    forged, honest = (event(IncidentOpened(), "incidents/x", event_id=str(new_id(START)), source="/ballast/allocation") for _ in range(2))
    await watched.governance.deliver(forged)
    assert await watched.kinds() == [("UNVOUCHED", forged.id, 1)]
    await watched.governance.deliver(honest, manifest(1, [honest], source="/ballast/allocation"))
    assert await watched.kinds() == [("EXTRA", forged.id, 1)]


async def test_an_entry_forged_before_the_first_that_its_source_claims_is_extra(watched: Watched) -> None:
    forged = event(IncidentOpened(), "incidents/forged", event_id=str(new_id(START)), source=SOURCE)
    await watched.governance.deliver(forged)
    await watched.record(2, number=1)  # before anybody looked
    assert await watched.kinds() == [("EXTRA", forged.id, 1)]


async def test_what_governance_writes_itself_and_what_others_send_needs_nobody_to_vouch_for_it(watched: Watched) -> None:
    await watched.record(1, number=1)
    await watched.governance.ledger.EraseContents(pb.EraseContentsRequest(sequences=[1], reason="Asked for by law."))
    link = {"linkType": "START", "timestamp": "2026-03-02T09:00:00Z", "start": {"contextId": "a"}}
    await watched.governance.lineage.LinkEvents(lineage_service_pb2.LinkEventsRequest(documents=[json.dumps(link)]))
    correction = lineage_service_pb2.CorrectLinkRequest(
        from_name="changes/a",
        to_name="incidents/b",
        relation=lineage_pb2.LINEAGE_RELATION_CAUSED,
        verdict=lineage_events_pb2.LINK_VERDICT_STATED,
        reason="It did.",
    )
    await watched.governance.lineage.CorrectLink(correction)
    assert len(await watched.governance.entries()) == 5
    assert await watched.kinds() == []


async def test_nobody_delivers_what_only_governance_writes(watched: Watched) -> None:
    for source in ("/ballast/governance/ledger", "/ballast/governance/lineage"):
        forged = event(ContentErased(sequence=1), "ledgerEntries/1", source=source)
        with pytest.raises(InvalidInput, match="governance writes itself") as refused:
            await watched.governance.deliver(forged)
        assert (refused.value.reason, refused.value.violations[0].field) == ("EVENT_MALFORMED", "source")
    assert await watched.governance.entries() == []


async def test_discrepancies_come_in_pages_what_is_missing_first_and_then_by_position(watched: Watched) -> None:
    extra = [event(IncidentOpened(), "incidents/x", event_id=str(new_id(START)), source=SOURCE) for _ in range(3)]
    gone = [event(IncidentOpened(), "incidents/x", event_id=str(new_id(START)), source=SOURCE) for _ in range(4)]
    await watched.governance.deliver(manifest(1, []), *extra)
    await watched.found()
    await watched.governance.deliver(manifest(3, gone))
    await watched.found()
    request = reconciliation_pb2.GetReconciliationRequest(page_size=3)
    pages = [await watched.governance.ledger.GetReconciliation(request)]
    while pages[-1].next_page_token:
        again = reconciliation_pb2.GetReconciliationRequest(page_size=3, page_token=pages[-1].next_page_token)
        pages.append(await watched.governance.ledger.GetReconciliation(again))
    assert [len(each.discrepancies) for each in pages] == [3, 3, 2]
    assert {each.discrepancy_count for each in pages} == {8}
    assert [len(each.sources) for each in pages] == [1, 0, 0]
    found = [each for page in pages for each in page.discrepancies]
    kinds = [Kind.Name(each.kind).removeprefix("DISCREPANCY_KIND_") for each in found]
    assert kinds == ["MISSING"] * 4 + ["MANIFEST_MISSING"] + ["EXTRA"] * 3
    assert [each.event_id for each in found if each.kind == Kind.DISCREPANCY_KIND_MISSING] == sorted(each.id for each in gone)
    assert [each.sequence for each in found][-3:] == [2, 3, 4]
    address = watched.governance.served.app.server.address
    ran = await asyncio.to_thread(ballast, "ledger", "reconcile", "--limit", "5", "--governance-address", address)
    assert (ran.code, "8 discrepancies; 5 of 8 shown: raise --limit" in ran.out) == (1, True)


async def test_what_a_ledger_held_before_the_rule_is_not_held_against_a_silent_source(watched: Watched) -> None:
    await watched.governance.deliver(event(IncidentOpened(), "incidents/old", source="/ballast/allocation"))
    await watched.connection.execute("update log_reconciler set former_through = 1")  # as the migration does
    await watched.record(1, number=1)
    assert await watched.kinds() == []
