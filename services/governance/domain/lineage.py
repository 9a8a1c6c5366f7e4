"""Lineage: resources as nodes, and what led to what as edges between them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

LONGEST_TITLE = 200  # characters
WITHDRAWN_BECAUSE = "withdrawn_because"  # the attribute of an edge that no rule concludes any more, or that a later event takes back
_NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})


class NodeKind(StrEnum):
    ALERT = "alert"
    INCIDENT = "incident"
    COMPONENT = "component"
    ASSESSMENT = "assessment"
    DECISION = "decision"
    POLICY_VERSION = "policy_version"
    ROADMAP_ITEM = "roadmap_item"
    BUNDLE = "bundle"
    TEMPLATE_VERSION = "template_version"
    CHANGE = "change"
    APPROVAL = "approval"
    FLAG = "flag"
    DEPLOY = "deploy"
    POST_MORTEM = "post_mortem"
    CORRECTIVE_ACTION = "corrective_action"
    KPI_VALUE = "kpi_value"
    DUTY = "duty"
    WORK_RECORD = "work_record"
    EVENT = "event"  # a CDEvent that is none of the others


COLLECTIONS: Mapping[str, NodeKind] = {
    "alerts": NodeKind.ALERT,
    "incidents": NodeKind.INCIDENT,
    "components": NodeKind.COMPONENT,
    "assessments": NodeKind.ASSESSMENT,
    "decisions": NodeKind.DECISION,
    "roadmapItems": NodeKind.ROADMAP_ITEM,
    "bundles": NodeKind.BUNDLE,
    "changes": NodeKind.CHANGE,
    "approvals": NodeKind.APPROVAL,
    "flags": NodeKind.FLAG,
    "deploys": NodeKind.DEPLOY,
    "postMortems": NodeKind.POST_MORTEM,
    "correctiveActions": NodeKind.CORRECTIVE_ACTION,
    "kpiValues": NodeKind.KPI_VALUE,
    "duties": NodeKind.DUTY,
    "workRecords": NodeKind.WORK_RECORD,
    "cdEvents": NodeKind.EVENT,
}
_BUDGET = "errorBudgets"
# Whoever names one of these is all the evidence there will be, until a service of the suite tells of it.
TOLD_BY_PEOPLE = frozenset({NodeKind.FLAG, NodeKind.DEPLOY, NodeKind.POST_MORTEM, NodeKind.CORRECTIVE_ACTION, NodeKind.KPI_VALUE})


class Relation(StrEnum):
    GROUPED_INTO = "GROUPED_INTO"
    AFFECTS = "AFFECTS"
    ASSESSED_BY = "ASSESSED_BY"
    WEIGHED_IN = "WEIGHED_IN"
    GOVERNS = "GOVERNS"
    DISPLACES = "DISPLACES"
    RENDERED_AS = "RENDERED_AS"
    TEMPLATE_OF = "TEMPLATE_OF"
    MERGED_INTO = "MERGED_INTO"
    CHANGED = "CHANGED"
    CAUSED = "CAUSED"
    APPROVED_BY = "APPROVED_BY"
    FOLLOWED_BY = "FOLLOWED_BY"
    RELATED = "RELATED"
    REVIEWED_IN = "REVIEWED_IN"
    CALLS_FOR = "CALLS_FOR"
    MEASURED_IN = "MEASURED_IN"
    DELIVERED_IN = "DELIVERED_IN"
    REPLACED_BY = "REPLACED_BY"
    TOOK_WORK = "TOOK_WORK"
    TAKEN_BACK_BY = "TAKEN_BACK_BY"


# What events take back that they had shown.
TAKEN_BACK = frozenset({Relation.DISPLACES})


class Source(StrEnum):
    """How an edge is known, the weakest evidence first."""

    INFERRED = "INFERRED"
    STATED = "STATED"
    OBSERVED = "OBSERVED"

    @property
    def rank(self) -> int:
        return list(Source).index(self)


class Standing(StrEnum):
    """What people hold of an edge; or, where they have said nothing, whether the rule that concluded it still does."""

    UNJUDGED = "UNJUDGED"
    CONFIRMED = "CONFIRMED"
    DENIED = "DENIED"
    WITHDRAWN = "WITHDRAWN"  # by the rule that had concluded it, or by an event, before anybody judged it


class Direction(StrEnum):
    DOWNSTREAM = "DOWNSTREAM"
    UPSTREAM = "UPSTREAM"
    BOTH = "BOTH"


# Named tuples: every event makes some of each, and a frozen dataclass takes four times as long to make.
class Node(NamedTuple):
    """A resource. `title` is empty until an event tells it; `is_known` once its own event came, or one of the service that keeps it."""

    name: str
    kind: NodeKind
    title: str = ""
    is_known: bool = False


class Link(NamedTuple):
    """What identifies an edge: one resource led to another, and how."""

    from_name: str
    to_name: str
    relation: Relation

    @property
    def name(self) -> str:
        """The subject of its corrections in the ledger: no longer than a subject may be, however long the names are."""
        whole = f"{self.from_name}\n{self.relation.value}\n{self.to_name}"
        return f"lineageLinks/{hashlib.sha256(whole.encode()).hexdigest()[:32]}"

    def __str__(self) -> str:
        return f"{self.from_name} {self.relation.value} {self.to_name}"


class Edge(NamedTuple):
    """One resource led to another; `confidence` is 0 to 1, and `rule` names what concludes it where it is inferred."""

    from_name: str
    to_name: str
    relation: Relation
    attributes: Mapping[str, str] = _NO_ATTRIBUTES
    source: Source = Source.OBSERVED
    confidence: float = 1.0
    rule: str = ""

    @property
    def link(self) -> Link:
        return Link(self.from_name, self.to_name, self.relation)

    @property
    def is_withdrawn(self) -> bool:
        """Says whether the rule that concluded it no longer does, or an event takes it back; better evidence makes it another edge."""
        may_be = self.source is Source.INFERRED or (self.source is Source.OBSERVED and self.relation in TAKEN_BACK)
        return may_be and WITHDRAWN_BECAUSE in self.attributes


class RecordedEdge(NamedTuple):
    """An edge, the ledger entry that first showed it, and what people hold of it; `version` is one more with each correction."""

    edge: Edge
    trace_id: str
    ledger_sequence: int
    create_time: datetime
    standing: Standing = Standing.UNJUDGED
    version: int = 1
    is_pending: bool = False  # one of its ends is not known


@dataclass(frozen=True, slots=True)
class LineageQuery:
    """Where a walk begins, which way it goes, how many steps at most, and what it keeps to.

    It stops short of nodes of other kinds and leaves out edges of other relations, unless these are empty; and edges that are less
    sure, or denied.
    """

    name: str
    direction: Direction
    max_depth: int
    kinds: tuple[NodeKind, ...] = ()
    relations: tuple[Relation, ...] = ()
    least_confidence: float = 0.0
    with_denied: bool = False


@dataclass(frozen=True, slots=True)
class ReachedNode:
    """A node, and its steps from where the walk began."""

    node: Node
    depth: int

    @property
    def position(self) -> tuple[int, str]:
        """What nodes are ordered by."""
        return self.depth, self.node.name


def kind_of_name(name: str) -> NodeKind | None:
    """Returns the kind a resource name tells; None for a name of none. One with a version is that of a policy, or of a template."""
    collection, slash, rest = name.partition("/")
    if collection == "slos" and rest.partition("/")[2].startswith(f"{_BUDGET}/"):
        return NodeKind.KPI_VALUE
    if "@" in name and collection not in COLLECTIONS:
        return NodeKind.TEMPLATE_VERSION if collection == "templates" else NodeKind.POLICY_VERSION
    return COLLECTIONS.get(collection) if slash and rest else None


def stronger(held: Edge, told: Edge) -> Edge:
    """Returns which of two accounts of the same edge counts: the better evidence; of two that are no observation, the later; of two
    observations the first, unless the other takes it back: in whatever order they come, what was taken back is."""
    if told.source.rank != held.source.rank:
        return max(held, told, key=lambda edge: edge.source.rank)
    return held if held.source is Source.OBSERVED and not told.is_withdrawn else told


def one_line(text: str) -> str:
    """Returns `text` with every run of white space and control characters as one blank, cut at LONGEST_TITLE."""
    printable = text if text.isprintable() else "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(printable.split())
    return line if len(line) <= LONGEST_TITLE else line[: LONGEST_TITLE - 1] + "…"
