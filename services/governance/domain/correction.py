"""Corrections: what a person may say of an edge, and what it is after that. Nothing is ever deleted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from services.governance.domain.drawing import Drawing, is_name
from services.governance.domain.errors import LinkChanged, LinkExists, LinkNotFound, LinkUnusable
from services.governance.domain.lineage import (
    COLLECTIONS,
    TOLD_BY_PEOPLE,
    Edge,
    Link,
    Node,
    NodeKind,
    RecordedEdge,
    Source,
    Standing,
    kind_of_name,
    one_line,
)
from services.governance.domain.readable_name import check_name
from services.governance.domain.relation import check_relation

CORRECTION_TYPE = "ballast.governance.v1.LinkCorrected"
_SURE = 1.0


class Verdict(StrEnum):
    STATED = "STATED"
    CONFIRMED = "CONFIRMED"
    DENIED = "DENIED"


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person says of an edge; `confidence` 0 where they gave none, `etag` empty for whatever version it has."""

    link: Link
    verdict: Verdict
    confidence: float = 0.0
    etag: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """What an edge is after a correction: how sure, what people hold of it, and its version."""

    confidence: float
    standing: Standing
    version: int


def judged(held: RecordedEdge | None, correction: Correction) -> Judged:
    """Returns what becomes of the edge. Raises LinkNotFound, LinkExists, LinkChanged; LinkUnusable where a new one makes no sense."""
    if held is None:
        if correction.verdict is not Verdict.STATED:
            raise LinkNotFound(correction.link)
        _check_statement(correction.link)
        return Judged(correction.confidence or _SURE, Standing.UNJUDGED, 1)
    if correction.etag and correction.etag != str(held.version):
        raise LinkChanged(held.version)
    match correction.verdict:
        case Verdict.STATED:
            raise LinkExists(correction.link)
        case Verdict.CONFIRMED:
            return Judged(correction.confidence or _SURE, Standing.CONFIRMED, held.version + 1)
        case Verdict.DENIED:
            return Judged(held.edge.confidence, Standing.DENIED, held.version + 1)


def _check_statement(link: Link) -> None:
    """Of an edge that is there already none of this is asked: what events named must be deniable."""
    check_name("from_name", link.from_name)
    check_name("to_name", link.to_name)
    check_relation(link)


def check_link(link: Link) -> None:
    """Raises LinkUnusable where a person may not state such an edge."""
    for place, name in (("from_name", link.from_name), ("to_name", link.to_name)):
        if not is_name(name) or kind_of_name(name) is None:
            rule = f"{name!r} is no name of a resource; begin with one of {', '.join(sorted(COLLECTIONS))}, or give a version as policy@3"
            raise LinkUnusable(place, rule)
    if link.from_name == link.to_name:
        raise LinkUnusable("to_name", "is the resource it leads from; an edge leads to another one")


def drawing_of_statement(correction: Correction, confidence: float) -> Drawing:
    """Returns what a statement shows. Of what no service tells it is all there will be, so that is not awaited."""
    link = correction.link
    return Drawing(
        None,
        tuple(_mention(name, correction.titles.get(name, "")) for name in (link.from_name, link.to_name)),
        (Edge(link.from_name, link.to_name, link.relation, source=Source.STATED, confidence=confidence),),
    )


def after(held: RecordedEdge, outcome: Judged) -> RecordedEdge:
    edge = held.edge._replace(confidence=outcome.confidence)
    return held._replace(edge=edge, standing=outcome.standing, version=outcome.version)


def _mention(name: str, title: str) -> Node:
    kind = kind_of_name(name) or NodeKind.EVENT
    told = kind in TOLD_BY_PEOPLE
    return Node(name, kind, one_line(title) if told else "", is_known=told)
