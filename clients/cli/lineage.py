"""`ballast lineage`: what led to a resource and what it led to, as a tree."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

import typer
from ballast.governance.v1 import governance_service_pb2 as pb
from ballast.governance.v1 import lineage_pb2
from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from clients.cli.connection import every_page
from clients.cli.formats import enum_text
from clients.cli.names import any_name
from clients.cli.output import cell
from clients.cli.session import Session, with_session


class Direction(StrEnum):
    """Which way to walk, as an option."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"
    BOTH = "both"


@dataclass(slots=True)
class Lineage:
    """The nodes and edges found; walking both ways, the two walks together."""

    name: str
    nodes: dict[str, lineage_pb2.LineageNode] = field(default_factory=dict)
    edges: dict[tuple[str, str, int], lineage_pb2.LineageEdge] = field(default_factory=dict)

    def add(self, response: pb.TraceLineageResponse) -> None:
        self.nodes |= {node.name: node for node in response.nodes}
        self.edges |= {(edge.from_name, edge.to_name, edge.relation): edge for edge in response.edges}


@with_session()
async def lineage(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whole name of the resource, such as incidents/{uuid}.")],
    direction: Annotated[Direction, typer.Option(help="To what led to it, to what it led to, or both.")] = Direction.BOTH,
    depth: Annotated[int, typer.Option(metavar="N", min=1, max=32, help="Steps at most.")] = 8,
) -> None:
    """Draws the lineage of a resource: alert, incident, assessment, decision, roadmap item, bundle."""
    start = any_name("NAME", name)
    ways = [Direction.UPSTREAM, Direction.DOWNSTREAM] if direction is Direction.BOTH else [direction]
    walks = await asyncio.gather(*(_walk(session, start, way, depth) for way in ways))
    found = Lineage(start)
    for walk in walks:
        found.add(walk)
    answer = {"name": start, "nodes": list(found.nodes.values()), "edges": list(found.edges.values())}
    session.output.answer(answer, lambda: [draw_lineage(found, ways)])


async def _walk(session: Session, name: str, way: Direction, depth: int) -> pb.TraceLineageResponse:
    number = pb.LineageDirection.Value(f"LINEAGE_DIRECTION_{way.name}")
    request = pb.TraceLineageRequest(name=name, direction=number, max_depth=depth)
    return await every_page(session.connection.governance.TraceLineage, request, "nodes", 0)


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
    above = "above" if again else ""
    text = "; ".join(filter(None, (attributes, above)))
    return cell(f"  ({text})" if text else "", "dim")
