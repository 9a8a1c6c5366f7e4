"""Recording events in a running governance, and listing them."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator

import asyncpg
import pytest
from ballast.events.v1 import event_sink_service_pb2 as sink_pb
from ballast.governance.v1 import governance_service_pb2
from ballast.governance.v1 import ledger_service_pb2 as pb
from ballast.intake.v1.intake_events_pb2 import IncidentOpened
from google.protobuf.timestamp_pb2 import Timestamp

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput
from shared.storage.database import connect_raw
from tests.conftest import START
from tests.support.governance import TRACE_ID, Governance, event, governing, incident_opened

ACCEPTED = sink_pb.DELIVERY_OUTCOME_ACCEPTED


@pytest.fixture(scope="module")
async def governance(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Governance]:
    async with governing(urls, engines, clock) as running:
        yield running


async def test_an_event_becomes_one_entry_with_all_it_says(governance: Governance) -> None:
    opened = incident_opened("incidents/says")
    assert await governance.deliver(opened) == [ACCEPTED]
    request = pb.ListEntriesRequest(filter=pb.EntryFilter(subject="incidents/says"))
    (entry,) = (await governance.ledger.ListEntries(request)).entries
    assert (entry.event_id, entry.source, entry.type) == (opened.id, "/ballast/test", "ballast.intake.v1.IncidentOpened")
    assert (entry.principal, entry.trace_id) == ("ada", TRACE_ID)
    assert entry.hash == hashlib.sha256(b"\x00" + entry.leaf.encode()).hexdigest()
    line = json.loads(entry.leaf)
    assert (line["event_id"], line["subject"], line["content_sha256"]) == (opened.id, "incidents/says", entry.payload_hash)
    assert not entry.erased
    assert entry.event_time.ToDatetime(tzinfo=START.tzinfo) == entry.record_time.ToDatetime(tzinfo=START.tzinfo) == START


async def test_texts_are_kept_as_they_came_whatever_stands_in_them(governance: Governance) -> None:
    odd = ['"', "\\", '\\"', "{}", "NULL", 'a","b', "é 漢 🙂", " blank ", "line\nline\t"]
    told = [event(IncidentOpened(), f"incidents/{text}", event_id=f"odd-{text}") for text in odd]
    for each, text in zip(told, odd, strict=True):
        each.attributes["principal"].ce_string = text
        each.attributes["reason"].ce_string = text[::-1]
    await governance.deliver(*told)
    for text in odd:
        request = pb.ListEntriesRequest(filter=pb.EntryFilter(subject=f"incidents/{text}"))
        (entry,) = (await governance.ledger.ListEntries(request)).entries
        assert (entry.event_id, entry.principal, entry.reason) == (f"odd-{text}", text, text[::-1])
    assert not (await governance.verify())[-1].HasField("fault")


async def test_an_entry_says_which_call_caused_it_why_and_what_was_before(governance: Governance) -> None:
    told = [event(IncidentOpened(), "incidents/caused") for _ in range(3)]
    for each in told:
        each.attributes["method"].ce_string = "ballast.intake.v1.IntakeService/UpdateIncident"
        each.attributes["reason"].ce_string = "It is worse than it looked."
    await governance.deliver(told[0])
    await governance.deliver(*told[1:])
    entries = (await governance.ledger.ListEntries(pb.ListEntriesRequest(filter=pb.EntryFilter(subject="incidents/caused")))).entries
    assert {(each.method, each.reason) for each in entries} == {
        ("ballast.intake.v1.IntakeService/UpdateIncident", "It is worse than it looked.")
    }
    assert [each.previous_sequence for each in entries] == [0, entries[0].sequence, entries[1].sequence]
    line = json.loads(entries[2].leaf)
    assert (line["method"], line["previous"]) == (entries[2].method, entries[1].sequence)
    assert "reason" not in line


async def test_an_event_delivered_twice_is_one_entry(governance: Governance) -> None:
    twice = incident_opened("incidents/twice")
    assert await governance.deliver(twice) == [ACCEPTED]
    assert await governance.deliver(twice, twice) == [ACCEPTED, ACCEPTED]
    assert await governance.entries(subject="incidents/twice") == [twice.id]


async def test_the_same_id_from_two_sources_is_two_entries(governance: Governance) -> None:
    same = [event(IncidentOpened(), "incidents/sources", event_id="same", source=f"/ballast/{name}") for name in ("a", "b")]
    await governance.deliver(*same)
    assert await governance.entries(subject="incidents/sources") == ["same", "same"]


async def test_an_old_version_that_arrives_late_is_recorded_too(governance: Governance) -> None:
    newer, older = (event(IncidentOpened(), "incidents/late", version=version) for version in (7, 2))
    assert await governance.deliver(newer) == [ACCEPTED]
    assert await governance.deliver(older) == [ACCEPTED]
    assert await governance.entries(subject="incidents/late") == [newer.id, older.id]


async def test_a_type_nobody_knows_is_recorded(governance: Governance) -> None:
    unknown = event(Timestamp(seconds=1), "things/1")
    assert await governance.deliver(unknown) == [ACCEPTED]
    assert await governance.entries(type="google.protobuf.Timestamp") == [unknown.id]


async def test_a_short_type_is_refused_instead_of_finding_nothing(governance: Governance) -> None:
    wanted, ledger = pb.EntryFilter(type="IncidentOpened"), governance.ledger
    fields = []
    for call in (
        lambda: ledger.ListEntries(pb.ListEntriesRequest(filter=wanted)),
        lambda: ledger.ExportEntries(pb.ExportEntriesRequest(more_filters=[wanted])).read(),
        lambda: ledger.EraseContents(pb.EraseContentsRequest(filter=wanted, reason="Asked for.")),
        lambda: governance.rpc.ListLedgerEntries(governance_service_pb2.ListLedgerEntriesRequest(type="IncidentOpened")),
    ):
        with pytest.raises(InvalidInput, match=r"send the whole name with its package, package\.v1\.Name") as refused:
            await call()
        fields += [violation.field for violation in refused.value.violations]
    assert fields == ["filter.type", "more_filters[0].type", "filter.type", "type"]


@pytest.mark.parametrize("broken", ["bytes", "other message"])
async def test_an_event_whose_data_cannot_be_read_is_recorded_as_evidence(governance: Governance, broken: str) -> None:
    unreadable = incident_opened(f"incidents/{broken}")
    if broken == "bytes":
        unreadable.proto_data.value = b"\xff\xff\xff"
    else:
        unreadable.proto_data.Pack(Timestamp(seconds=1))
    assert await governance.deliver(unreadable) == [ACCEPTED]
    assert await governance.entries(subject=f"incidents/{broken}") == [unreadable.id]


async def test_events_delivered_together_are_recorded_in_their_order_or_not_at_all(governance: Governance) -> None:
    first, second = (event(IncidentOpened(), "incidents/together") for _ in range(2))
    bad = event(IncidentOpened(), "incidents/together\0")
    with pytest.raises(InvalidInput) as refused:
        await governance.deliver(first, bad)
    assert refused.value.reason == "EVENT_MALFORMED"
    assert await governance.entries(subject="incidents/together") == []
    await governance.deliver(first, second)
    assert await governance.entries(subject="incidents/together") == [first.id, second.id]


async def test_events_delivered_at_once_leave_no_gap(governance: Governance) -> None:
    many = [incident_opened("incidents/at-once", components=["shared-shop"], alerts=[f"alerts/{number}"]) for number in range(40)]
    await asyncio.gather(*(governance.deliver(each) for each in many))
    assert sorted(await governance.entries(subject="incidents/at-once")) == sorted(each.id for each in many)
    *_, last = await governance.verify()
    assert not last.HasField("fault")
    entries = (await governance.ledger.ListEntries(pb.ListEntriesRequest(page_size=1000))).entries
    assert [entry.sequence for entry in entries] == list(range(1, last.verified_count + 1))


async def test_entries_are_listed_page_by_page_in_their_order(governance: Governance) -> None:
    events = [event(IncidentOpened(), "incidents/paged") for _ in range(5)]
    await governance.deliver(*events)
    found, token = [], ""
    while True:
        request = pb.ListEntriesRequest(filter=pb.EntryFilter(subject="incidents/paged"), page_size=2, page_token=token)
        page = await governance.ledger.ListEntries(request)
        found += [entry.event_id for entry in page.entries]
        token = page.next_page_token
        if not token:
            break
    assert found == [each.id for each in events]


async def test_entries_are_found_by_trace_in_either_case(governance: Governance) -> None:
    traced = event(IncidentOpened(), "incidents/traced")
    traced.attributes["traceparent"].ce_string = f"00-{'ab' * 16}-00f067aa0ba902b7-01"
    await governance.deliver(traced)
    assert await governance.entries(trace_id="AB" * 16) == [traced.id]


async def test_a_page_token_of_another_query_is_refused(governance: Governance) -> None:
    await governance.deliver(*(event(IncidentOpened(), "incidents/tokens") for _ in range(2)))
    page = await governance.ledger.ListEntries(pb.ListEntriesRequest(filter=pb.EntryFilter(subject="incidents/tokens"), page_size=1))
    with pytest.raises(InvalidInput) as refused:
        await governance.entries(subject="incidents/other", page_token=page.next_page_token)
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


async def test_entries_are_found_by_who_caused_them_and_where_they_come_from(governance: Governance) -> None:
    mine = event(IncidentOpened(), "incidents/mine", source="/ballast/elsewhere")
    mine.attributes["principal"].ce_string = "grace"
    await governance.deliver(mine)
    assert await governance.entries(principal="grace") == await governance.entries(source="/ballast/elsewhere") == [mine.id]


async def test_a_list_begins_after_the_sequence_asked_for(governance: Governance) -> None:
    events = [event(IncidentOpened(), "incidents/after") for _ in range(3)]
    await governance.deliver(*events)
    request = pb.ListEntriesRequest(filter=pb.EntryFilter(subject="incidents/after"), page_size=1)
    (first,) = (await governance.ledger.ListEntries(request)).entries
    assert await governance.entries(subject="incidents/after", after_sequence=first.sequence) == [each.id for each in events[1:]]


async def test_the_former_list_answers_the_same(governance: Governance) -> None:
    told = event(IncidentOpened(), "incidents/former")
    await governance.deliver(told)
    request = governance_service_pb2.ListLedgerEntriesRequest(subject="incidents/former")
    assert [entry.event_id for entry in (await governance.rpc.ListLedgerEntries(request)).entries] == [told.id]


async def test_a_watch_tells_every_entry_once_from_where_it_was_asked_to_begin(governance: Governance) -> None:
    before, *after = (event(IncidentOpened(), "incidents/watched") for _ in range(4))
    await governance.deliver(before)
    wanted = pb.EntryFilter(subject="incidents/watched")
    present = aiter(governance.ledger.WatchEntries(pb.WatchEntriesRequest(filter=wanted, after_sequence=-1), timeout=30))
    begin = await anext(present)
    assert not begin.HasField("entry")
    for each in after:
        await governance.deliver(incident_opened("incidents/unwatched"))
        await governance.deliver(each)
    assert [(await anext(present)).entry.event_id for _ in after] == [each.id for each in after]
    past = aiter(governance.ledger.WatchEntries(pb.WatchEntriesRequest(filter=wanted), timeout=30))
    await anext(past)
    told = [await anext(past) for _ in range(4)]
    assert [each.entry.event_id for each in told] == [each.id for each in (before, *after)]
    rest = aiter(governance.ledger.WatchEntries(pb.WatchEntriesRequest(filter=wanted, resume_token=told[1].resume_token), timeout=30))
    await anext(rest)
    assert (await anext(rest)).entry.event_id == after[1].id


@pytest.mark.parametrize(
    "change",
    [
        "update log_entry set subject = ''",
        "delete from log_entry",
        "truncate log_entry",
        "update log_entry set payload = ''",
        "update log_entry set erased_at = now(), salt = null, principal = null, payload = null, leaf = ''",
        "update log_tile set hashes = ''",
        "update log_tile set hashes = substring(hashes from 2)",
        "delete from log_tile",
        "truncate log_tile",
        "delete from log_head",
        "truncate log_head",
        "delete from log_checkpoint",
        "truncate log_key",
    ],
)
async def test_the_database_refuses_to_change_the_ledger(governance: Governance, urls: dict[str, str], change: str) -> None:
    await governance.deliver(incident_opened("incidents/guarded"))
    connection = await connect_raw(urls["governance"], "governance")
    with pytest.raises(asyncpg.RestrictViolationError, match="only grows"):
        await connection.execute(change)
    await connection.close()


async def test_a_resume_token_of_another_watch_is_refused(governance: Governance) -> None:
    begin = await anext(aiter(governance.ledger.WatchEntries(pb.WatchEntriesRequest(), timeout=30)))
    other = pb.WatchEntriesRequest(filter=pb.EntryFilter(subject="x"), resume_token=begin.resume_token)
    with pytest.raises(InvalidInput) as refused:
        await anext(aiter(governance.ledger.WatchEntries(other, timeout=30)))
    assert refused.value.reason == "RESUME_TOKEN_INVALID"
