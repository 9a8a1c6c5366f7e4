"""`ballast approvals rules`: who must agree to what, in what time."""

import asyncio
import sys
import uuid
from collections.abc import Iterable
from typing import Annotated

import typer
from ballast.governance.v1 import approval_messages_pb2, approval_rule_pb2
from ballast.governance.v1 import approval_rule_service_pb2 as pb
from rich.console import RenderableType

from clients.cli.approvals_drawing import approvers_text, draw_approval
from clients.cli.connection import every_page
from clients.cli.documents import read_document
from clients.cli.formats import count_text, duration_text, time_text
from clients.cli.message_file import message_yaml, read_message
from clients.cli.names import resource_name
from clients.cli.output import Column, cell, facts, plain, table, total
from clients.cli.session import LARGEST_REVISION, Limit, Session, with_session

LARGEST_BYTES = 256 * 1024
_SERVERS = ("revision", "author", "reason", "etag", "create_time")

app = typer.Typer(help="Show, try and change who must agree to what.")

_File = Annotated[str, typer.Argument(metavar="FILE", help="Rules in YAML, as `get --yaml` prints them; - is stdin.")]


@app.command("get")
@with_session()
async def get(
    session: Session,
    revision: Annotated[int, typer.Option(metavar="N", min=0, max=LARGEST_REVISION, help="A revision; the newest when left out.")] = 0,
    yaml: Annotated[bool, typer.Option("--yaml", help="Print the rules alone, to edit and set again.")] = False,
) -> None:
    """Shows the approval rules."""
    response = await session.connection.approval_rules.GetApprovalRules(pb.GetApprovalRulesRequest(revision=revision))
    if yaml and not session.output.as_json:
        sys.stdout.write(plain(message_yaml(response.rules, *_SERVERS), keep="\n"))
        return
    session.output.answer(response, lambda: draw_rules(response.rules))


@app.command("set")
@with_session()
async def set_(
    session: Session,
    file: _File,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the revision.")],
    etag: Annotated[str, typer.Option(metavar="ETAG", help="Change only the rules with this etag; the newest when left out.")] = "",
    approval: Annotated[str, typer.Option(metavar="APPROVAL", help="The approval of exactly this; any in force when left out.")] = "",
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Say what would be made, and make nothing.")] = False,
) -> None:
    """Puts rules in force for what is asked from then on, as a new revision. Where others must agree, `ask` them first."""
    request = await _update(session, file, reason, etag)
    request.validate_only = validate_only
    request.approval = resource_name("--approval", "approvals", approval) if approval else ""
    response = await session.connection.approval_rules.UpdateApprovalRules(request)
    session.output.answer(response, lambda: draw_update(response, validate_only=validate_only))


@app.command("ask")
@with_session()
async def ask(
    session: Session,
    file: _File,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the approval.")],
    break_glass: Annotated[str, typer.Option("--break-glass", metavar="TEXT", help="Act at once; why it cannot wait.")] = "",
) -> None:
    """Asks that others agree to exactly these rules in place of those in force; then set them. An admin may always break the glass."""
    wanted = await _update(session, file, reason, "")
    wanted.validate_only = True
    foreseen = await session.connection.approval_rules.UpdateApprovalRules(wanted)
    if not foreseen.rule:
        session.output.note("no rule in force wants others to agree: set them")
        return
    request = approval_messages_pb2.RequestApprovalRequest(
        request_id=str(uuid.uuid4()),
        kind="approval-rules",
        subject="approvalRules",
        digest=foreseen.digest,
        reason=reason,
        break_glass_reason=break_glass,
    )
    asked = await session.connection.approvals.RequestApproval(request)
    session.output.answer(asked, lambda: draw_approval(asked.approval))


@app.command("history")
@with_session()
async def history(session: Session, limit: Limit = 50) -> None:
    """Lists the revisions, newest first."""
    call = session.connection.approval_rules.ListApprovalRulesRevisions
    response = await every_page(call, pb.ListApprovalRulesRevisionsRequest(), "rules", limit)
    session.output.answer(response, lambda: draw_history(response))


@app.command("dry-run")
@with_session()
async def dry_run(
    session: Session,
    file: _File,
    last: Annotated[int, typer.Option(metavar="N", min=1, max=2_000, help="Ask about this many of the last approvals.")] = 200,
) -> None:
    """Asks rules about the last approvals: which would have stood under another rule. Changes nothing."""
    request = pb.DryRunApprovalRulesRequest(rules=await _read(file, session), approvals=last)
    response = await session.connection.approval_rules.DryRunApprovalRules(request)
    session.output.answer(response, lambda: draw_trial(response))


@app.command("facts")
@with_session()
async def facts_(session: Session) -> None:
    """Lists what conditions may read, with types."""
    response = await session.connection.approval_rules.ListApprovalFacts(pb.ListApprovalFactsRequest())
    rows = [(each.name, each.type, each.meaning) for each in response.facts]
    session.output.answer(response, lambda: [table("", (Column("fact", whole=True), "type", "meaning"), rows)])


def draw_rules(rules: approval_rule_pb2.ApprovalRules) -> Iterable[RenderableType]:
    yield facts(
        [
            ("revision", rules.revision),
            ("made", time_text(rules, "create_time")),
            ("by", rules.author),
            ("reason", rules.reason),
            ("etag", rules.etag),
        ]
    )
    columns = ("rule", "when", "approvers", "expires after", "holds for", "at once", "because")
    yield table("", columns, [_rule_row(each) for each in rules.rules])
    if rules.groups:
        yield table("", ("group", "members"), [(each.name, ", ".join(each.members)) for each in rules.groups])
    yield cell(f"{count_text(len(rules.rules), 'rule')}; the first that applies counts", "dim")


def draw_update(response: pb.UpdateApprovalRulesResponse, *, validate_only: bool) -> Iterable[RenderableType]:
    yield from draw_rules(response.rules)
    if validate_only and response.rule:
        yield cell(f"the rule {response.rule} wants others to agree to it first: ask them")


def draw_history(response: pb.ListApprovalRulesRevisionsResponse) -> Iterable[RenderableType]:
    columns = (Column("revision", right=True), Column("made", whole=True), "by", "reason", Column("rules", right=True))
    rows = [(each.revision, time_text(each, "create_time"), each.author, each.reason, len(each.rules)) for each in response.rules]
    yield table("", columns, rows)
    yield total(len(rows), "revision", response.next_page_token)


def draw_trial(response: pb.DryRunApprovalRulesResponse) -> Iterable[RenderableType]:
    counts = [(each.rule, each.chosen, "" if each.chosen else "applied to nothing") for each in response.counts]
    yield table("", ("rule", Column("applies", right=True), ""), counts)
    changes = [
        (
            f"{each.quorum_before} by {each.before}",
            f"{each.quorum_after} by {each.after}" if each.after else f"refused: {each.refusal}",
            each.kind,
            each.subject,
            each.approval,
        )
        for each in response.changes
    ]
    if changes:
        yield table("what would differ", ("now", "then", "kind", "subject", Column("approval", whole=True)), changes)
    differ = count_text(len(changes), "approval differs", "approvals differ")
    yield cell(f"{differ} of {response.approvals:,}; nothing was changed", "dim")


def _rule_row(rule: approval_rule_pb2.ApprovalRule) -> tuple[str, ...]:
    glass = rule.break_glass
    return (
        rule.name,
        rule.when.strip(),
        f"{rule.quorum} of {approvers_text(rule.approvers)}" + (", the author too" if rule.author_may_approve else ""),
        duration_text(rule.expires_after) + (f" of {rule.business_hours}" if rule.business_hours else ""),
        duration_text(rule.holds_for),
        f"{approvers_text(glass.allowed)}, review in {duration_text(glass.review_within)}" if rule.HasField("break_glass") else "nobody",
        rule.reason,
    )


async def _update(session: Session, file: str, reason: str, etag: str) -> pb.UpdateApprovalRulesRequest:
    rules = await _read(file, session)
    rules.reason = reason
    rules.etag = etag or (await session.connection.approval_rules.GetApprovalRules(pb.GetApprovalRulesRequest())).rules.etag
    return pb.UpdateApprovalRulesRequest(request_id=str(uuid.uuid4()), rules=rules)


async def _read(file: str, session: Session) -> approval_rule_pb2.ApprovalRules:
    return read_message(await asyncio.to_thread(read_document, file, session, LARGEST_BYTES), approval_rule_pb2.ApprovalRules())
