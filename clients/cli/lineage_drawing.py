"""Lineage as people read it: a tree of what led to a resource and what it led to, and single edges."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ballast.governance.v1 import governance_service_pb2, impact_pb2, lineage_pb2
from ballast.governance.v1 import lineage_service_pb2 as pb
from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from clients.cli.formats import count_text, duration_text, enum_text, money_text, time_text
from clients.cli.ledger_drawing import entry_line
from clients.cli.lineage_arguments import Direction
from clients.cli.output import Column, cell, facts, table, total


@dataclass(slots=True)
class Lineage:
    """The nodes and edges found; walking both ways, the two walks together. Steps upstream are below zero."""

    name: str
    nodes: dict[str, lineage_pb2.LineageNode] = field(default_factory=dict)
    edges: dict[tuple[str, str, int], lineage_pb2.LineageEdge] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)

    def add(self, response: governance_service_pb2.TraceLineageResponse, *, upstream: bool = False) -> None:
        for node in response.nodes:
            self.nodes.setdefault(node.name, node)
            self.steps.setdefault(node.name, -node.depth if upstream else node.depth)
        self.edges |= {(edge.from_name, edge.to_name, edge.relation): edge for edge in response.edges}


def draw_lineage(found: Lineage, ways: Iterable[Direction]) -> RenderableType:
    tree = Tree(_label(found, found.name))
    for way in ways:
        upstream = way is Direction.UPSTREAM
        branch = tree.add(cell("◂ what led to it" if upstream else "▸ what it led to", "bold"))
        _grow(branch, found, found.name, upstream=upstream, drawn={found.name})
        if not branch.children:
            branch.add(cell("nothing", "dim"))
    return tree


def _grow(branch: Tree, found: Lineage, name: str, *, upstream: bool, drawn: set[str]) -> None:
    """Adds what is one step on; a node met before is named again but not opened again."""
    for edge in found.edges.values():
        here, there = (edge.to_name, edge.from_name) if upstream else (edge.from_name, edge.to_name)
        if here != name:
            continue
        again = there in drawn
        child = branch.add(cell(f"{enum_text(edge, 'relation')}  ", "dim") + _label(found, there) + _attributes(edge, again=again))
        if not again:
            drawn.add(there)
            _grow(child, found, there, upstream=upstream, drawn=drawn)


def _label(found: Lineage, name: str) -> Text:
    node = found.nodes.get(name)
    title = f"  {node.title}" if node is not None and node.title and node.title != name else ""
    return cell(name, "cyan") + cell(title)


def _attributes(edge: lineage_pb2.LineageEdge, *, again: bool) -> Text:
    attributes = ", ".join(f"{key}={value}" for key, value in sorted(edge.attributes.items()))
    text = "; ".join(filter(None, (attributes, *doubts(edge), "above" if again else "")))
    return cell(f"  ({text})" if text else "", "dim")


def doubts(edge: lineage_pb2.LineageEdge) -> Iterable[str]:
    """Whatever sets an edge apart from one that an event shows and nobody judged."""
    if edge.source in (lineage_pb2.LINEAGE_SOURCE_INFERRED, lineage_pb2.LINEAGE_SOURCE_STATED):
        yield f"{enum_text(edge, 'source')}, {edge.confidence:.0%} sure"
    if edge.standing not in (lineage_pb2.LINK_STANDING_UNSPECIFIED, lineage_pb2.LINK_STANDING_UNJUDGED):
        yield enum_text(edge, "standing")
    if edge.pending:
        yield "pending"


def edge_text(edge: lineage_pb2.LineageEdge) -> str:
    return f"{edge.from_name} {enum_text(edge, 'relation')} {edge.to_name}"


def draw_link(edge: lineage_pb2.LineageEdge) -> Iterable[RenderableType]:
    yield cell(edge_text(edge), "bold")
    yield facts(
        [
            ("known", enum_text(edge, "source")),
            ("confidence", f"{edge.confidence:.1%}"),
            ("rule", edge.rule),
            ("standing", enum_text(edge, "standing")),
            ("pending", "an end of it is not known yet" if edge.pending else ""),
            ("attributes", ", ".join(f"{key}={value}" for key, value in sorted(edge.attributes.items()))),
            ("trace id", edge.trace_id),
            ("etag", edge.etag),
        ]
    )


def draw_explanation(response: pb.ExplainLinkResponse) -> Iterable[RenderableType]:
    yield from draw_link(response.link)
    if response.rule:
        yield cell("the rule", "bold")
        yield cell(response.rule)
    yield cell("entries of the ledger that show it", "bold")
    yield from (entry_line(each) for each in response.entries)
    yield total(len(response.entries), "entry", response.next_page_token, "entries")
    if response.corrections:
        columns = (Column("entry", right=True), Column("when", whole=True), "who", "said", Column("sure", right=True), "why")
        rows = [
            (
                each.entry.sequence,
                time_text(each.entry, "event_time"),
                each.entry.principal or "(erased)",
                enum_text(each, "verdict"),
                f"{each.confidence:.0%}" if each.confidence else "",
                each.entry.reason,
            )
            for each in response.corrections
        ]
        yield table("what people said of it", columns, rows)


def draw_pending(response: pb.ListPendingLinksResponse) -> Iterable[RenderableType]:
    columns = (Column("awaited", whole=True), Column("for", whole=True), "edge", "overdue")
    rows = [
        (", ".join(each.awaited), duration_text(each.age), edge_text(each.link), "yes" if each.overdue else "") for each in response.links
    ]
    yield table("", columns, rows)
    yield total(len(response.links), "edge", response.next_page_token)


def draw_impact(response: impact_pb2.GetImpactResponse) -> Iterable[RenderableType]:
    yield cell(response.decision.name, "cyan") + cell(f"  {response.decision.title}")
    amounts = [money_text(impact_pb2.DisplacedSince(value_at_risk=each), "value_at_risk") for each in response.value_at_risk]
    longest = duration_text(response.longest_delay) if response.HasField("longest_delay") else ""
    yield facts([("value at risk", ", ".join(amounts)), ("longest delay", longest)])
    items = [
        (each.item.name, each.item.title, duration_text(each.delay), money_text(each, "value_at_risk"), _later(each))
        for each in response.displaced
    ]
    columns = (Column("item", whole=True), "title", Column("delay", right=True), Column("value at risk", right=True), "decided since")
    yield table("displaced", columns, items)
    incidents = [
        (each.incident.name, each.incident.title, time_text(each, "resolved_at") or "not resolved", each.merged_into)
        for each in response.incidents
    ]
    yield table("incidents it weighed", (Column("incident", whole=True), "title", "resolved", "merged into"), incidents)
    if response.kpis:
        kpis = [
            (each.kpi.title or each.kpi.name, each.measured_on, _value(each.before) if each.HasField("before") else "", _values(each))
            for each in response.kpis
        ]
        yield table("KPIs since", ("KPI", "measured on", Column("before", right=True), "since"), kpis)
    others = [*response.bundles, *response.approvals]
    if others:
        yield table(
            "bundles and approvals", (Column("name", whole=True), "kind", "title"), [(each.name, each.kind, each.title) for each in others]
        )
    if response.partial:
        yield cell("there is more than is shown", "dim")


def _later(each: impact_pb2.DisplacedSince) -> str:
    return ", ".join(f"{one.decision.name} ({duration_text(one.delay)})" for one in each.later)


def _values(each: impact_pb2.KpiSince) -> str:
    return ", ".join(f"{_value(one)} {time_text(one, 'time')}" for one in each.values[-3:]) or "not told of"


def _value(value: impact_pb2.KpiValue) -> str:
    return f"{value.value:.1%}"


def draw_linked(response: pb.LinkEventsResponse) -> Iterable[RenderableType]:
    kept = "known already with other content, which was kept"
    rows = [
        (n, each.node, each.link_count, each.error or (kept if each.already_known else "")) for n, each in enumerate(response.results, 1)
    ]
    columns = (Column("document", right=True), Column("event", whole=True), Column("edges", right=True), "refused, or kept as it was")
    yield table("", columns, rows)
    refused = sum(1 for each in response.results if each.error)
    yield cell(f"{count_text(len(response.results) - refused, 'document')} taken, {refused} refused", "dim")
