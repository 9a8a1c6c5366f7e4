"""`ballast bundles`: the rendered playbooks, on the screen or as files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from ballast.playbook.v1 import bundle_pb2
from ballast.playbook.v1 import playbook_service_pb2 as pb
from rich.console import RenderableType

from clients.cli.bundle_files import WrittenFile, write_files
from clients.cli.connection import every_page
from clients.cli.formats import time_text
from clients.cli.names import resource_name
from clients.cli.output import Column, cell, facts, plain, table, total
from clients.cli.session import Limit, Session, with_session
from shared.errors import invalid_field

app = typer.Typer(help="List, show and write playbook bundles.")

_Bundle = Annotated[str, typer.Argument(metavar="BUNDLE", help="bundles/{uuid}, or the UUID.")]


@app.command("list")
@with_session()
async def list_(
    session: Session,
    incident: Annotated[str, typer.Option(metavar="INCIDENT", help="Only for this incident.")] = "",
    decision: Annotated[str, typer.Option(metavar="DECISION", help="Only those rendered on this decision.")] = "",
    template: Annotated[str, typer.Option(metavar="TEMPLATE", help="Only from this template.")] = "",
    limit: Limit = 50,
) -> None:
    """Lists bundles, newest first."""
    chosen = pb.BundleFilter(
        incident=resource_name("--incident", "incidents", incident) if incident else "",
        decision=resource_name("--decision", "decisions", decision) if decision else "",
        template=f"templates/{template.removeprefix('templates/')}" if template else "",
    )
    response = await every_page(session.connection.playbook.ListBundles, pb.ListBundlesRequest(filter=chosen), "bundles", limit)
    session.output.answer(response, lambda: draw_list(response))


@app.command("show")
@with_session()
async def show(
    session: Session,
    bundle: _Bundle,
    path: Annotated[str, typer.Option(metavar="PATH", help="Print this file of it instead.")] = "",
) -> None:
    """Shows where a bundle comes from and which files it has, or one of its files."""
    found = await _bundle(session, bundle)
    if not path:
        session.output.answer(found, lambda: draw_bundle(found))
        return
    file = next((each for each in found.files if each.path == path), None)
    if file is None:
        raise invalid_field("--path", f"{path!r} is not in the bundle; it holds {', '.join(each.path for each in found.files)}")
    session.output.answer(file, lambda: [cell_of_file(file)])


@app.command("write")
@with_session()
async def write(
    session: Session,
    bundle: _Bundle,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write; made when absent.")],
    force: Annotated[bool, typer.Option("--force", help="Replace files that differ.")] = False,
) -> None:
    """Writes a bundle's files below DIR. A file there that differs is an error (exit code 6), and then nothing is written."""
    found = await _bundle(session, bundle)
    written = write_files(found.files, directory, force=force)
    answer = {"bundle": found.name, "files": [{"path": each.path, "outcome": each.outcome.value} for each in written]}
    session.output.answer(answer, lambda: draw_written(found, directory, written))


async def _bundle(session: Session, bundle: str) -> bundle_pb2.Bundle:
    name = resource_name("BUNDLE", "bundles", bundle)
    return (await session.connection.playbook.GetBundle(pb.GetBundleRequest(name=name))).bundle


def draw_list(response: pb.ListBundlesResponse) -> Iterable[RenderableType]:
    rows = [
        (each.name, time_text(each, "create_time"), f"{each.template}@{each.template_version}", each.trigger, each.incident, each.decision)
        for each in response.bundles
    ]
    columns = (Column("bundle", whole=True), Column("rendered", whole=True), "template", "trigger", "incident", "decision")
    yield table("", columns, rows)
    yield total(len(rows), "bundle", response.next_page_token)


def draw_bundle(bundle: bundle_pb2.Bundle) -> Iterable[RenderableType]:
    yield facts(
        [
            ("name", bundle.name),
            ("rendered", f"{time_text(bundle, 'create_time')} ({bundle.trigger})"),
            ("template", f"{bundle.template}@{bundle.template_version}, {bundle.template_hash}"),
            ("incident", bundle.incident),
            ("assessment", f"{bundle.assessment} revision {bundle.assessment_revision}" if bundle.assessment else ""),
            ("decision", f"{bundle.decision}, policy revision {bundle.policy_revision}" if bundle.decision else ""),
            ("supersedes", bundle.supersedes),
            ("inputs", bundle.inputs_digest),
            ("content", bundle.content_hash),
            ("trace", bundle.trace_id),
        ]
    )
    rows = [(each.path, len(each.content), each.content_hash) for each in bundle.files]
    yield table("files", ("path", Column("bytes", right=True), Column("SHA-256", whole=True)), rows)


def cell_of_file(file: bundle_pb2.BundleFile) -> RenderableType:
    """Returns the file's text: its own lines, but no other control character."""
    return cell_lines(file.content.decode("utf-8", "backslashreplace"))


def cell_lines(text: str) -> RenderableType:
    lines = [plain(line, keep="\t") for line in text.removesuffix("\n").split("\n")]
    return cell(lines[0]).append("".join(f"\n{line}" for line in lines[1:]))


def draw_written(bundle: bundle_pb2.Bundle, directory: Path, written: Iterable[WrittenFile]) -> Iterable[RenderableType]:
    yield table(f"{bundle.name} in {directory}", ("file", "outcome"), [(each.path, each.outcome.value) for each in written])
