"""Sub-commands of `ballast lineage` about single edges, a decision's impact, and documents in and out."""

import json
from pathlib import Path
from typing import Annotated

import typer
from ballast.governance.v1 import governance_service_pb2, impact_pb2, lineage_events_pb2
from ballast.governance.v1 import lineage_service_pb2 as pb

from clients.cli import lineage_drawing as draw
from clients.cli.connection import every_page
from clients.cli.documents import check_writable
from clients.cli.failures import ExitCode
from clients.cli.lineage_arguments import Direction, relation_number
from clients.cli.names import any_name, resource_name
from clients.cli.output import cell
from clients.cli.session import Limit, Session, with_session
from clients.cli.times import read_duration
from shared.errors import invalid_field

_From = Annotated[str, typer.Argument(metavar="FROM", help="Whole name of the resource it leads from.")]
_Relation = Annotated[str, typer.Argument(metavar="RELATION", help="How, such as caused, affects or measured-in.")]
_To = Annotated[str, typer.Argument(metavar="TO", help="Whole name of the resource it leads to.")]
_FORMATS = {"prov": pb.LINEAGE_FORMAT_PROV_JSON_LD, "cdevents": pb.LINEAGE_FORMAT_CDEVENTS_LINKS}
_AT_ONCE = 500


def add_to(app: typer.Typer) -> None:
    """Adds the sub-commands to the group."""
    for name, function in (
        ("impact", impact),
        ("explain", explain),
        ("correct", correct),
        ("pending", pending),
        ("export", export),
        ("take", take),
    ):
        app.command(name)(function)


@with_session()
async def impact(
    session: Session, decision: Annotated[str, typer.Argument(metavar="DECISION", help="decisions/{uuid}, or the UUID.")]
) -> None:
    """Shows what a decision displaced, at what cost, and what happened since."""
    request = impact_pb2.GetImpactRequest(decision=resource_name("DECISION", "decisions", decision))
    response = await session.connection.lineage.GetImpact(request)
    session.output.answer(response, lambda: draw.draw_impact(response))


@with_session()
async def explain(session: Session, from_: _From, relation: _Relation, to: _To, limit: Limit = 50) -> None:
    """Says why an edge is there: entries of the ledger, the rule that concludes it, and what people said of it."""
    request = pb.ExplainLinkRequest(
        from_name=any_name("FROM", from_), to_name=any_name("TO", to), relation=relation_number("RELATION", relation)
    )
    response = await every_page(session.connection.lineage.ExplainLink, request, "entries", limit)
    session.output.answer(response, lambda: draw.draw_explanation(response))


@with_session()
async def correct(
    session: Session,
    from_: _From,
    relation: _Relation,
    to: _To,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the entry.")],
    add: Annotated[bool, typer.Option("--add", help="It is there, though nothing showed it.")] = False,
    confirm: Annotated[bool, typer.Option("--confirm", help="It is there indeed.")] = False,
    deny: Annotated[bool, typer.Option("--deny", help="It is not; it stays, and walks leave it out.")] = False,
    confidence: Annotated[float, typer.Option(metavar="SHARE", min=0, max=1, help="How sure you are; sure when left out.")] = 0.0,
    etag: Annotated[str, typer.Option(metavar="ETAG", help="Correct only this version.")] = "",
    from_title: Annotated[str, typer.Option(metavar="TEXT", help="One line for FROM, where no service tells of it.")] = "",
    to_title: Annotated[str, typer.Option(metavar="TEXT", help="One line for TO, where no service tells of it.")] = "",
    check: Annotated[bool, typer.Option("--validate-only", help="Change nothing; only show what it would be.")] = False,
) -> None:
    """States an edge that nothing showed, confirms one or denies one. Nothing is deleted; each correction is an entry of the ledger."""
    chosen = [name for name, is_said in (("STATED", add), ("CONFIRMED", confirm), ("DENIED", deny)) if is_said]
    if len(chosen) != 1:
        told = "say what you hold of it" if not chosen else "these exclude each other: say one thing of it"
        raise typer.BadParameter(f"{told}, with one of --add, --confirm and --deny", param_hint="--add, --confirm, --deny")
    request = pb.CorrectLinkRequest(
        from_name=any_name("FROM", from_),
        to_name=any_name("TO", to),
        relation=relation_number("RELATION", relation),
        verdict=lineage_events_pb2.LinkVerdict.Value(f"LINK_VERDICT_{chosen[0]}"),
        confidence=confidence,
        reason=reason,
        etag=etag,
        from_title=from_title,
        to_title=to_title,
        validate_only=check,
    )
    response = await session.connection.lineage.CorrectLink(request)
    session.output.answer(response, lambda: draw.draw_link(response.link))


@with_session()
async def pending(
    session: Session,
    least_age: Annotated[str, typer.Option("--for", metavar="SPAN", help="Only those awaited at least so long, as 90m or 1d.")] = "",
    limit: Limit = 50,
) -> None:
    """Lists edges with an end that no service has told of so far, the longest awaited first."""
    request = pb.ListPendingLinksRequest(least_age=read_duration("--for", least_age))
    response = await every_page(session.connection.lineage.ListPendingLinks, request, "links", limit)
    session.output.answer(response, lambda: draw.draw_pending(response))


@with_session()
async def export(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whole name of the resource.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")],
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="prov (JSON-LD in terms of W3C PROV-O) or cdevents (links).")
    ] = "prov",
    direction: Annotated[Direction, typer.Option(help="To what led to it, to what it led to, or both.")] = Direction.BOTH,
    depth: Annotated[int, typer.Option(metavar="N", min=1, max=32, help="Steps at most.")] = 8,
) -> None:
    """Writes the lineage of a resource as a document."""
    if form not in _FORMATS:
        raise invalid_field("--format", f"{form!r} is none; choose from {', '.join(_FORMATS)}")
    check_writable("FILE", file)
    walk = governance_service_pb2.TraceLineageRequest(name=any_name("NAME", name), direction=direction.number, max_depth=depth)
    response = await session.connection.lineage.ExportLineage(pb.ExportLineageRequest(walk=walk, format=_FORMATS[form]))
    file.write_text(response.document + "\n", encoding="utf-8")
    told = {"file": str(file), "media_type": response.media_type}
    session.output.answer(told, lambda: [cell(f"{file}: {response.media_type}")])


@with_session()
async def take(
    session: Session,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="CDEvents, or links between them: JSON, a JSON array, or JSON lines.")
    ],
) -> int:
    """Takes events of CDEvents with their links. Good ones are taken; exit code 2 when any was refused."""
    documents = [each for file in files for each in _documents(file)]
    response = pb.LinkEventsResponse()
    for begin in range(0, len(documents), _AT_ONCE):
        request = pb.LinkEventsRequest(documents=documents[begin : begin + _AT_ONCE])
        response.MergeFrom(await session.connection.lineage.LinkEvents(request))
    session.output.answer(response, lambda: draw.draw_linked(response))
    return ExitCode.REFUSED if any(each.error for each in response.results) else ExitCode.OK


def _documents(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise invalid_field("FILE", f"{file} cannot be read: {error}") from None
    try:
        read = json.loads(text)
    except ValueError:
        return [line for line in text.splitlines() if line.strip()]
    return [json.dumps(each) for each in read] if isinstance(read, list) else [text]
