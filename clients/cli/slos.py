"""`ballast slos`: what is promised of components: documents in, documents out, and what they mean."""

import asyncio
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from ballast.triage.v1 import slo_service_pb2 as pb
from google.protobuf.message import Message

from clients.cli import slos_drawing as draw
from clients.cli.connection import LARGEST_PAGE, every_page
from clients.cli.documents import read_document
from clients.cli.failures import ExitCode
from clients.cli.formats import count_text
from clients.cli.names import component_name, slo_document_name, slo_name, team_name
from clients.cli.output import plain
from clients.cli.session import LARGEST_REVISION, Limit, Session, with_session
from shared.errors import InvalidInput, Violation, invalid_field

LARGEST_BYTES = 1024 * 1024

app = typer.Typer(help="Import, export, list, show and delete SLOs.")

_Slo = Annotated[str, typer.Argument(metavar="SLO", help="slos/{id}, or the id: the document's metadata.name.")]
_Revision = Annotated[int, typer.Option(metavar="N", min=0, max=LARGEST_REVISION, help="This revision; the newest when 0.")]


@app.command("import")
@with_session()
async def import_(
    session: Session,
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Documents of OpenSLO v1 or Sloth, YAML or JSON; - is stdin.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would become of each document, and store nothing.")] = False,
    kept: Annotated[bool, typer.Option("--kept", help="Show also what is kept though it has no meaning to Ballast.")] = False,
) -> int:
    """Imports documents, file by file; the good ones of a file land, and exit code 2 says that others did not.

    A file that cannot be read, or that tells what another one tells, stops all of them, before anything is stored.
    """
    texts = [(file, await asyncio.to_thread(read_document, file, session, LARGEST_BYTES, "SLO_FILE_INVALID")) for file in files]
    if dry_run or len(texts) > 1:
        answers = await _imported(session, texts, validate_only=True)
        _refuse_twice(answers)
    if not dry_run:
        answers = await _imported(session, texts, validate_only=False)
    told = [{"file": file, "answer": answer} for file, answer in answers]
    session.output.answer(told, lambda: draw.draw_imports(answers, dry_run=dry_run, with_kept=kept))
    is_refused = any(each.problems for _, answer in answers for each in answer.documents)
    return ExitCode.REFUSED if is_refused else ExitCode.OK


@app.command("export")
@with_session()
async def export(
    session: Session,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME…]", help="SLOs, or sloDocuments/{kind}.{id}; all when left out.")
    ] = None,
    bare: Annotated[bool, typer.Option("--bare", help="Leave out the documents that the named ones refer to.")] = False,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Write to this file; stdout when left out.")] = "",
) -> None:
    """Writes documents as YAML that imports equal, what others refer to first."""
    request = pb.ExportSlosRequest(
        names=[slo_document_name("NAME", each) for each in names or []], without_references=bare, page_size=LARGEST_PAGE
    )
    answer = await _exported(session, request)
    if output:
        await asyncio.to_thread(_write, output, answer.yaml)
        session.output.note(f"{count_text(answer.document_count, 'document')} written to {output}")
    else:
        _print(session, answer, answer.yaml)


@app.command("list")
@with_session()
async def list_(
    session: Session,
    component: Annotated[str, typer.Option(metavar="ID", help="Only those of this component.")] = "",
    team: Annotated[str, typer.Option(metavar="ID", help="Only those of components that this team owns.")] = "",
    limit: Limit = 50,
) -> None:
    """Lists SLOs by name."""
    request = pb.ListSlosRequest(
        component=component and component_name("--component", component), owner_team=team and team_name("--team", team)
    )
    response = await every_page(session.connection.slos.ListSlos, request, "slos", limit)
    session.output.answer(response, lambda: draw.draw_slos(response))


@app.command("show")
@with_session()
async def show(session: Session, name: _Slo, revision: _Revision = 0) -> None:
    """Shows an SLO: its window, its objectives and what is counted."""
    request = pb.GetSloRequest(name=slo_name("SLO", name), revision=revision)
    response = await session.connection.slos.GetSlo(request)
    session.output.answer(response, lambda: draw.draw_slo(response.slo))


@app.command("revisions")
@with_session()
async def revisions(session: Session, name: _Slo, limit: Limit = 50) -> None:
    """Lists the revisions of an SLO, newest first, also of a deleted one."""
    request = pb.ListSloRevisionsRequest(name=slo_name("SLO", name))
    response = await every_page(session.connection.slos.ListSloRevisions, request, "revisions", limit)
    session.output.answer(response, lambda: draw.draw_revisions(response))


@app.command("delete")
@with_session()
async def delete(
    session: Session,
    name: _Slo,
    etag: Annotated[str, typer.Option(metavar="ETAG", help="Delete it only at this etag.")] = "",
) -> None:
    """Deletes an SLO; its revisions stay readable."""
    request = pb.DeleteSloRequest(request_id=str(uuid.uuid4()), name=slo_name("SLO", name), etag=etag)
    response = await session.connection.slos.DeleteSlo(request)
    session.output.answer(response, lambda: draw.draw_deleted(response.slo))


@app.command("documents")
@with_session()
async def documents(
    session: Session,
    kind: Annotated[str, typer.Option(metavar="KIND", help="Only of this kind, as DataSource.")] = "",
    limit: Limit = 50,
) -> None:
    """Lists the documents of the kinds other than SLO."""
    response = await every_page(session.connection.slos.ListSloDocuments, pb.ListSloDocumentsRequest(kind=kind), "documents", limit)
    session.output.answer(response, lambda: draw.draw_documents(response))


@app.command("document")
@with_session()
async def document(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="sloDocuments/{kind}.{id}, {kind}.{id}, or an SLO.")],
    revision: _Revision = 0,
) -> None:
    """Prints the text of one document, at any revision."""
    request = pb.GetSloDocumentRequest(name=slo_document_name("NAME", name), revision=revision)
    response = await session.connection.slos.GetSloDocument(request)
    _print(session, response, response.document.yaml)


async def _imported(session: Session, texts: Sequence[tuple[str, str]], *, validate_only: bool) -> draw.Answers:
    answers = []
    for file, text in texts:
        # A file without documents is nothing to send, and the contract wants something.
        request = pb.ImportSlosRequest(request_id=str(uuid.uuid4()), yaml=text or "\n", validate_only=validate_only)
        answers.append((file, await session.connection.slos.ImportSlos(request)))
    return answers


def _refuse_twice(answers: draw.Answers) -> None:
    """Raises InvalidInput for documents of the same name in two files: the second would replace the first without a word."""
    first: dict[str, str] = {}
    found = []
    for file, answer in answers:
        for each in answer.documents:
            place = f"document {each.number} of {file}"
            if each.problems or not each.name:
                continue
            if each.name in first:
                found.append(Violation("FILE", f"{each.name} is told twice, in {first[each.name]} and in {place}; keep one of the two"))
            first.setdefault(each.name, place)
    if found:
        raise InvalidInput("; ".join(each.description for each in found), found, reason="SLO_TOLD_TWICE")


async def _exported(session: Session, request: pb.ExportSlosRequest) -> pb.ExportSlosResponse:
    """Returns all pages as one."""
    whole = pb.ExportSlosResponse()
    while True:
        page = await session.connection.slos.ExportSlos(request)
        whole.yaml += page.yaml
        whole.document_count += page.document_count
        if not page.next_page_token:
            return whole
        request.page_token = page.next_page_token


def _print(session: Session, answer: Message, text: str) -> None:
    """Prints YAML: on a terminal made harmless, elsewhere as it is, since a program may read it."""
    if session.output.as_json:
        session.output.answer(answer, list)
    else:
        sys.stdout.write(plain(text, keep="\n\t") if sys.stdout.isatty() else text)


def _write(file: str, text: str) -> None:
    try:
        Path(file).write_text(text)
    except OSError as error:
        raise invalid_field(
            "--output", f"{file} cannot be written ({error.strerror}); give another path", reason="FILE_UNWRITABLE"
        ) from None
