"""`ballast lineage`: what led to a resource and what it led to; why an edge is there, and what people say of it."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from ballast.governance.v1 import governance_service_pb2 as pb
from typer.core import TyperGroup

from clients.cli import lineage_links
from clients.cli.connection import every_page
from clients.cli.documents import check_writable
from clients.cli.lineage_arguments import Direction, relation_number
from clients.cli.lineage_drawing import Lineage, draw_lineage
from clients.cli.lineage_picture import write_picture
from clients.cli.names import any_name
from clients.cli.session import Session, with_session

_TRACE = "trace"


class _TraceUnlessNamed(TyperGroup):
    """`ballast lineage NAME` is `ballast lineage trace NAME`: a resource's name has a slash, and a sub-command's has none."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [_TRACE, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_TraceUnlessNamed, help="Draw what led to a resource and what it led to; explain, correct and export the edges.")
lineage_links.add_to(app)


@app.command(_TRACE)
@with_session()
async def trace(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whole name of the resource, such as incidents/{uuid}.")],
    direction: Annotated[Direction, typer.Option(help="To what led to it, to what it led to, or both.")] = Direction.BOTH,
    depth: Annotated[int, typer.Option(metavar="N", min=1, max=32, help="Steps at most.")] = 8,
    kinds: Annotated[list[str] | None, typer.Option("--kind", metavar="KIND", help="Only through resources of this kind; repeat.")] = None,
    relations: Annotated[
        list[str] | None, typer.Option("--relation", metavar="RELATION", help="Only along edges of this relation; repeat.")
    ] = None,
    least_confidence: Annotated[float, typer.Option(metavar="SHARE", min=0, max=1, help="Only along edges at least as sure.")] = 0.0,
    denied: Annotated[bool, typer.Option("--denied", help="Also along edges that people denied or their rule withdrew.")] = False,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw it into this file as well.")] = None,
) -> None:
    """Draws the lineage of a resource: alert, incident, assessment, decision, roadmap item, bundle. The word `trace` may be left out."""
    start = any_name("NAME", name)
    request = pb.TraceLineageRequest(
        name=start,
        max_depth=depth,
        kinds=kinds,
        relations=[relation_number("--relation", each) for each in relations or ()],
        least_confidence=least_confidence,
        include_denied=denied,
    )
    ways = [Direction.UPSTREAM, Direction.DOWNSTREAM] if direction is Direction.BOTH else [direction]
    walks = await asyncio.gather(*(_walk(session, request, way) for way in ways))
    found = Lineage(start)
    for way, walk in zip(ways, walks, strict=True):
        found.add(walk, upstream=way is Direction.UPSTREAM)
    if svg is not None:
        await _draw(found, svg)
        session.output.note(f"drawn into {svg}")
    answer = {"name": start, "nodes": list(found.nodes.values()), "edges": list(found.edges.values())}
    session.output.answer(answer, lambda: [draw_lineage(found, ways)])


async def _walk(session: Session, request: pb.TraceLineageRequest, way: Direction) -> pb.TraceLineageResponse:
    asked = pb.TraceLineageRequest()
    asked.CopyFrom(request)
    asked.direction = way.number
    return await every_page(session.connection.governance.TraceLineage, asked, "nodes", 0)


async def _draw(found: Lineage, svg: Path) -> None:
    check_writable("--svg", svg)
    await asyncio.to_thread(write_picture, found, svg)
