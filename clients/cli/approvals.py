"""`ballast approvals`: asking that others agree to exactly one change, agreeing, acting at once, and verifying."""

import asyncio
import uuid
from collections.abc import AsyncIterable
from enum import StrEnum
from typing import Annotated

import typer
from ballast.governance.v1 import approval_messages_pb2 as pb
from ballast.governance.v1 import approval_pb2

from clients.cli import approval_rules
from clients.cli.approval_arguments import digest_from, impact_from
from clients.cli.approvals_drawing import change_line, draw_approval, draw_approvals, draw_verdict
from clients.cli.connection import every_page
from clients.cli.failures import ExitCode
from clients.cli.feed import follow
from clients.cli.names import any_name, resource_name, team_name
from clients.cli.session import Limit, Session, with_session

app = typer.Typer(help="Ask that others agree to exactly one change, agree, act at once, and verify what was approved.")
app.add_typer(approval_rules.app, name="rules", no_args_is_help=True)

_Approval = Annotated[str, typer.Argument(metavar="APPROVAL", help="approvals/{uuid}, or the UUID.")]
_Kind = Annotated[str, typer.Argument(metavar="KIND", help="Kind of change, such as severity-matrix.")]
_Subject = Annotated[str, typer.Argument(metavar="SUBJECT", help="The resource that is changed.")]
_Digest = Annotated[str, typer.Option("--digest", metavar="HEX", help="SHA-256 of what it will be, 64 hex digits.")]
_File = Annotated[str, typer.Option("--file", metavar="FILE", help="What it will be, in place of --digest; - is stdin.")]
_Team = Annotated[str, typer.Option(metavar="TEAM", help="Team concerned: teams/{id}, or the id; everybody when left out.")]
_Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, for the record.")]
_Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept for good.")]
_Etag = Annotated[str, typer.Option(metavar="ETAG", help="Only if the approval is still at this etag.")]


class StateName(StrEnum):
    """A state, as an option."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    EMERGENCY = "emergency"
    REVIEWED = "reviewed"


class OutcomeName(StrEnum):
    """What a review found, as an argument."""

    UPHELD = "upheld"
    FAULTED = "faulted"


@app.command("list")
@with_session()
async def list_(
    session: Session,
    mine: Annotated[bool, typer.Option("--mine", help="Only those I could decide on now.")] = False,
    status: Annotated[list[StateName] | None, typer.Option(help="Only those in this state; repeat for several.")] = None,
    subject: Annotated[str, typer.Option(metavar="NAME", help="Only those of this resource.")] = "",
    team: Annotated[str, typer.Option(metavar="TEAM", help="Only those of this team.")] = "",
    kind: Annotated[str, typer.Option(metavar="KIND", help="Only those of this kind.")] = "",
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those whose review is overdue.")] = False,
    limit: Limit = 50,
) -> None:
    """Lists approvals as they stand now, newest first."""
    request = pb.ListApprovalsRequest(
        states=[approval_pb2.ApprovalState.Value(f"APPROVAL_STATE_{each.name}") for each in status or ()],
        subject=subject,
        team=team_name("--team", team) if team else "",
        kind=kind,
        mine_to_decide=mine,
        review_overdue=overdue,
    )
    response = await every_page(session.connection.approvals.ListApprovals, request, "approvals", limit)
    session.output.answer(response, lambda: draw_approvals(response))


@app.command("show")
@with_session()
async def show(session: Session, approval: _Approval) -> None:
    """Shows one approval: what it is for, what would come of it, who must agree, and who did."""
    response = await session.connection.approvals.GetApproval(pb.GetApprovalRequest(name=_name(approval)))
    session.output.answer(response, lambda: draw_approval(response.approval))


@app.command("request")
@with_session()
async def request_(
    session: Session,
    kind: _Kind,
    subject: _Subject,
    reason: _Reason,
    digest: _Digest = "",
    file: _File = "",
    team: _Team = "",
    impact: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=VALUE", help="What would come of it, such as displaced_items=4 or fact=TEXT; repeat for several."),
    ] = None,
    author: Annotated[str, typer.Option(metavar="NAME", help="Who wants it, where a service asks on their behalf.")] = "",
    break_glass: Annotated[str, typer.Option("--break-glass", metavar="TEXT", help="Act at once; why it cannot wait.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Say under which rule it would stand, and ask for nothing.")] = False,
) -> None:
    """Asks that others agree to exactly this."""
    request = pb.RequestApprovalRequest(
        request_id=str(uuid.uuid4()),
        kind=kind,
        subject=any_subject(subject),
        digest=await asyncio.to_thread(digest_from, digest, file),
        team=team_name("--team", team) if team else "",
        reason=reason,
        impact=impact_from(impact or ()),
        author=author,
        break_glass_reason=break_glass,
        validate_only=check,
    )
    response = await session.connection.approvals.RequestApproval(request)
    session.output.answer(response, lambda: draw_approval(response.approval))


@app.command("approve")
@with_session()
async def approve(session: Session, approval: _Approval, note: _Note = "", etag: _Etag = "") -> None:
    """Agrees to it."""
    request = pb.ApproveRequest(request_id=str(uuid.uuid4()), name=_name(approval), note=note, etag=etag)
    response = await session.connection.approvals.Approve(request)
    session.output.answer(response, lambda: draw_approval(response.approval))


@app.command("reject")
@with_session()
async def reject(session: Session, approval: _Approval, reason: _Reason, etag: _Etag = "") -> None:
    """Refuses what waits, or stops what was approved."""
    request = pb.RejectRequest(request_id=str(uuid.uuid4()), name=_name(approval), reason=reason, etag=etag)
    response = await session.connection.approvals.Reject(request)
    session.output.answer(response, lambda: draw_approval(response.approval))


@app.command("withdraw")
@with_session()
async def withdraw(session: Session, approval: _Approval, note: _Note = "", etag: _Etag = "") -> None:
    """Takes back what I asked for."""
    request = pb.WithdrawRequest(request_id=str(uuid.uuid4()), name=_name(approval), note=note, etag=etag)
    response = await session.connection.approvals.Withdraw(request)
    session.output.answer(response, lambda: draw_approval(response.approval))


@app.command("break-glass")
@with_session()
async def break_glass(session: Session, approval: _Approval, reason: _Reason, etag: _Etag = "") -> None:
    """Acts at once on what waits; another must close the review in time."""
    request = pb.BreakGlassRequest(request_id=str(uuid.uuid4()), name=_name(approval), reason=reason, etag=etag)
    response = await session.connection.approvals.BreakGlass(request)
    session.output.answer(response, lambda: draw_approval(response.approval))


@app.command("close-review")
@with_session()
async def close_review(
    session: Session,
    approval: _Approval,
    outcome: Annotated[OutcomeName, typer.Argument(metavar="OUTCOME", help="upheld, or faulted: it should not have been done.")],
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What happened and what follows.")],
    etag: _Etag = "",
) -> None:
    """Closes the review of what somebody else did at once."""
    found = approval_pb2.ReviewOutcome.Value(f"REVIEW_OUTCOME_{outcome.name}")
    request = pb.CloseReviewRequest(request_id=str(uuid.uuid4()), name=_name(approval), outcome=found, note=note, etag=etag)
    response = await session.connection.approvals.CloseReview(request)
    session.output.answer(response, lambda: draw_approval(response.approval))


@app.command("verify")
@with_session()
async def verify(
    session: Session,
    kind: _Kind,
    subject: _Subject,
    digest: _Digest = "",
    file: _File = "",
    team: Annotated[str, typer.Option(metavar="TEAM", help="Only if this team's approvers agreed.")] = "",
    approval: Annotated[str, typer.Option(metavar="APPROVAL", help="Only by this approval.")] = "",
    requester: Annotated[str, typer.Option(metavar="NAME", help="Only if this principal asked for it.")] = "",
) -> int:
    """Says whether an approval in force covers exactly this now. Exit code 1, and the reason, when none does."""
    request = pb.VerifyApprovalRequest(
        kind=kind,
        subject=any_subject(subject),
        digest=await asyncio.to_thread(digest_from, digest, file),
        team=team_name("--team", team) if team else None,
        approval=_name(approval) if approval else "",
        requester=requester,
    )
    response = await session.connection.approvals.VerifyApproval(request)
    session.output.answer(response, lambda: draw_verdict(response))
    return ExitCode.OK if response.in_force else ExitCode.NO


@app.command("watch")
@with_session(interrupted=ExitCode.OK)
async def watch(
    session: Session,
    resume_token: Annotated[str, typer.Option(metavar="TOKEN", help="Go on right after this token; from the present when left out.")] = "",
    count: Annotated[int, typer.Option(metavar="N", min=0, help="End after this many; 0 goes on until Ctrl-C.")] = 0,
) -> None:
    """Prints each change of an approval, until Ctrl-C (exit code 0). JSON lines with --json, each with its resume token."""
    seen = 0

    def watch_from(token: str) -> AsyncIterable[pb.WatchApprovalsResponse]:
        return session.connection.approvals.WatchApprovals(pb.WatchApprovalsRequest(resume_token=token))

    async for response in follow(watch_from, "approval", resume_token, session.output.note):
        session.output.each(response, change_line(response))
        seen += 1
        if seen == count:
            return


def any_subject(text: str) -> str:
    """Returns the subject: a resource name, or the name of a document there is one of, such as severityMatrix."""
    return any_name("SUBJECT", text) if "/" in text else text.strip()


def _name(approval: str) -> str:
    return resource_name("APPROVAL", "approvals", approval)
