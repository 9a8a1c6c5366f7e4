"""`ballast amendments`, those that change something: draft, revise, propose, bring back, take back; and what a change would do."""

import asyncio
import uuid
from typing import Annotated

import typer
from ballast.amendments.v1 import amendment_messages_pb2 as pb
from ballast.amendments.v1 import amendment_pb2
from ballast.governance.v1 import approval_pb2
from google.protobuf.any_pb2 import Any as AnyMessage

from clients.cli import amendments_drawing as draw
from clients.cli.amendment_services import Kept, find_amendment, find_document
from clients.cli.breaking_glass import bring_in_force
from clients.cli.document_bodies import LARGEST_BYTES, body_from
from clients.cli.documents import read_document
from clients.cli.failures import ExitCode
from clients.cli.names import resource_name
from clients.cli.session import LARGEST_REVISION, Session, with_session
from clients.cli.times import read_time
from shared.errors import check_reason

app = typer.Typer()

DocumentName = Annotated[str, typer.Argument(metavar="DOCUMENT", help="Its name, such as severityMatrix; `documents` lists them.")]
AmendmentName = Annotated[str, typer.Argument(metavar="AMENDMENT", help="amendments/{uuid}, or the UUID.")]
_File = Annotated[str, typer.Argument(metavar="FILE", help="The document as it shall be, as `document` prints it; - is stdin.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for good.")]
Etag = Annotated[str, typer.Option(metavar="ETAG", help="Only if it is still at this etag.")]
_At = Annotated[str, typer.Option("--at", metavar="TIME", help="When it shall come in force; as soon as it may when left out.")]
_Glass = Annotated[
    str, typer.Option("--break-glass", metavar="TEXT", help="Have it come in force at once; why it cannot wait. Opens a review.")
]


@app.command("dry-run")
@with_session()
async def dry_run(
    session: Session,
    document: DocumentName,
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="The document as it shall be; - is stdin.")] = "",
    revision: Annotated[int, typer.Option(metavar="N", min=0, max=LARGEST_REVISION, help="Try to bring this version back instead.")] = 0,
) -> None:
    """Says what an amendment would change and what would come of it. Changes nothing."""
    if bool(file) == bool(revision):
        raise typer.BadParameter("give a file, or --revision; not both", param_hint="FILE")
    service, kept = await find_document(session, document)
    body = await _body(session, file, kept.type, document) if file else None
    request = pb.DryRunAmendmentRequest(document=document, body=body, revision=revision)
    response = await session.connection.amendments(service).DryRunAmendment(request)
    answer(session, Kept(service, response.amendment))


@app.command("draft")
@with_session()
async def draft(session: Session, document: DocumentName, file: _File, reason: Reason) -> None:
    """Writes a draft: nobody is asked yet."""
    service, kept = await find_document(session, document)
    body = await _body(session, file, kept.type, document)
    request = pb.DraftAmendmentRequest(request_id=str(uuid.uuid4()), document=document, body=body, reason=reason)
    response = await session.connection.amendments(service).DraftAmendment(request)
    answer(session, Kept(service, response.amendment))


@app.command("revise")
@with_session()
async def revise(
    session: Session,
    amendment: AmendmentName,
    file: _File,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; as it was when left out.")] = "",
    etag: Etag = "",
) -> None:
    """Writes a draft anew; only its author may."""
    kept = await find_amendment(session, name_of(amendment))
    body = await _body(session, file, kept.amendment.body.TypeName(), kept.amendment.document)
    request = pb.ReviseAmendmentRequest(request_id=str(uuid.uuid4()), name=kept.amendment.name, body=body, reason=reason, etag=etag)
    response = await session.connection.amendments(kept.service).ReviseAmendment(request)
    answer(session, Kept(kept.service, response.amendment))


@app.command("propose")
@with_session()
async def propose(session: Session, amendment: AmendmentName, at: _At = "", break_glass: _Glass = "", etag: Etag = "") -> int:
    """Asks those who must agree; where nobody must, it comes in force at its time."""
    _check_glass(break_glass)
    effective = read_time("--at", at)
    kept = await find_amendment(session, name_of(amendment))
    request = pb.ProposeAmendmentRequest(request_id=str(uuid.uuid4()), name=kept.amendment.name, effective_time=effective, etag=etag)
    response = await session.connection.amendments(kept.service).ProposeAmendment(request)
    return await _proposed(session, Kept(kept.service, response.amendment), break_glass)


@app.command("rollback")
@with_session()
async def rollback(
    session: Session,
    document: DocumentName,
    revision: Annotated[int, typer.Argument(metavar="REVISION", min=1, max=LARGEST_REVISION, help="The version to bring back.")],
    reason: Reason,
    at: _At = "",
    break_glass: _Glass = "",
) -> int:
    """Proposes that an old version comes back, as a new one."""
    _check_glass(break_glass)
    effective = read_time("--at", at)
    service, _ = await find_document(session, document)
    request = pb.RollBackDocumentRequest(
        request_id=str(uuid.uuid4()), document=document, revision=revision, reason=reason, effective_time=effective
    )
    response = await session.connection.amendments(service).RollBackDocument(request)
    return await _proposed(session, Kept(service, response.amendment), break_glass)


@app.command("withdraw")
@with_session()
async def withdraw(
    session: Session,
    amendment: AmendmentName,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, for the record.")] = "",
    etag: Etag = "",
) -> None:
    """Takes back a draft, or what waits."""
    kept = await find_amendment(session, name_of(amendment))
    request = pb.WithdrawAmendmentRequest(request_id=str(uuid.uuid4()), name=kept.amendment.name, note=note, etag=etag)
    response = await session.connection.amendments(kept.service).WithdrawAmendment(request)
    answer(session, Kept(kept.service, response.amendment))


def _check_glass(reason: str) -> None:
    """Raises InvalidInput for a reason that says nothing, before anything is proposed: what is refused is to change nothing."""
    if reason:
        check_reason("--break-glass", reason)


async def _proposed(session: Session, kept: Kept, break_glass: str) -> int:
    """Shows what was proposed, once the glass is broken where that is asked for."""
    if not break_glass:
        answer(session, kept)
        return ExitCode.OK
    after, approval = await bring_in_force(session, kept, break_glass)
    answer(session, after, approval)
    return ExitCode.AWAY if after.amendment.state == amendment_pb2.AMENDMENT_STATE_PROPOSED else ExitCode.OK


def answer(session: Session, kept: Kept, approval: approval_pb2.Approval | None = None, unknown: str = "") -> None:
    told = {"amendment": kept.amendment, "service": kept.service}
    if approval is not None:
        told["approval"] = approval
    session.output.answer(told, lambda: draw.draw_amendment(kept.amendment, kept.service, approval, unknown))


async def _body(session: Session, file: str, type_name: str, document: str) -> AnyMessage:
    return body_from(await asyncio.to_thread(read_document, file, session, LARGEST_BYTES), type_name, document)


def name_of(amendment: str) -> str:
    return resource_name("AMENDMENT", "amendments", amendment)
