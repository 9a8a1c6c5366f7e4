"""How approvals are drawn."""

from collections.abc import Iterable, Iterator

from ballast.governance.v1 import approval_messages_pb2 as pb
from ballast.governance.v1 import approval_pb2, approval_rule_pb2
from rich.console import RenderableType
from rich.text import Text

from clients.cli.formats import count_text, duration_text, enum_text, money_text, number_text, percent_text, severity_text, time_text
from clients.cli.output import Column, cell, facts, table, total

_PENDING = approval_pb2.APPROVAL_STATE_PENDING


def draw_approvals(response: pb.ListApprovalsResponse) -> Iterable[RenderableType]:
    columns = ("state", "kind", "subject", "team", "by", "rule", "votes", Column("asked for", whole=True), Column("approval", whole=True))
    rows = [
        (
            state_text(each),
            each.kind,
            each.subject,
            each.team,
            each.author,
            each.rule.name,
            f"{sum(vote.approves for vote in each.votes)} of {each.rule.quorum}",
            time_text(each, "create_time"),
            each.name,
        )
        for each in response.approvals
    ]
    yield table("", columns, rows)
    yield total(len(rows), "approval", response.next_page_token)


def draw_approval(approval: approval_pb2.Approval) -> Iterable[RenderableType]:
    yield facts(
        [
            ("approval", approval.name or "not asked for: only checked"),
            ("state", state_text(approval)),
            ("in force", _in_force(approval)),
            ("kind", approval.kind),
            ("subject", approval.subject),
            ("digest", approval.digest),
            ("team", approval.team or "everybody"),
            ("by", approval.author if approval.author == approval.requester else f"{approval.author}, through {approval.requester}"),
            ("reason", approval.reason),
            ("asked for", time_text(approval, "create_time")),
            ("expires", time_text(approval, "expire_time")),
            ("escalates", time_text(approval, "escalate_time") if approval.state == _PENDING else ""),
            ("etag", approval.etag),
        ]
    )
    if approval.HasField("impact"):
        yield draw_impact(approval.impact)
    else:
        yield cell("nobody looked at what would come of it", "dim")
    yield from _rule(approval.rule, approval.rules_revision)
    if approval.HasField("broken_glass"):
        yield from _glass(approval.broken_glass)
    if approval.votes:
        rows = [(time_text(each, "vote_time"), each.principal, "for" if each.approves else "against", each.note) for each in approval.votes]
        yield table("votes", (Column("when", whole=True), "who", "", "why"), rows)


def draw_impact(impact: approval_pb2.ImpactPreview) -> RenderableType:
    return facts(
        [
            ("what would come of it", impact.summary),
            ("items displaced", impact.displaced_items),
            ("longest delay", f"{number_text(impact.delay_days)} d"),
            ("value at risk", money_text(impact, "value_at_risk")),
            ("severity", severity_text(impact.severity) if impact.severity else ""),
            ("remediation share", f"{'+' if impact.remediation_share_change > 0 else ''}{percent_text(impact.remediation_share_change)}"),
            *((name, number_text(value)) for name, value in sorted(impact.measures.items())),
            *(("", each) for each in impact.facts),
        ]
    )


def draw_verdict(response: pb.VerifyApprovalResponse) -> Iterable[RenderableType]:
    if response.in_force:
        yield cell(response.detail, "green")
        return
    yield cell(f"not approved: {response.detail} [{response.reason}]", "red")


def change_line(response: pb.WatchApprovalsResponse) -> Text:
    approval = response.approval
    change = enum_text(response, "change") if response.change else "requested"
    when = time_text(approval, "update_time")
    return cell(f"{when}  {change}  {state_text(approval)}  {approval.kind} of {approval.subject}  {approval.name}")


def state_text(approval: approval_pb2.Approval) -> str:
    overdue = approval.broken_glass.overdue
    return enum_text(approval, "state") + (", review overdue" if overdue else ", escalated" if approval.escalated else "")


def approvers_text(approvers: approval_rule_pb2.Approvers) -> str:
    scope = {"": "", "*": " of all teams"}.get(approvers.team, f" of {approvers.team}")
    named = [f"{role}{scope}" for role in approvers.roles] + [f"group {each}" for each in approvers.groups]
    return " or ".join([*named, *approvers.principals])


def _in_force(approval: approval_pb2.Approval) -> str:
    if approval.in_force:
        return f"until {time_text(approval, 'expire_time')}"
    lacking = max(0, approval.rule.quorum - sum(each.approves for each in approval.votes))
    return f"no: lacks {count_text(lacking, 'approver')}" if approval.state == _PENDING else "no"


def _rule(rule: approval_rule_pb2.ApprovalRule, revision: int) -> Iterator[RenderableType]:
    later = (
        f"{approvers_text(rule.escalation.approvers)}, after {duration_text(rule.escalation.after)}" if rule.HasField("escalation") else ""
    )
    glass = rule.break_glass
    yield facts(
        [
            ("rule", f"{rule.name}, version {revision}"),
            ("why", rule.reason),
            ("approvers", f"{rule.quorum} of {approvers_text(rule.approvers)}"),
            ("the author", "may approve too" if rule.author_may_approve else ""),
            ("later also", later),
            (
                "at once",
                f"{approvers_text(glass.allowed)}, reviewed within {duration_text(glass.review_within)}" if glass.ByteSize() else "",
            ),
            ("counted in", rule.business_hours),
        ]
    )


def _glass(glass: approval_pb2.BrokenGlass) -> Iterator[RenderableType]:
    closed = f"{enum_text(glass, 'outcome')} by {glass.reviewer}, {time_text(glass, 'review_time')}" if glass.reviewer else ""
    due = time_text(glass, "review_due_time")
    yield facts(
        [
            ("acted at once", f"{glass.principal}, {time_text(glass, 'break_time')}"),
            ("because", glass.reason),
            ("review", closed or (f"OVERDUE since {due}" if glass.overdue else f"open, due {due}")),
            ("found", glass.note),
        ]
    )
