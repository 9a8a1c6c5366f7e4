"""`ballast rules`: how alerts become incidents: the rules in force, checking and trying others, putting them in force, and going back."""

import asyncio
import re
import sys
import uuid
from typing import Annotated

import typer
from ballast.intake.v1 import grouping_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from clients.cli import rules_drawing as draw
from clients.cli.connection import every_page
from clients.cli.documents import proposed_instead, read_document
from clients.cli.failures import ExitCode
from clients.cli.output import plain
from clients.cli.session import Limit, Session, with_session
from shared.errors import invalid_field

LARGEST_BYTES = 64 * 1024
_SPAN = re.compile(r"(\d{1,5})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

app = typer.Typer(help="Show, check, try and change the rules by which alerts become incidents.")

_File = Annotated[str, typer.Argument(metavar="FILE", help="A rules document in YAML; - is stdin.")]
_Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the revision.")]
_Etag = Annotated[str, typer.Option(metavar="ETAG", help="Change only the rules with this etag; those in force now when left out.")]
_OnlyCheck = Annotated[bool, typer.Option("--validate-only", help="Say what would be made, and make nothing.")]


@app.command("show")
@with_session()
async def show(
    session: Session,
    revision: Annotated[int, typer.Option(metavar="N", min=0, help="A revision; the one in force when left out.")] = 0,
    yaml: Annotated[bool, typer.Option("--yaml", help="Print the document alone, to edit and set again.")] = False,
) -> None:
    """Shows the rules in force, and what each took and when."""
    response = await session.connection.grouping.GetGroupingRules(pb.GetGroupingRulesRequest(revision=revision))
    if yaml and not session.output.as_json:
        sys.stdout.write(plain(response.rules.yaml, keep="\n\t"))
        return
    session.output.answer(response, lambda: draw.draw_rules(response.rules))


@app.command("check")
@with_session()
async def check(session: Session, file: _File) -> int:
    """Tells everything that is amiss with a document; exit code 1 when it could not be put in force."""
    text = await asyncio.to_thread(read_document, file, session, LARGEST_BYTES)
    response = await session.connection.grouping.ValidateGroupingRules(pb.ValidateGroupingRulesRequest(yaml=text))
    session.output.answer(response, lambda: draw.draw_problems(response.problems, valid=response.valid))
    return ExitCode.OK if response.valid else ExitCode.NO


@app.command("try")
@with_session()
async def try_(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="A rules document in YAML; - is stdin.")] = "",
    revision: Annotated[int, typer.Option(metavar="N", min=0, help="Try the document of this revision instead.")] = 0,
    last: Annotated[int, typer.Option(metavar="N", min=1, max=10_000, help="Group this many of the last alerts.")] = 1_000,
) -> None:
    """Groups the last alerts by the rules in force and by others, and shows the difference. Changes nothing."""
    if bool(file) == bool(revision):
        raise typer.BadParameter("give a file, or --revision; not both", param_hint="FILE")
    request = pb.DryRunGroupingRulesRequest(last=last)
    if file:
        request.yaml = await asyncio.to_thread(read_document, file, session, LARGEST_BYTES)
    else:
        request.revision = revision
    response = await session.connection.grouping.DryRunGroupingRules(request)
    session.output.answer(response, lambda: draw.draw_dry_run(response))


@app.command("set")
@with_session()
async def set_(session: Session, file: _File, reason: _Reason, etag: _Etag = "", validate_only: _OnlyCheck = False) -> None:
    """Puts a document in force, as a new revision."""
    text = await asyncio.to_thread(read_document, file, session, LARGEST_BYTES)
    request = pb.CreateGroupingRulesRevisionRequest(
        request_id=str(uuid.uuid4()), yaml=text, reason=reason, etag=etag or await _etag(session), validate_only=validate_only
    )
    with proposed_instead("draft", file, reason):
        response = await session.connection.grouping.CreateGroupingRulesRevision(request)
    session.output.answer(response, lambda: [*draw.draw_rules(response.rules), *draw.draw_warnings(response.warnings)])


@app.command("revisions")
@with_session()
async def revisions(session: Session, limit: Limit = 50) -> None:
    """Lists the revisions, newest first."""
    grouping = session.connection.grouping
    response = await every_page(grouping.ListGroupingRulesRevisions, pb.ListGroupingRulesRevisionsRequest(), "revisions", limit)
    session.output.answer(response, lambda: draw.draw_revisions(response))


@app.command("rollback")
@with_session()
async def rollback(
    session: Session,
    revision: Annotated[int, typer.Argument(metavar="REVISION", min=1, help="The revision whose document to restore.")],
    reason: _Reason,
    etag: _Etag = "",
    validate_only: _OnlyCheck = False,
) -> None:
    """Puts the document of an old revision in force again, as a new revision."""
    request = pb.RollbackGroupingRulesRequest(
        request_id=str(uuid.uuid4()), revision=revision, reason=reason, etag=etag or await _etag(session), validate_only=validate_only
    )
    with proposed_instead("rollback", revision, reason):
        response = await session.connection.grouping.RollbackGroupingRules(request)
    session.output.answer(response, lambda: draw.draw_rules(response.rules))


@app.command("unused")
@with_session()
async def unused(
    session: Session,
    since: Annotated[str, typer.Option("--for", metavar="SPAN", help="Without a match for this long, as 12h or 7d.")] = "7d",
) -> None:
    """Lists the rules that took no alert for a while, or can take none because an earlier rule takes them all."""
    span = _span("--for", since)
    response = await session.connection.grouping.GetUnusedGroupingRules(pb.GetUnusedGroupingRulesRequest(unused_for=span))
    session.output.answer(response, lambda: draw.draw_unused(response.rules, span))


async def _etag(session: Session) -> str:
    return (await session.connection.grouping.GetGroupingRules(pb.GetGroupingRulesRequest())).rules.etag


def _span(option: str, text: str) -> Duration:
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise invalid_field(option, f"{text!r} is not a length of time; write it as 90s, 30m, 12h or 7d", reason="SPAN_INVALID")
    return Duration(seconds=int(found[1]) * _SECONDS[found[2]])
