"""Single edges: why one is there, what people say of it, and those whose ends are awaited."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
from ballast.governance.v1 import governance_service_pb2, ledger_service_pb2, lineage_events_pb2, lineage_pb2
from ballast.governance.v1 import lineage_service_pb2 as pb
from ballast.triage.v1 import component_pb2, triage_events_pb2
from google.protobuf.duration_pb2 import Duration
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from structlog.testing import capture_logs

from services.governance.storage.link_store import LinkStore
from services.governance.storage.record_store import RecordStore
from services.governance.usecases.pending_links import PendingLinks
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from shared.storage.database import Database
from tests.support.governance import TRACE_ID, Governance, assessment_made, change_reported, event, governing, incident_opened

CAUSED, AFFECTS = lineage_pb2.LINEAGE_RELATION_CAUSED, lineage_pb2.LINEAGE_RELATION_AFFECTS
STATED, CONFIRMED, DENIED = (
    lineage_events_pb2.LINK_VERDICT_STATED,
    lineage_events_pb2.LINK_VERDICT_CONFIRMED,
    lineage_events_pb2.LINK_VERDICT_DENIED,
)
UPSTREAM = governance_service_pb2.LINEAGE_DIRECTION_UPSTREAM


@pytest.fixture(scope="module")
async def governance(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Governance]:
    async with governing(urls, engines, clock) as running:
        yield running


async def correct(governance: Governance, begin: str, end: str, verdict: int, **fields: object) -> lineage_pb2.LineageEdge:
    usual: dict[str, object] = {"relation": CAUSED, "reason": "Seen in the logs."}
    request = pb.CorrectLinkRequest(from_name=begin, to_name=end, verdict=verdict, **usual | fields)  # type: ignore[arg-type]
    return (await governance.lineage.CorrectLink(request)).link


async def explain(governance: Governance, begin: str, end: str, relation: int = CAUSED) -> pb.ExplainLinkResponse:
    return await governance.lineage.ExplainLink(pb.ExplainLinkRequest(from_name=begin, to_name=end, relation=relation))  # type: ignore[arg-type]


async def causes(governance: Governance, name: str, **fields: object) -> list[str]:
    request = governance_service_pb2.TraceLineageRequest(name=name, direction=UPSTREAM, max_depth=1, relations=[CAUSED], **fields)  # type: ignore[arg-type]
    return [node.name for node in (await governance.rpc.TraceLineage(request)).nodes[1:]]


async def inferred(governance: Governance, key: str) -> tuple[str, str]:
    change, incident = f"changes/{key}", f"incidents/{key}"
    await governance.deliver(change_reported(change, [key]), incident_opened(incident, components=[key], minutes=30))
    return change, incident


async def test_an_edge_that_an_event_shows_is_explained_by_every_entry_that_shows_it(governance: Governance) -> None:
    first, second = (assessment_made("assessments/shown", "incidents/shown", version=version) for version in (1, 2))
    await governance.deliver(first, incident_opened("incidents/shown"))
    await governance.deliver(second)
    found = await explain(governance, "incidents/shown", "assessments/shown", lineage_pb2.LINEAGE_RELATION_ASSESSED_BY)
    assert [entry.event_id for entry in found.entries] == [first.id, second.id]
    assert (found.rule, list(found.corrections), found.link.confidence) == ("", [], 1.0)
    assert (found.link.ledger_sequence, found.link.trace_id) == (found.entries[0].sequence, TRACE_ID)


async def test_an_inferred_edge_is_explained_by_the_entries_it_was_concluded_from_and_by_its_rule(governance: Governance) -> None:
    change, incident = await inferred(governance, "why")
    found = await explain(governance, change, incident)
    assert [entry.subject for entry in found.entries] == [change, incident]
    assert "halved for every 30 minutes" in found.rule
    assert found.link.rule == "change-before-incident@1"


async def test_no_entry_that_shows_an_edge_is_left_out_however_many_tell_of_its_ends(governance: Governance) -> None:
    """More tell of the incident than are looked at for one page, and those that show the edge come first and last."""
    busy = "incidents/busy"
    showing = [incident_opened(busy, components=["busy"]) for _ in range(5)]
    others = [incident_opened(busy) for _ in range(5200)]
    for batch in ([showing[0]], *(others[begin : begin + 650] for begin in range(0, len(others), 650)), showing[1:]):
        await governance.deliver(*batch)
    found: list[str] = []
    token, pages = "", 0
    while pages == 0 or token:
        request = pb.ExplainLinkRequest(from_name=busy, to_name="components/busy", relation=AFFECTS, page_size=2, page_token=token)
        page = await governance.lineage.ExplainLink(request)
        token, pages = page.next_page_token, pages + 1
        found += [entry.event_id for entry in page.entries]
    assert found == [each.id for each in showing]
    assert pages > 2  # one of them only says that there is more to look at


async def test_a_page_of_another_edge_is_refused(governance: Governance) -> None:
    await governance.deliver(*(incident_opened("incidents/paged", components=["paged", "other"]) for _ in range(3)))
    first = pb.ExplainLinkRequest(from_name="incidents/paged", to_name="components/paged", relation=AFFECTS, page_size=1)
    token = (await governance.lineage.ExplainLink(first)).next_page_token
    first.to_name, first.page_token = "components/other", token
    with pytest.raises(InvalidInput) as refused:
        await governance.lineage.ExplainLink(first)
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


async def test_the_entry_that_first_showed_an_edge_explains_it_after_its_content_is_erased(governance: Governance) -> None:
    told = assessment_made("assessments/erased", "incidents/erased")
    await governance.deliver(told)
    chosen = ledger_service_pb2.EntryFilter(subject="assessments/erased")
    await governance.ledger.EraseContents(ledger_service_pb2.EraseContentsRequest(filter=chosen, reason="Asked for."))
    found = await explain(governance, "incidents/erased", "assessments/erased", lineage_pb2.LINEAGE_RELATION_ASSESSED_BY)
    assert [(entry.event_id, entry.erased) for entry in found.entries] == [(told.id, True)]


async def test_a_denied_edge_stays_marked_and_walks_leave_it_out_unless_asked(governance: Governance) -> None:
    change, incident = await inferred(governance, "denied")
    denied = await correct(governance, change, incident, DENIED, reason="It went to staging only.")
    assert (denied.standing, denied.etag, denied.source) == (
        lineage_pb2.LINK_STANDING_DENIED, "2", lineage_pb2.LINEAGE_SOURCE_INFERRED,
    )  # fmt: skip
    assert await causes(governance, incident) == []
    assert await causes(governance, incident, include_denied=True) == [change]


async def test_a_denied_edge_stays_denied_when_it_is_shown_again_and_comes_back_when_it_is_confirmed(governance: Governance) -> None:
    change, incident = await inferred(governance, "again")
    await correct(governance, change, incident, DENIED)
    await governance.deliver(incident_opened(incident, components=["again"], minutes=29))
    assert await causes(governance, incident) == []
    back = await correct(governance, change, incident, CONFIRMED, confidence=0.8)
    assert (back.confidence, back.standing) == (0.8, lineage_pb2.LINK_STANDING_CONFIRMED)
    assert await causes(governance, incident) == [change]
    await governance.deliver(incident_opened(incident, components=["again"], minutes=28))
    assert (await explain(governance, change, incident)).link.confidence == 0.8


async def test_each_correction_is_an_entry_of_the_ledger_with_who_said_it_and_why(governance: Governance) -> None:
    change, incident = await inferred(governance, "said")
    await correct(governance, change, incident, DENIED, reason="No.")
    await correct(governance, change, incident, CONFIRMED, reason="Yes, after all.")
    found = await explain(governance, change, incident)
    told = [(each.entry.reason, each.verdict, each.confidence) for each in found.corrections]
    assert told == [("No.", DENIED, 0.0), ("Yes, after all.", CONFIRMED, 1.0)]
    entry = found.corrections[0].entry
    assert entry.subject == found.link.name
    assert entry.method == "ballast.governance.v1.LineageService/CorrectLink"
    assert (entry.type, entry.principal != "") == ("ballast.governance.v1.LinkCorrected", True)
    *_, last = await governance.verify()
    assert (last.done, last.HasField("fault")) == (True, False)


async def test_a_person_states_an_edge_that_nothing_showed_and_titles_what_no_service_tells_of(governance: Governance) -> None:
    await governance.deliver(incident_opened("incidents/stated"))
    link = await correct(
        governance,
        "incidents/stated",
        "kpiValues/mttr-2026w10",
        STATED,
        relation=lineage_pb2.LINEAGE_RELATION_MEASURED_IN,
        confidence=0.7,
        to_title="Time to restore, week 10",
    )
    assert (link.source, link.confidence, link.pending, link.etag) == (lineage_pb2.LINEAGE_SOURCE_STATED, 0.7, False, "1")
    nodes = (
        await governance.rpc.TraceLineage(governance_service_pb2.TraceLineageRequest(name="kpiValues/mttr-2026w10", max_depth=1))
    ).nodes
    assert [(node.kind, node.title, node.pending) for node in nodes] == [
        ("kpi_value", "Time to restore, week 10", False), ("incident", "Checkout down", False),
    ]  # fmt: skip


async def test_what_is_stated_is_observed_once_an_event_shows_it(governance: Governance) -> None:
    await correct(governance, "incidents/seen", "components/seen", STATED, relation=AFFECTS, confidence=0.6)
    await governance.deliver(incident_opened("incidents/seen", components=["seen"]))
    found = (await explain(governance, "incidents/seen", "components/seen", AFFECTS)).link
    assert (found.source, found.confidence) == (lineage_pb2.LINEAGE_SOURCE_OBSERVED, 1.0)


async def test_a_correction_repeated_with_its_request_id_is_one(governance: Governance) -> None:
    change, incident = await inferred(governance, "repeat")
    request_id = str(uuid4())
    first = await correct(governance, change, incident, DENIED, request_id=request_id)
    assert await correct(governance, change, incident, DENIED, request_id=request_id) == first
    assert len((await explain(governance, change, incident)).corrections) == 1


async def test_a_correction_that_is_only_checked_changes_nothing(governance: Governance) -> None:
    change, incident = await inferred(governance, "checked")
    assert (await correct(governance, change, incident, DENIED, validate_only=True)).standing == lineage_pb2.LINK_STANDING_DENIED
    assert (await explain(governance, change, incident)).link.standing == lineage_pb2.LINK_STANDING_UNJUDGED
    foreseen = await correct(governance, "changes/nobody", incident, STATED, validate_only=True)
    assert foreseen.source == lineage_pb2.LINEAGE_SOURCE_STATED
    with pytest.raises(NotFound):
        await explain(governance, "changes/nobody", incident)


async def test_an_edge_somebody_else_corrected_meanwhile_is_not_corrected_by_its_old_etag(governance: Governance) -> None:
    change, incident = await inferred(governance, "etag")
    await correct(governance, change, incident, DENIED, etag="1")
    with pytest.raises(Conflict, match="version 2") as refused:
        await correct(governance, change, incident, CONFIRMED, etag="1")
    assert refused.value.reason == "ETAG_MISMATCH"


async def test_stating_what_is_there_and_judging_what_is_not_are_refused(governance: Governance) -> None:
    change, incident = await inferred(governance, "there")
    with pytest.raises(AlreadyExists, match="confirm it") as exists:
        await correct(governance, change, incident, STATED)
    with pytest.raises(NotFound, match="state it") as absent:
        await correct(governance, "changes/nowhere", incident, DENIED)
    with pytest.raises(NotFound):
        await explain(governance, "changes/nowhere", incident)
    assert (exists.value.reason, absent.value.reason) == ("LINK_EXISTS", "LINK_NOT_FOUND")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"from_name": "epics/1"}, "from_name"),
        ({"to_name": "incidents/"}, "to_name"),
        ({"to_name": "changes/1"}, "to_name"),
        ({"reason": ""}, "reason"),
        ({"reason": "\u200b "}, "reason"),
        ({"reason": "a\0b"}, "reason"),
        ({"from_name": "changes/a\0b"}, "from_name"),
        ({"verdict": 0}, "verdict"),
        ({"relation": 0}, "relation"),
        ({"confidence": 1.5}, "confidence"),
    ],
)
async def test_a_correction_that_breaks_a_rule_names_the_field(governance: Governance, fields: dict[str, object], field: str) -> None:
    usual: dict[str, object] = {
        "from_name": "changes/1", "to_name": "incidents/1", "relation": CAUSED, "verdict": STATED, "reason": "Seen."
    }  # fmt: skip
    with pytest.raises(InvalidInput) as refused:
        await governance.lineage.CorrectLink(pb.CorrectLinkRequest(**usual | fields))  # type: ignore[arg-type]
    assert [each.field for each in refused.value.violations] == [field]


@pytest.mark.parametrize("name", ["incidents/a\0b", "\0"])
async def test_a_name_that_no_database_keeps_is_refused_or_not_found(governance: Governance, name: str) -> None:
    with pytest.raises((InvalidInput, NotFound)):
        await governance.rpc.TraceLineage(governance_service_pb2.TraceLineageRequest(name=name))
    with pytest.raises((InvalidInput, NotFound)):
        await explain(governance, name, "incidents/1")


async def pending(governance: Governance, **fields: object) -> list[pb.PendingLink]:
    found: list[pb.PendingLink] = []
    token = ""
    while True:
        page = await governance.lineage.ListPendingLinks(pb.ListPendingLinksRequest(page_token=token, **fields))  # type: ignore[arg-type]
        found += page.links
        token = page.next_page_token
        if not token:
            return found


async def test_an_edge_is_pending_until_both_ends_are_known_and_overdue_after_a_day(
    urls: dict[str, str], engines: Engines, clock: SimulatedClock
) -> None:
    async with governing(urls, engines, clock) as governance:
        before = {each.link.name for each in await pending(governance)}
        await governance.deliver(incident_opened("incidents/awaiting", components=["awaited"]))
        (found,) = [each for each in await pending(governance) if each.link.name not in before]
        assert (found.link.from_name, list(found.awaited), found.overdue) == ("incidents/awaiting", ["components/awaited"], False)
        clock.advance(clock.now() + timedelta(days=1, seconds=1))
        day = Duration(seconds=86_400)
        late = [each for each in await pending(governance, least_age=day) if each.link.name == found.link.name]
        assert [(each.overdue, each.age.seconds) for each in late] == [(True, 86_401)]
        component = component_pb2.Component(name="components/awaited", display_name="Awaited")
        await governance.deliver(event(triage_events_pb2.ComponentChanged(component=component), component.name))
        assert found.link.name not in {each.link.name for each in await pending(governance)}


async def test_pending_edges_are_paged_in_the_order_they_were_recorded(governance: Governance) -> None:
    await governance.deliver(incident_opened("incidents/paged", components=[f"paged-{number}" for number in range(5)]))
    whole = [each.link.name for each in await pending(governance)]
    assert [each.link.name for each in await pending(governance, page_size=2)] == whole
    page = await governance.lineage.ListPendingLinks(pb.ListPendingLinksRequest(page_size=1))
    with pytest.raises(InvalidInput) as refused:
        await governance.lineage.ListPendingLinks(
            pb.ListPendingLinksRequest(page_size=1, page_token=page.next_page_token, least_age=Duration(seconds=1))
        )
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


async def test_what_is_pending_and_what_is_overdue_is_counted_every_minute_and_said(
    urls: dict[str, str], engines: Engines, clock: SimulatedClock, governance: Governance
) -> None:
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader]).get_meter("test")
    database = Database(urls["governance"], "governance")
    try:
        await governance.deliver(incident_opened("incidents/counted", components=["counted"]))
        waiting = len(await pending(governance))
        links = PendingLinks(LinkStore(database, RecordStore(database)), clock, meter, timedelta(hours=1))
        with capture_logs() as logs:
            await links.tick(clock.now())
            await links.tick(clock.now() + timedelta(hours=1))
            await links.tick(clock.now() + timedelta(hours=2))
    finally:
        await database.close()
    assert waiting > 0
    assert gauges(reader) == {
        "ballast_governance_lineage_pending_links": waiting, "ballast_governance_lineage_overdue_links": waiting
    }  # fmt: skip
    assert any("no service has told of" in each["event"] for each in logs)


def gauges(reader: InMemoryMetricReader) -> dict[str, float]:
    data = reader.get_metrics_data()
    assert data is not None
    found = data.resource_metrics[0].scope_metrics[0].metrics
    return {each.name: each.data.data_points[0].value for each in found}  # type: ignore[union-attr]  # of gauges


async def test_corrections_and_events_of_the_same_edges_at_once_all_land(governance: Governance) -> None:
    change, incident = await inferred(governance, "busy")

    async def judge(number: int) -> None:
        await correct(governance, change, incident, DENIED if number % 2 else CONFIRMED)

    async def deliver(number: int) -> None:
        await governance.deliver(incident_opened(incident, components=["busy"], minutes=30 - number))

    await asyncio.gather(*(each(number) for number in range(10) for each in (judge, deliver)))
    found = await explain(governance, change, incident)
    assert (found.link.etag, len(found.corrections)) == ("11", 10)
    *_, last = await governance.verify()
    assert not last.HasField("fault")


@pytest.mark.parametrize(("kind", "relation"), [("incidents", "MERGED_INTO"), ("bundles", "REPLACED_BY")])
async def test_an_edge_that_would_close_a_circle_of_what_took_the_place_of_what_is_refused(
    governance: Governance, kind: str, relation: str
) -> None:
    number = lineage_pb2.LineageRelation.Value(f"LINEAGE_RELATION_{relation}")
    a, b, c = (f"{kind}/circle-{each}" for each in "abc")
    await correct(governance, a, b, STATED, relation=number)
    await correct(governance, b, c, STATED, relation=number)
    for only_validated in (True, False):
        with pytest.raises(InvalidInput, match=f"to_name: leads back to {c} by {relation} already") as refused:
            await correct(governance, c, a, STATED, relation=number, validate_only=only_validated)
        assert refused.value.violations[0].field == "to_name"
    await correct(governance, a, b, DENIED, relation=number)
    await correct(governance, c, a, STATED, relation=number)
    with pytest.raises(InvalidInput, match="leads back"):
        await correct(governance, a, b, CONFIRMED, relation=number)
