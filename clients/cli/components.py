"""`ballast components`: the catalogue: what can break, who owns it, what needs it, how it changed, and importing it from files."""

import asyncio
import uuid
from pathlib import Path
from typing import Annotated

import typer
from ballast.triage.v1 import catalogue_pb2, triage_service_pb2
from ballast.triage.v1 import catalogue_service_pb2 as pb
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from clients.cli import components_drawing as draw
from clients.cli.connection import LARGEST_PAGE, every_page
from clients.cli.documents import check_writable, read_document
from clients.cli.failures import ExitCode
from clients.cli.names import component_name, team_name
from clients.cli.session import Limit, Session, with_session
from shared.errors import invalid_field

LARGEST_BYTES = 16 * 1024 * 1024
_IMPORT_SECONDS = 600
_FILES = "catalog-info*.y*ml"  # what a folder is searched for
_PHASES = {pb.IMPORT_PHASE_READING: "reading", pb.IMPORT_PHASE_STORING: "storing", pb.IMPORT_PHASE_DONE: "done"}

app = typer.Typer(help="List, show, import and delete components; show what needs them and how they changed.")

_Component = Annotated[str, typer.Argument(metavar="COMPONENT", help="components/{id}, or the id.")]
_Team = Annotated[str, typer.Option(metavar="TEAM", help="Only those of this team.")]


@app.command("list")
@with_session()
async def list_(session: Session, team: _Team = "", limit: Limit = 50) -> None:
    """Lists components by name."""
    request = triage_service_pb2.ListComponentsRequest(owner_team=team_name("--team", team) if team else "")
    response = await every_page(session.connection.triage.ListComponents, request, "components", limit)
    session.output.answer(response, lambda: draw.draw_components(response))


@app.command("show")
@with_session()
async def show(session: Session, component: _Component) -> None:
    """Shows one component, and how many others need it."""
    name = component_name("COMPONENT", component)
    found = await session.connection.triage.GetComponent(triage_service_pb2.GetComponentRequest(name=name))
    radius = await session.connection.catalogue.GetBlastRadius(pb.GetBlastRadiusRequest(name=name, page_size=1))
    session.output.answer(found, lambda: draw.draw_component(found.component, radius.extent))


@app.command("import")
@with_session()
async def import_(
    session: Session,
    files: Annotated[
        list[str], typer.Argument(metavar="FILE…", help=f"Backstage entities in YAML; a folder is searched for {_FILES}; - is stdin.")
    ],
    check: Annotated[bool, typer.Option("--check", help="Say what would be stored, and store nothing.")] = False,
) -> int:
    """Imports Backstage entities. Good documents land; bad ones are listed with file, document and line, and the exit code is then 2.

    A file that cannot be read stops all of them, before anything is sent.
    """
    read = await asyncio.to_thread(_read_files, files, session)
    request = pb.ImportCatalogueRequest(request_id=str(uuid.uuid4()), files=read, validate_only=check)
    summary = await _followed(session, request)
    session.output.answer(summary, lambda: draw.draw_summary(summary))
    return ExitCode.REFUSED if summary.refused_count else ExitCode.OK


@app.command("blast")
@with_session()
async def blast(
    session: Session,
    component: _Component,
    depth: Annotated[int, typer.Option(metavar="N", min=0, max=1_000_000, help="Follow it so far; 0 for all the way.")] = 0,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw it into this file as well.")] = None,
    limit: Limit = 50,
) -> None:
    """Shows everything that needs a component, and what that amounts to."""
    request = pb.GetBlastRadiusRequest(name=component_name("COMPONENT", component), max_depth=depth)
    response = await every_page(session.connection.catalogue.GetBlastRadius, request, "dependents", limit)
    if len(response.dependents) > LARGEST_PAGE:  # merging pages has merged their extents, which are all the same
        response.extent.CopyFrom((await session.connection.catalogue.GetBlastRadius(request)).extent)
    if svg is not None:
        check_writable("--svg", svg)
        # Drawing needs matplotlib, which takes half a second to load.
        from clients.cli.components_picture import draw_blast

        await asyncio.to_thread(draw_blast, response, svg)
        session.output.note(f"drawn into {svg}")
    session.output.answer(response, lambda: draw.draw_blast(response))


@app.command("cycles")
@with_session()
async def cycles(session: Session, limit: Limit = 50) -> None:
    """Lists components that need each other in a circle."""
    response = await every_page(session.connection.catalogue.ListDependencyCycles, pb.ListDependencyCyclesRequest(), "cycles", limit)
    session.output.answer(response, lambda: draw.draw_cycles(response))


@app.command("revisions")
@with_session()
async def revisions(session: Session, component: _Component, limit: Limit = 50) -> None:
    """Lists how a component changed, newest first, also a deleted one."""
    request = pb.ListComponentRevisionsRequest(name=component_name("COMPONENT", component))
    response = await every_page(session.connection.catalogue.ListComponentRevisions, request, "revisions", limit)
    session.output.answer(response, lambda: draw.draw_revisions(response))


@app.command("delete")
@with_session()
async def delete(
    session: Session,
    component: _Component,
    etag: Annotated[str, typer.Option(metavar="ETAG", help="Only at this version.")] = "",
) -> None:
    """Takes a component out of the catalogue; its revisions stay readable."""
    request = pb.DeleteComponentRequest(request_id=str(uuid.uuid4()), name=component_name("COMPONENT", component), etag=etag)
    response = await session.connection.catalogue.DeleteComponent(request)
    session.output.answer(response, lambda: draw.draw_deleted(response.revision))


@app.command("systems")
@with_session()
async def systems(session: Session, team: _Team = "", limit: Limit = 50) -> None:
    """Lists the systems imported."""
    request = pb.ListSystemsRequest(owner_team=team_name("--team", team) if team else "")
    response = await every_page(session.connection.catalogue.ListSystems, request, "systems", limit)
    session.output.answer(response, lambda: draw.draw_systems(response))


@app.command("groups")
@with_session()
async def groups(session: Session, limit: Limit = 50) -> None:
    """Lists the groups imported."""
    response = await every_page(session.connection.catalogue.ListGroups, pb.ListGroupsRequest(), "groups", limit)
    session.output.answer(response, lambda: draw.draw_groups(response))


async def _followed(session: Session, request: pb.ImportCatalogueRequest) -> pb.ImportSummary:
    """Imports, with a bar on a terminal, and returns how it ended."""
    last = pb.ImportCatalogueResponse()
    timeout = session.connection.timeout_seconds or _IMPORT_SECONDS
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[refused]} refused"))
    with Progress(*columns, console=session.output.aside, transient=True, disable=not session.output.aside.is_terminal) as progress:
        task = progress.add_task("reading", total=None, refused=0)
        async for last in session.connection.catalogue.ImportCatalogue(request, timeout=timeout):
            at = last.progress
            progress.update(
                task, description=_PHASES.get(at.phase, ""), completed=at.done_count, total=at.total_count, refused=at.refused_count
            )
    return last.summary


def _read_files(files: list[str], session: Session) -> list[catalogue_pb2.CatalogueFile]:
    """Raises InvalidInput for a file that cannot be read, and for a folder without any. Blocks."""
    found: list[str] = []
    for file in files:
        below = sorted(str(path) for path in Path(file).rglob(_FILES)) if Path(file).is_dir() else [file]
        if not below:
            raise invalid_field("FILE", f"{file} is a folder without {_FILES}; name the files", reason="FILE_UNREADABLE")
        found += below
    return [catalogue_pb2.CatalogueFile(name=file, yaml=read_document(file, session, LARGEST_BYTES)) for file in found]
