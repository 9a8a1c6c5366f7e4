"""`ballast policy`: what allocation policies say, how they differ, and what one would have decided."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from ballast.allocation.v1 import allocation_messages_pb2 as messages
from ballast.allocation.v1 import allocation_policy_pb2
from ballast.allocation.v1 import policy_service_pb2 as pb
from ballast.amendments.v1 import amendment_messages_pb2

from clients.cli.connection import every_page
from clients.cli.documents import check_writable, read_document
from clients.cli.failures import ExitCode
from clients.cli.message_file import message_yaml, read_message
from clients.cli.names import policy_name, team_name
from clients.cli.output import cell, plain
from clients.cli.policy_drawing import draw_diff, draw_findings, draw_names, draw_policy, draw_previews, draw_revisions
from clients.cli.session import LARGEST_REVISION, Limit, Session, with_session
from shared.errors import InvalidInput, invalid_field

LARGEST_BYTES = 256 * 1024
_SERVERS = ("revision", "author", "reason", "etag", "create_time")
_DEFAULT = "allocationPolicies/default"

app = typer.Typer(help="Show, check, compare and try allocation policies.")

_File = Annotated[str, typer.Argument(metavar="FILE", help="A policy in YAML or JSON, as `show --yaml` prints it; - is stdin.")]
_Revision = Annotated[int, typer.Option(metavar="N", min=0, max=LARGEST_REVISION, help="A revision; the newest when left out.")]


@app.command("list")
@with_session()
async def list_(
    session: Session,
    policy: Annotated[str, typer.Argument(metavar="[POLICY]", help="allocationPolicies/{id}, or the id: lists its revisions.")] = "",
    limit: Limit = 50,
) -> None:
    """Lists the policies, or the revisions of one, newest first."""
    if policy:
        request = messages.ListAllocationPolicyRevisionsRequest(name=policy_name("POLICY", policy))
        revisions = await every_page(session.connection.allocation.ListAllocationPolicyRevisions, request, "policies", limit)
        session.output.answer(revisions, lambda: draw_revisions(revisions))
        return
    call = session.connection.amendments("allocation").ListDocuments
    documents = await every_page(call, amendment_messages_pb2.ListDocumentsRequest(), "documents", limit)
    session.output.answer(documents, lambda: draw_names(documents))


@app.command("show")
@with_session()
async def show(
    session: Session,
    policy: Annotated[str, typer.Argument(metavar="[POLICY]", help="allocationPolicies/{id}, or the id.")] = "default",
    revision: _Revision = 0,
    yaml: Annotated[bool, typer.Option("--yaml", help="Print the policy alone, to edit and try.")] = False,
) -> None:
    """Shows a policy: bounds, triggers, reserve and rules."""
    request = messages.GetAllocationPolicyRequest(name=policy_name("POLICY", policy), revision=revision)
    response = await session.connection.allocation.GetAllocationPolicy(request)
    if yaml and not session.output.as_json:
        sys.stdout.write(plain(message_yaml(response.policy, *_SERVERS), keep="\n"))
        return
    session.output.answer(response, lambda: draw_policy(response.policy))


@app.command("validate")
@with_session()
async def validate(session: Session, file: _File) -> ExitCode:
    """Tells everything that is wrong with a policy, at once. Ends with 1 when it could not be stored."""
    policy = await _read(session, file)
    if not policy.name:
        policy.name = _DEFAULT
    response = await session.connection.policies.ValidatePolicy(pb.ValidatePolicyRequest(policy=policy))
    session.output.answer(response, lambda: draw_findings(response))
    return ExitCode.OK if response.valid else ExitCode.NO


@app.command("diff")
@with_session()
async def diff(
    session: Session,
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="A file, or allocationPolicies/{id}, with @N for a revision.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The same; the one in force of BEFORE's name when left out.")] = "",
) -> None:
    """Tells how two policies differ, field by field, and what that means. One file alone is compared with the policy in force."""
    if not after:
        before, after = "", before
    one, other = [await _ref(session, each) for each in (before, after)]
    names = {name for name, _ in (one, other) if name}
    if len(names) > 1 and not any(ref.WhichOneof("policy") == "body" for _, ref in (one, other)):
        # The contract compares revisions of one policy: of two the other is sent whole.
        one = (other[0], pb.PolicyRef(body=await _whole(session, *one)))
    name = other[0] if other[1].WhichOneof("policy") == "revision" else one[0] or other[0]
    response = await session.connection.policies.DiffPolicies(pb.DiffPoliciesRequest(name=name, before=one[1], after=other[1]))
    session.output.answer(response, lambda: draw_diff(response))


@app.command("preview")
@with_session()
async def preview(
    session: Session,
    policy: Annotated[str, typer.Argument(metavar="POLICY", help="A file, or allocationPolicies/{id}@N for a revision.")],
    team: Annotated[str, typer.Option(metavar="TEAM", help="One team, whatever it decides by; all that decide by POLICY when none.")] = "",
    sprints: Annotated[int, typer.Option(metavar="N", min=1, max=52, help="Sprints to look back, the present one among them.")] = 12,
    limit: Limit = 20,
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the shares over the sprints into this file.", dir_okay=False)
    ] = None,
) -> None:
    """Shows what a policy would have decided as each of the last sprints began, beside the one in force and what was decided."""
    if svg is not None:
        check_writable("--svg", svg)
    name, tried = await _ref(session, policy)
    request = pb.PreviewPolicyRequest(
        name=name, tried=tried, team=team_name("--team", team) if team else "", sprint_count=sprints, page_size=min(limit, 50)
    )
    response = await every_page(session.connection.policies.PreviewPolicy, request, "teams", limit)
    if svg is None:
        session.output.answer(response, lambda: draw_previews(response))
        return
    shown = [each for each in response.teams if each.sprints]
    if not shown:
        raise invalid_field("--svg", "there is nothing to draw: no sprint of a team was observed", reason="NOTHING_TO_DRAW")
    from clients.cli.policy_picture import write_picture  # drawing takes half a second to load

    write_picture(shown, svg)
    session.output.answer(response, lambda: [*draw_previews(response), cell(f"drawn into {svg}")])


async def _ref(session: Session, text: str) -> tuple[str, pb.PolicyRef]:
    """Returns a policy's name and where it is: its newest revision for nothing, a revision after an @, else a file."""
    if not text:
        return "", pb.PolicyRef(revision=0)
    name, _, number = text.partition("@")
    if name.startswith("allocationPolicies/"):
        if number and not (number.isascii() and number.isdigit() and int(number) <= LARGEST_REVISION):
            raise invalid_field("POLICY", f"{text!r} names no revision; write {name}@3 for the third", reason="NAME_INVALID")
        return policy_name("POLICY", name), pb.PolicyRef(revision=int(number or 0))
    policy = await _read(session, text)
    policy.name = policy.name or _DEFAULT
    return policy.name, pb.PolicyRef(body=policy)


async def _whole(session: Session, name: str, ref: pb.PolicyRef) -> allocation_policy_pb2.AllocationPolicy:
    request = messages.GetAllocationPolicyRequest(name=name, revision=ref.revision)
    return (await session.connection.allocation.GetAllocationPolicy(request)).policy


async def _read(session: Session, file: str) -> allocation_policy_pb2.AllocationPolicy:
    text = await asyncio.to_thread(read_document, file, session, LARGEST_BYTES, "POLICY_FILE_INVALID")
    try:
        return read_message(text, allocation_policy_pb2.AllocationPolicy())
    except InvalidInput as error:
        raise invalid_field("FILE", f"{file}: {error.message}", reason="POLICY_FILE_INVALID") from None
