"""CDEvents and their links, as the links specification of CDEvents 0.5 has them, in and out.

A context id is that of another event, or the name of a resource of Ballast: what is exported can be taken in again.
Source: https://github.com/cdevents/spec/blob/v0.5.0/links.md
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.governance.domain.drawing import Drawing, Occurrence, Part, kept
from services.governance.domain.fact_drawing import component_name
from services.governance.domain.lineage import Edge, Node, NodeKind, RecordedEdge, Relation, kind_of_name, one_line

_COLLECTION = "cdEvents/"
_KINDS = {
    "service": NodeKind.DEPLOY,
    "incident": NodeKind.INCIDENT,
    "change": NodeKind.CHANGE,
    "environment": NodeKind.CHANGE,
}


class LinkType(StrEnum):
    START = "START"
    PATH = "PATH"
    RELATION = "RELATION"
    END = "END"


@dataclass(frozen=True, slots=True)
class CdLink:
    """A link: `before` came first and led to `after`. In a relation these are its target and its source: a sender can link to what it saw.

    `before` is empty for the start of a chain, and may be for its end.
    """

    type: LinkType
    before: str
    after: str
    kind: str = ""
    chain_id: str = ""


@dataclass(frozen=True, slots=True)
class CdEvent:
    """An event as far as lineage goes; `type` is as `dev.cdevents.service.deployed.0.3.0`, `component` that of an incident or a deploy."""

    id: str
    type: str
    subject: str
    time: datetime
    component: str = ""
    links: tuple[CdLink, ...] = ()


def node_name(context_id: str) -> str:
    return context_id if kind_of_name(context_id) is not None else f"{_COLLECTION}{context_id}"


def context_id(name: str) -> str:
    return name.removeprefix(_COLLECTION)


def drawing_of_cd_event(event: CdEvent) -> Drawing | None:
    """Returns what an event shows; None where its own id cannot be kept."""
    _, _, about, predicate, *_ = (*event.type.split("."), "", "", "", "")
    name, kind = node_name(event.id), _KINDS.get(about, NodeKind.EVENT)
    own = Node(name, kind, one_line(f"{about} {predicate}: {event.subject}"), is_known=True)
    component = component_name(event.component) if event.component and kind in (NodeKind.DEPLOY, NodeKind.INCIDENT) else ""
    touched, occurrences = _touched(own, component, event.time, begins=predicate != "resolved")
    mentioned, edges = _linked(event.links)
    return kept(Drawing(own, (Node(component, NodeKind.COMPONENT), *mentioned), (*touched, *edges), occurrences))


def _touched(own: Node, component: str, time: datetime, *, begins: bool) -> tuple[tuple[Edge, ...], tuple[Occurrence, ...]]:
    if not component:
        return (), ()
    is_deploy = own.kind is NodeKind.DEPLOY
    edge = Edge(own.name, component, Relation.CHANGED if is_deploy else Relation.AFFECTS)
    part = Part.CAUSE if is_deploy else Part.EFFECT
    return (edge,), (Occurrence(own.name, component, part, time),) if begins else ()


def drawing_of_cd_link(link: CdLink) -> Drawing | None:
    """Returns what a link that came by itself shows: nothing but the edge."""
    mentioned, edges = _linked([link])
    return kept(Drawing(None, mentioned, edges))


def _linked(links: Iterable[CdLink]) -> tuple[tuple[Node, ...], tuple[Edge, ...]]:
    nodes: list[Node] = []
    edges: list[Edge] = []
    for link in links:
        ends = [node_name(each) for each in (link.before, link.after) if each]
        nodes += [Node(each, kind_of_name(each) or NodeKind.EVENT) for each in ends]
        if len(ends) == 2 and ends[0] != ends[1]:
            told = {"link_type": link.type.value, "link_kind": link.kind, "chain_id": link.chain_id}
            relation = Relation.RELATED if link.type is LinkType.RELATION else Relation.FOLLOWED_BY
            edges.append(Edge(ends[0], ends[1], relation, {key: one_line(value) for key, value in told.items() if value}))
    return tuple(nodes), tuple(edges)


def links_of(edges: Iterable[RecordedEdge]) -> list[Mapping[str, Any]]:
    """Returns edges as links that stand by themselves, as the specification writes them."""
    return [_link_of(each) for each in edges]


def _link_of(recorded: RecordedEdge) -> Mapping[str, Any]:
    edge = recorded.edge
    before, after = ({"contextId": context_id(name)} for name in (edge.from_name, edge.to_name))
    common = {"chainId": edge.attributes.get("chain_id") or _chain(recorded.trace_id), "timestamp": recorded.create_time.isoformat()}
    if edge.relation is Relation.FOLLOWED_BY:
        is_end = edge.attributes.get("link_type") == LinkType.END.value
        return common | {"linkType": "END" if is_end else "PATH", "from": before, "end" if is_end else "to": after}
    kind = edge.attributes.get("link_kind") or edge.relation.value
    return common | {"linkType": "RELATION", "linkKind": kind, "source": after, "target": before, "tags": _tags(recorded)}


def _chain(trace_id: str) -> str:
    """A chain id is a UUID, and so many digits has a trace id."""
    try:
        return str(UUID(hex=trace_id))
    except ValueError:
        return str(UUID(int=0))


def _tags(recorded: RecordedEdge) -> dict[str, str]:
    return {"ballast.source": recorded.edge.source.value, "ballast.confidence": f"{recorded.edge.confidence:g}"}
