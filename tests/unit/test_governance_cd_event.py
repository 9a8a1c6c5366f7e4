"""CDEvents and their links drawn, and written."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.governance.domain.cd_event import CdEvent, CdLink, LinkType, drawing_of_cd_event, drawing_of_cd_link, links_of, node_name
from services.governance.domain.lineage import Edge, Node, NodeKind, RecordedEdge, Relation
from services.governance.domain.provenance import document_of, identifier
from services.governance.transport.cd_documents import DocumentRefused, arrival_from_document

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def event(kind: str = "service.deployed", component: str = "shop", links: tuple[CdLink, ...] = ()) -> CdEvent:
    return CdEvent("e-1", f"dev.cdevents.{kind}.0.3.0", "shop", NOW, component, links)


@pytest.mark.parametrize(
    ("kind", "node", "relations", "occurrences"),
    [
        ("service.deployed", NodeKind.DEPLOY, [Relation.CHANGED], 1),
        ("incident.detected", NodeKind.INCIDENT, [Relation.AFFECTS], 1),
        ("incident.resolved", NodeKind.INCIDENT, [Relation.AFFECTS], 0),
        ("change.merged", NodeKind.CHANGE, [], 0),
        ("pipelinerun.finished", NodeKind.EVENT, [], 0),
    ],
)
def test_an_event_is_a_node_of_what_it_is_about(kind: str, node: NodeKind, relations: list[Relation], occurrences: int) -> None:
    drawing = drawing_of_cd_event(event(kind))
    assert drawing is not None
    assert drawing.own is not None
    assert (drawing.own.kind, drawing.own.title) == (node, f"{kind.replace('.', ' ')}: shop")
    assert ([edge.relation for edge in drawing.edges], len(drawing.occurrences)) == (relations, occurrences)


def test_a_relation_leads_from_its_target_and_a_path_from_where_it_comes() -> None:
    relation = CdLink(LinkType.RELATION, "before", "e-1", kind="TRIGGER")
    path = CdLink(LinkType.PATH, "changes/1", "e-1", chain_id="c")
    drawing = drawing_of_cd_event(event(component="", links=(relation, path)))
    assert drawing is not None
    assert [(edge.from_name, edge.to_name, edge.relation) for edge in drawing.edges] == [
        ("cdEvents/before", "cdEvents/e-1", Relation.RELATED),
        ("changes/1", "cdEvents/e-1", Relation.FOLLOWED_BY),
    ]
    assert drawing.edges[1].attributes == {"link_type": "PATH", "chain_id": "c"}


def test_the_start_of_a_chain_and_a_link_to_itself_are_no_edges() -> None:
    for link in (CdLink(LinkType.START, "", "a"), CdLink(LinkType.PATH, "a", "a")):
        drawing = drawing_of_cd_link(link)
        assert drawing is not None
        assert drawing.edges == ()


ids = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)


@given(ids, ids, st.sampled_from([Relation.FOLLOWED_BY, Relation.CAUSED, Relation.GROUPED_INTO]))
def test_what_is_written_leads_the_same_way_when_it_is_read(begin: str, end: str, relation: Relation) -> None:
    edge = Edge(node_name(begin), node_name(end), relation)
    assume(edge.from_name != edge.to_name)  # which nothing writes
    (link,) = links_of([RecordedEdge(edge, "ab" * 16, 1, NOW)])
    drawing = arrival_from_document(json.dumps(link)).drawing
    assert drawing is not None
    found = [(each.from_name, each.to_name) for each in drawing.edges]
    assert found == [(edge.from_name, edge.to_name)]


@given(st.recursive(st.none() | st.integers() | st.text(), lambda each: st.lists(each) | st.dictionaries(st.text(), each)))
def test_no_document_does_more_than_be_refused(document: object) -> None:
    for text in (json.dumps(document), json.dumps({"context": document}), json.dumps({"linkType": "PATH", "from": document})):
        with pytest.raises(DocumentRefused):
            arrival_from_document(text)


def test_a_document_of_prov_names_every_resource_once_and_quotes_what_an_identifier_may_not_hold() -> None:
    nodes = [Node("alerts/a b", NodeKind.ALERT), Node("incidents/1", NodeKind.INCIDENT, "Down")]
    edge = RecordedEdge(Edge("alerts/a b", "incidents/1", Relation.GROUPED_INTO), "ab" * 16, 4, NOW)
    alert, incident = document_of(nodes, [edge])["@graph"]
    assert (alert["@id"], alert["@type"]) == ("urn:ballast:alerts/a%20b", ["prov:Entity", "ballast:alert"])
    assert (incident["label"], incident["prov:wasDerivedFrom"]) == ("Down", ["urn:ballast:alerts/a%20b"])
    assert incident["prov:qualifiedInfluence"][0]["ballast:ledgerSequence"] == 4
    assert identifier("policy@3") == "urn:ballast:policy@3"
