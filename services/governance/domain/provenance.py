"""Lineage in the terms of W3C PROV-O, as JSON-LD: what a reader that knows nothing of Ballast can follow.

Source: https://www.w3.org/TR/prov-o/ (the terms), https://www.w3.org/TR/json-ld11/ (the form).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from services.governance.domain.lineage import Node, NodeKind, RecordedEdge, Relation

CONTEXT: Mapping[str, Any] = {
    "prov": "http://www.w3.org/ns/prov#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "ballast": "urn:ballast:lineage:",
    "label": "rdfs:label",
    **{
        f"prov:{term}": {"@type": "@id"}
        for term in ("wasDerivedFrom", "wasGeneratedBy", "used", "wasInformedBy", "wasInfluencedBy", "influencer")
    },
    "prov:atTime": {"@type": "xsd:dateTime"},
}
# What happened, or was done, over some time; all else is a thing with a fixed aspect.
_ACTIVITIES = {
    NodeKind.ASSESSMENT,
    NodeKind.DECISION,
    NodeKind.CHANGE,
    NodeKind.DEPLOY,
    NodeKind.APPROVAL,
    NodeKind.EVENT,
    NodeKind.WORK_RECORD,
}
# The later end says it: that it was made from, by, or with the earlier one. All else is influence, of which those are kinds.
_TERMS = {
    Relation.GROUPED_INTO: "wasDerivedFrom",
    Relation.MERGED_INTO: "wasDerivedFrom",
    Relation.TEMPLATE_OF: "wasDerivedFrom",
    Relation.REPLACED_BY: "wasDerivedFrom",
    Relation.TAKEN_BACK_BY: "wasInformedBy",
    Relation.ASSESSED_BY: "used",
    Relation.GOVERNS: "used",
    Relation.WEIGHED_IN: "wasInformedBy",
    Relation.RENDERED_AS: "wasGeneratedBy",
}


def document_of(nodes: Iterable[Node], edges: Iterable[RecordedEdge]) -> Mapping[str, Any]:
    """Returns a JSON-LD document: a node each; on the later end of each edge a PROV term, and the edge as a qualified influence."""
    influences: dict[str, list[RecordedEdge]] = defaultdict(list)
    for each in edges:
        influences[each.edge.to_name].append(each)
    return {"@context": CONTEXT, "@graph": [_node(node, influences[node.name]) for node in nodes]}


def _node(node: Node, influences: Iterable[RecordedEdge]) -> Mapping[str, Any]:
    found: dict[str, Any] = {
        "@id": identifier(node.name),
        "@type": ["prov:Activity" if node.kind in _ACTIVITIES else "prov:Entity", f"ballast:{node.kind.value}"],
        "ballast:name": node.name,
    }
    if node.title:
        found["label"] = node.title
    terms: dict[str, list[str]] = defaultdict(list)
    for each in influences:
        terms[f"prov:{_TERMS.get(each.edge.relation, 'wasInfluencedBy')}"].append(identifier(each.edge.from_name))
    qualified = [_influence(each) for each in influences]
    return found | dict(terms) | ({"prov:qualifiedInfluence": qualified} if qualified else {})


def _influence(recorded: RecordedEdge) -> Mapping[str, Any]:
    edge = recorded.edge
    found: dict[str, Any] = {
        "@type": "prov:Influence",
        "prov:influencer": identifier(edge.from_name),
        "prov:atTime": recorded.create_time.isoformat(),
        "ballast:relation": edge.relation.value,
        "ballast:confidence": edge.confidence,
        "ballast:source": edge.source.value,
        "ballast:standing": recorded.standing.value,
        "ballast:traceId": recorded.trace_id,
        "ballast:ledgerSequence": recorded.ledger_sequence,
    }
    rule = {"ballast:rule": edge.rule} if edge.rule else {}
    return found | rule | {f"ballast:{key}": value for key, value in sorted(edge.attributes.items())}


def identifier(name: str) -> str:
    """Returns a URN: names hold text from outside, and an identifier may hold no blank."""
    return f"urn:ballast:{quote(name, safe='/@:-._~')}"
