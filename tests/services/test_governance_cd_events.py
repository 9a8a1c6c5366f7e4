"""CDEvents taken in with their links, and lineage written as documents."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ballast.governance.v1 import governance_service_pb2, ledger_service_pb2, lineage_pb2
from ballast.governance.v1 import lineage_service_pb2 as pb

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import InvalidInput, NotFound
from tests.support.governance import Governance, at, change_reported, governing, incident_opened, story

DOWNSTREAM = governance_service_pb2.LINEAGE_DIRECTION_DOWNSTREAM


@pytest.fixture(scope="module")
async def governance(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Governance]:
    async with governing(urls, engines, clock) as running:
        yield running


def cd_event(event_id: str, kind: str = "service.deployed", subject: str = "shop", links: Any = None, **context: Any) -> dict[str, Any]:
    usual = {
        "specversion": "0.5.0",
        "id": event_id,
        "source": "/ci",
        "type": f"dev.cdevents.{kind}.0.3.0",
        "timestamp": "2026-03-02T09:00:00Z",
        "links": [] if links is None else links,
    }
    return {"context": usual | context, "subject": {"id": subject, "content": {}}}


async def link(governance: Governance, *documents: Any) -> list[pb.LinkedEvent]:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in documents]
    return list((await governance.lineage.LinkEvents(pb.LinkEventsRequest(documents=texts))).results)


async def trace(governance: Governance, name: str, **fields: Any) -> governance_service_pb2.TraceLineageResponse:
    return await governance.rpc.TraceLineage(governance_service_pb2.TraceLineageRequest(name=name, **fields))


async def export(governance: Governance, name: str, form: int, **fields: Any) -> pb.ExportLineageResponse:
    walk = governance_service_pb2.TraceLineageRequest(name=name, **fields)
    return await governance.lineage.ExportLineage(pb.ExportLineageRequest(walk=walk, format=form))  # type: ignore[arg-type]


async def test_callers_that_come_together_with_events_are_all_answered(governance: Governance) -> None:
    """More of them than there are connections, beside deliveries: none waits for a connection that another one holds."""

    async def call(caller: int) -> None:
        for number in range(5):
            results = await link(governance, cd_event(f"together-{caller}-{number}", subject="together"))
            assert [each.error for each in results] == [""]

    async def told(caller: int) -> None:
        for _ in range(5):
            await governance.deliver(incident_opened(f"incidents/{uuid.uuid4()}", title=f"{caller}"))

    await asyncio.gather(*(call(each) for each in range(20)), *(told(each) for each in range(5)))
    entries = await governance.ledger.ListEntries(ledger_service_pb2.ListEntriesRequest(page_size=1000))
    assert len([each for each in entries.entries if each.event_id.startswith("together-")]) == 100


async def test_a_chain_of_events_is_followed_by_its_links_to_a_deploy_and_its_component(governance: Governance) -> None:
    merged = cd_event("c-1", "change.merged", "pr-42")
    queued = cd_event(
        "c-2", "pipelinerun.queued", "run-1", [{"linkType": "RELATION", "linkKind": "TRIGGER", "target": {"contextId": "c-1"}}]
    )
    deployed = cd_event("c-3", subject="chained", links=[{"linkType": "PATH", "from": {"contextId": "c-2"}}, {"linkType": "END"}])
    results = await link(governance, merged, queued, deployed)
    assert [(each.node, each.link_count, each.error) for each in results] == [
        ("cdEvents/c-1", 0, ""),
        ("cdEvents/c-2", 1, ""),
        ("cdEvents/c-3", 2, ""),
    ]
    found = await trace(governance, "cdEvents/c-1", direction=DOWNSTREAM)
    assert [(node.name, node.kind, node.depth) for node in found.nodes] == [
        ("cdEvents/c-1", "change", 0),
        ("cdEvents/c-2", "event", 1),
        ("cdEvents/c-3", "deploy", 2),
        ("components/chained", "component", 3),
    ]
    assert [lineage_pb2.LineageRelation.Name(edge.relation).removeprefix("LINEAGE_RELATION_") for edge in found.edges] == [
        "RELATED",
        "FOLLOWED_BY",
        "CHANGED",
    ]
    assert found.edges[0].attributes["link_kind"] == "TRIGGER"


async def test_a_link_to_an_event_that_has_not_come_is_pending_until_it_comes(governance: Governance) -> None:
    await link(governance, cd_event("late-2", links=[{"linkType": "PATH", "from": {"contextId": "late-1"}}]))
    found = await trace(governance, "cdEvents/late-1", max_depth=1)
    assert [(node.name, node.pending) for node in found.nodes] == [("cdEvents/late-1", True), ("cdEvents/late-2", False)]
    await link(governance, cd_event("late-1", "change.merged", "pr-1"))
    found = await trace(governance, "cdEvents/late-1", max_depth=1)
    assert [(node.kind, node.title, node.pending) for node in found.nodes[:1]] == [("change", "change merged: pr-1", False)]


async def test_links_by_themselves_bind_events_to_each_other_and_to_resources(governance: Governance) -> None:
    await governance.deliver(change_reported("changes/linked", []))
    common = {"chainId": "d0be0005-cca7-4175-8fe3-f64d2f27bc01", "timestamp": "2026-03-02T09:00:00Z"}
    path = common | {"linkType": "PATH", "from": {"contextId": "changes/linked"}, "to": {"contextId": "alone-1"}}
    end = common | {"linkType": "END", "from": {"contextId": "alone-1"}, "end": {"contextId": "alone-2"}}
    start = common | {"linkType": "START", "start": {"contextId": "alone-0"}}
    assert [(each.link_count, each.error) for each in await link(governance, path, end, start)] == [(1, ""), (1, ""), (0, "")]
    found = await trace(governance, "changes/linked", direction=DOWNSTREAM)
    assert [node.name for node in found.nodes] == ["changes/linked", "cdEvents/alone-1", "cdEvents/alone-2"]


async def test_a_deploy_told_by_a_pipeline_is_inferred_to_have_caused_an_incident(governance: Governance) -> None:
    await link(governance, cd_event("blamed", subject="blamed", timestamp=at(-30).isoformat()))
    await governance.deliver(incident_opened("incidents/blamed", components=["blamed"], minutes=0))
    caused = lineage_pb2.LINEAGE_RELATION_CAUSED
    (edge,) = (await trace(governance, "cdEvents/blamed", direction=DOWNSTREAM, relations=[caused])).edges
    assert (edge.to_name, edge.confidence, edge.source) == ("incidents/blamed", 0.25, lineage_pb2.LINEAGE_SOURCE_INFERRED)
    why = await governance.lineage.ExplainLink(
        pb.ExplainLinkRequest(from_name="cdEvents/blamed", to_name="incidents/blamed", relation=caused)
    )
    assert [entry.type for entry in why.entries] == ["dev.cdevents.service.deployed.0.3.0", "ballast.intake.v1.IncidentOpened"]


async def test_an_event_handed_in_twice_is_one_entry(governance: Governance) -> None:
    document = cd_event("twice", links=[{"linkType": "PATH", "from": {"contextId": "once"}}])
    await link(governance, document)
    await link(governance, document)
    assert await governance.entries(subject="cdEvents/twice") == ["twice"]


async def test_bad_documents_say_why_and_the_good_ones_land(governance: Governance) -> None:
    results = await link(
        governance,
        "{}}",
        "[]",
        cd_event(""),
        cd_event("bad-1", type="com.example.deployed"),
        cd_event("bad-2", timestamp="yesterday"),
        cd_event("bad-3", source="/ballast/intake"),
        cd_event("bad-4", links=[{"linkType": "KNOT"}]),
        cd_event("bad-5", links=[{"linkType": "RELATION", "target": {"contextId": "x"}}]),
        cd_event("bad-6", links=[{"linkType": "PATH", "from": {}}]),
        cd_event("bad-7", links=[{"linkType": "START"}]),
        cd_event("bad-8", links={}),
        {"linkType": "PATH", "from": {"contextId": "a"}, "to": {"contextId": "b"}},
        {"context": 7, "subject": {"id": "x"}},
        cd_event("good"),
    )
    places = [each.error.partition(":")[0] for each in results]
    assert places[2:] == [
        "context.id",
        "context.type",
        "context.timestamp",
        "context.source",
        "context.links[0].linkType",
        "context.links[0].linkKind",
        "context.links[0].from.contextId",
        "context.links[0].linkType",
        "context.links",
        "timestamp",
        "context.id",
        "",
    ]
    assert [each.error.partition(";")[0] for each in results[:2]] == [
        "document: is no JSON at line 1, column 3",
        "document: is no JSON object",
    ]
    assert await governance.entries(subject="cdEvents/good") == ["good"]
    assert await governance.entries(subject="cdEvents/bad-4") == []


async def test_documents_that_only_python_could_name_the_fault_of_are_refused_in_words_of_our_own(governance: Governance) -> None:
    results = await link(governance, "[" * 30_000, cd_event("half-\ud800"), '{"a": ' + "9" * 5_000 + "}")
    assert [each.error.partition(";")[0] for each in results] == [
        "document: is nested too deep",
        "document: holds one of \\ud800 to \\udfff without its pair, which is no text",
        "document: is no JSON that can be read",
    ]


async def test_an_event_linked_with_itself_is_refused(governance: Governance) -> None:
    at = {"timestamp": "2026-03-02T09:00:00Z"}
    one, same, named = {"contextId": "self"}, {"contextId": "cdEvents/self"}, {"contextId": "incidents/1"}
    results = await link(
        governance,
        {"linkType": "PATH", "from": one, "to": one} | at,
        {"linkType": "PATH", "from": one, "to": same} | at,
        {"linkType": "RELATION", "linkKind": "TRIGGER", "source": named, "target": named} | at,
        {"linkType": "END", "from": one, "end": one} | at,
        cd_event("self", links=[{"linkType": "PATH", "from": one}]),
        cd_event("self", links=[{"linkType": "RELATION", "linkKind": "TRIGGER", "target": one}]),
    )
    places = ["to", "to", "source", "end", "context.links[0].from", "context.links[0].target"]
    assert [each.error.partition(": is")[0] for each in results] == [f"{place}.contextId" for place in places]
    assert await governance.entries(subject="cdEvents/self") == []


async def test_an_event_known_with_other_content_is_kept_as_it_was_and_that_is_told(governance: Governance) -> None:
    path = {"linkType": "PATH", "from": {"contextId": "known-0"}}
    first = cd_event("known-1")
    (again, other, within) = await link(governance, first, cd_event("known-1", links=[path]), cd_event("known-2"))
    assert [(each.already_known, each.link_count, each.error) for each in (again, other, within)] == [
        (False, 1, ""),
        (True, 0, ""),
        (False, 1, ""),
    ]
    (later, same) = await link(governance, cd_event("known-2", links=[path]), first)
    assert [(each.already_known, each.node, each.link_count) for each in (later, same)] == [
        (True, "cdEvents/known-2", 0),
        (False, "cdEvents/known-1", 1),
    ]
    assert await governance.entries(subject="cdEvents/known-1") == ["known-1"]


async def test_text_that_no_database_keeps_spoils_no_other_document(governance: Governance) -> None:
    odd = "x\0"
    path = {"linkType": "RELATION", "linkKind": f"T{odd}", "target": {"contextId": "odd-0"}}
    results = await link(
        governance,
        cd_event("odd-1", links=[path], chainId=odd),
        cd_event(f"odd-2{odd}"),
        cd_event("odd-3", subject=odd),
        cd_event("odd-4", source=odd),
        cd_event("odd-5", links=[{"linkType": "PATH", "from": {"contextId": odd}}]),
        cd_event("odd-6"),
    )
    assert [bool(each.error) for each in results][-1:] == [False]
    assert await governance.entries(subject="cdEvents/odd-6") == ["odd-6"]
    found = await trace(governance, "cdEvents/odd-0", direction=DOWNSTREAM, max_depth=1)
    assert found.edges[0].attributes["link_kind"] == "Tx"


async def test_a_call_without_documents_is_refused(governance: Governance) -> None:
    with pytest.raises(InvalidInput, match="documents"):
        await governance.lineage.LinkEvents(pb.LinkEventsRequest())


async def test_lineage_is_written_in_the_terms_of_prov(governance: Governance) -> None:
    await governance.deliver(*story("prov"))
    found = await export(governance, "alerts/prov", pb.LINEAGE_FORMAT_PROV_JSON_LD, direction=DOWNSTREAM)
    assert found.media_type == "application/ld+json"
    graph = {node["ballast:name"]: node for node in json.loads(found.document)["@graph"]}
    assert graph["incidents/prov"]["prov:wasDerivedFrom"] == ["urn:ballast:alerts/prov"]
    assert graph["assessments/prov"]["prov:used"] == ["urn:ballast:incidents/prov"]
    assert graph["decisions/prov"]["prov:wasInformedBy"] == ["urn:ballast:assessments/prov"]
    assert graph["bundles/prov"]["prov:wasGeneratedBy"] == ["urn:ballast:assessments/prov", "urn:ballast:decisions/prov"]
    (influence,) = graph["roadmapItems/prov"]["prov:qualifiedInfluence"]
    assert (influence["ballast:delay_days"], influence["ballast:confidence"], influence["ballast:source"]) == ("14", 1.0, "OBSERVED")
    again = await export(governance, "alerts/prov", pb.LINEAGE_FORMAT_UNSPECIFIED, direction=DOWNSTREAM)
    assert again.document == found.document


async def test_links_that_are_written_are_links_that_can_be_taken_in(governance: Governance) -> None:
    await governance.deliver(*story("out"))
    await link(governance, cd_event("out-1"), cd_event("out-2", links=[{"linkType": "PATH", "from": {"contextId": "out-1"}}]))
    for name in ("alerts/out", "cdEvents/out-1"):
        found = await export(governance, name, pb.LINEAGE_FORMAT_CDEVENTS_LINKS, direction=DOWNSTREAM)
        written = json.loads(found.document)
        assert {each["linkType"] for each in written} <= {"PATH", "RELATION"}
        assert [each.error for each in await link(governance, *written)] == [""] * len(written)
    path = next(each for each in written if each["linkType"] == "PATH")
    assert (path["from"], path["to"]) == ({"contextId": "out-1"}, {"contextId": "out-2"})


async def test_an_export_of_too_much_or_of_nothing_is_refused(governance: Governance) -> None:
    await governance.deliver(incident_opened("incidents/huge", alerts=[f"alerts/huge-{number}" for number in range(1001)]))
    with pytest.raises(InvalidInput) as refused:
        await export(governance, "incidents/huge", pb.LINEAGE_FORMAT_PROV_JSON_LD)
    assert refused.value.reason == "LINEAGE_TOO_LARGE"
    with pytest.raises(NotFound):
        await export(governance, "incidents/nowhere", pb.LINEAGE_FORMAT_PROV_JSON_LD)
