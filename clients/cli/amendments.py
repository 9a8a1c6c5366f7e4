"""`ballast amendments`: changes of versioned documents, from a draft to a version in force, and back."""

import sys
import uuid
from enum import StrEnum
from typing import Annotated

import typer
from ballast.amendments.v1 import amendment_messages_pb2 as pb
from ballast.amendments.v1 import amendment_pb2
from ballast.governance.v1 import approval_messages_pb2, approval_pb2

from clients.cli import amendment_changes
from clients.cli import amendments_drawing as draw
from clients.cli.amendment_changes import AmendmentName, DocumentName, Etag, Reason, answer, name_of
from clients.cli.amendment_services import KEEPERS, ask_amendments, ask_documents, find_amendment, find_document, newest_of
from clients.cli.amendments_watch import Watched, watch_changes
from clients.cli.document_bodies import body_of, form_of, text_of
from clients.cli.failures import ExitCode
from clients.cli.names import team_name
from clients.cli.output import as_data, plain
from clients.cli.session import LARGEST_REVISION, Limit, Session, with_session
from shared.errors import BallastError, DeadlineExceeded, Unavailable

app = typer.Typer(help="Change versioned documents: draft, try, propose, bring back; who owns which, and what became of each change.")

_Service = Annotated[str, typer.Option(metavar="SERVICE", help=f"Only those of one service: {', '.join(KEEPERS)}.")]


class StateName(StrEnum):
    """A state, as an option."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    APPROVED = "approved"
    IN_FORCE = "in-force"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


@app.command("documents")
@with_session()
async def documents(session: Session) -> int:
    """Lists the documents of all services: version in force, owner, whether others must agree, amendments that wait."""
    answers = await ask_documents(session)
    rows = sorted(
        ((service, each) for service, response in answers.found.items() for each in response.documents), key=lambda row: row[1].name
    )
    told = {"documents": [as_data(each) | {"service": service} for service, each in rows], "away": sorted(answers.away)}
    session.output.answer(told, lambda: draw.draw_documents(rows))
    return answers.told(session)


@app.command("document")
@with_session()
async def document_(
    session: Session,
    document: DocumentName,
    revision: Annotated[int, typer.Option(metavar="N", min=0, max=LARGEST_REVISION, help="A version; the one in force when left out.")] = 0,
) -> None:
    """Prints a document alone, to edit and draft."""
    _, kept = await find_document(session, document)
    body = await form_of(kept.type).get(session.connection, document, revision)
    if session.output.as_json:
        session.output.answer(body, list)
    else:
        sys.stdout.write(plain(text_of(body), keep="\n\t"))


@app.command("own")
@with_session()
async def own(
    session: Session,
    document: DocumentName,
    reason: Reason,
    team: Annotated[str, typer.Argument(metavar="[TEAM]", help="teams/{id}, or the id.")] = "",
    nobody: Annotated[bool, typer.Option("--nobody", help="It belongs to everybody.")] = False,
    etag: Etag = "",
) -> None:
    """Gives a document to a team, whose approvers then decide on its amendments."""
    if bool(team) == nobody:
        raise typer.BadParameter("give a team, or --nobody; not both", param_hint="TEAM")
    service, _ = await find_document(session, document)
    owner = team_name("TEAM", team) if team else ""
    request = pb.SetDocumentOwnerRequest(request_id=str(uuid.uuid4()), document=document, owner=owner, reason=reason, etag=etag)
    response = await session.connection.amendments(service).SetDocumentOwner(request)
    session.output.answer(response, lambda: draw.draw_owned(response.document))


@app.command("list")
@with_session()
async def list_(
    session: Session,
    document: Annotated[str, typer.Option(metavar="DOCUMENT", help="Only those of this document.")] = "",
    status: Annotated[list[StateName] | None, typer.Option(help="Only those in this state; repeat for several.")] = None,
    author: Annotated[str, typer.Option(metavar="NAME", help="Only those of this author.")] = "",
    limit: Limit = 50,
) -> int:
    """Lists the amendments of all services, newest first."""
    states = [amendment_pb2.AmendmentState.Value(f"AMENDMENT_STATE_{each.name}") for each in status or ()]
    answers = await ask_amendments(session, pb.ListAmendmentsRequest(document=document, states=states, author=author), limit)
    kept, more = newest_of(answers, limit)
    listed = [as_data(each.amendment) | {"service": each.service} for each in kept]
    session.output.answer({"amendments": listed, "more": more, "away": sorted(answers.away)}, lambda: draw.draw_amendments(kept, more=more))
    return answers.told(session)


@app.command("show")
@with_session()
async def show(
    session: Session,
    amendment: AmendmentName,
    yaml: Annotated[bool, typer.Option("--yaml", help="Print the document alone, to edit and revise.")] = False,
) -> None:
    """Shows one amendment: where it stands and why, what others said, what would come of it, and the difference."""
    kept = await find_amendment(session, name_of(amendment))
    if yaml and not session.output.as_json:
        sys.stdout.write(plain(text_of(body_of(kept.amendment.body)), keep="\n\t"))
        return
    approval, unknown = await _approval(session, kept.amendment.approval)
    answer(session, kept, approval, unknown)


@app.command("watch")
@with_session(interrupted=ExitCode.OK)
async def watch(
    session: Session,
    service: _Service = "",
    resume_token: Annotated[
        list[str] | None, typer.Option(metavar="SERVICE=TOKEN", help="Go on right after this; repeat for several services.")
    ] = None,
    count: Annotated[int, typer.Option(metavar="N", min=0, help="End after this many; 0 goes on until Ctrl-C.")] = 0,
) -> None:
    """Prints each change of an amendment, until Ctrl-C (exit code 0). JSON lines with --json, each with service and resume token."""
    seen = 0
    async for change in watch_changes(session, Watched.of(service, resume_token or ())):
        told = as_data(change.response) | {"service": change.service}
        session.output.each(told, draw.change_line(change.response, change.service))
        seen += 1
        if seen == count:
            return


async def _approval(session: Session, name: str) -> tuple[approval_pb2.Approval | None, str]:
    """Returns the approval, or why it is not known: an amendment can be looked at where governance cannot."""
    if not name:
        return None, ""
    try:
        response = await session.connection.approvals.GetApproval(approval_messages_pb2.GetApprovalRequest(name=name))
    except (Unavailable, DeadlineExceeded) as error:
        session.output.note(session.connection.explained(error, "governance").message)
        return None, "not known: governance is away"
    except BallastError as error:
        return None, f"not known: {error.message}"
    return response.approval, ""


app.add_typer(amendment_changes.app)
