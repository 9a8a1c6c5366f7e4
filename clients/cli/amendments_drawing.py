"""How documents under change control and their amendments are drawn."""

from collections.abc import Iterable, Iterator, Sequence

from ballast.amendments.v1 import amendment_messages_pb2 as pb
from ballast.amendments.v1 import amendment_pb2
from ballast.governance.v1 import approval_pb2
from rich.console import RenderableType
from rich.text import Text

from clients.cli.amendment_services import Kept
from clients.cli.approvals_drawing import draw_impact, state_text
from clients.cli.formats import count_text, enum_text, member_text, time_text
from clients.cli.output import Column, cell, facts, table, total

_STATES = amendment_pb2.AmendmentState.DESCRIPTOR
_OVERDUE = amendment_pb2.AMENDMENT_CAUSE_REVIEW_OVERDUE
_STYLES = {
    amendment_pb2.AMENDMENT_STATE_IN_FORCE: "green",
    amendment_pb2.AMENDMENT_STATE_REJECTED: "red",
    amendment_pb2.AMENDMENT_STATE_LAPSED: "red",
}
_LINE_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def draw_documents(rows: Sequence[tuple[str, amendment_pb2.Document]]) -> Iterable[RenderableType]:
    columns = (
        Column("document", whole=True),
        "kind",
        Column("version", right=True),
        "owner",
        "approval",
        Column("open", right=True),
        "service",
    )
    yield table("", columns, [_document_row(service, each) for service, each in rows])
    yield cell(count_text(len(rows), "document"), "dim")


def draw_owned(document: amendment_pb2.Document) -> Iterable[RenderableType]:
    owner = f"belongs to {document.owner}, whose approvers decide" if document.owner else "belongs to everybody"
    yield cell(f"{document.name} {owner}", "green")


def draw_amendments(kept: Sequence[Kept], *, more: bool) -> Iterable[RenderableType]:
    columns = ("state", "document", "version", "by", "reason", Column("drafted", whole=True), Column("amendment", whole=True))
    rows = [
        (
            enum_text(each.amendment, "state"),
            each.amendment.document,
            _versions(each.amendment),
            each.amendment.author,
            each.amendment.reason,
            time_text(each.amendment, "create_time"),
            each.amendment.name,
        )
        for each in kept
    ]
    yield table("", columns, rows)
    yield total(len(rows), "amendment", "more" if more else "")


def draw_amendment(
    amendment: amendment_pb2.Amendment, service: str, approval: approval_pb2.Approval | None = None, unknown: str = ""
) -> Iterable[RenderableType]:
    """`unknown` says why the approval is not known."""
    yield facts(
        [
            ("amendment", amendment.name or "none: only tried"),
            ("document", f"{amendment.document} ({amendment.kind}), kept by {service}"),
            ("state", cell(enum_text(amendment, "state"), _STYLES.get(amendment.state, "")) if amendment.name else ""),
            ("because", _because(amendment)),
            ("version", _versions(amendment)),
            ("brings back", f"version {amendment.restored_revision}" if amendment.restored_revision else ""),
            ("by", amendment.author),
            ("reason", amendment.reason),
            ("owner", (amendment.owner or "everybody") if _is_fixed(amendment) else ""),
            ("approval", amendment.approval or ("needed" if amendment.needs_approval else "not needed") if _is_fixed(amendment) else ""),
            ("agreement", _agreement(approval) if approval else unknown),
            ("digest", amendment.digest),
            ("effective", time_text(amendment, "effective_time") or ("as soon as it may" if amendment.HasField("propose_time") else "")),
            ("drafted", time_text(amendment, "create_time") if amendment.name else ""),
            ("proposed", time_text(amendment, "propose_time")),
            ("in force", time_text(amendment, "force_time")),
            ("etag", amendment.etag),
        ]
    )
    if amendment.HasField("impact"):
        yield Text()
        yield draw_impact(amendment.impact)
    if amendment.diff:
        yield Text()
        yield from draw_diff(amendment.diff)
    yield Text()
    yield next_line(amendment)


def draw_diff(diff: str) -> Iterator[Text]:
    """Yields a unified diff, what goes in red and what comes in green."""
    for number, line in enumerate(diff.split("\n")):
        yield cell(line, "bold" if number < 2 else _LINE_STYLES.get(line[:1], ""))


def next_line(amendment: amendment_pb2.Amendment) -> Text:
    """Returns what comes of it next, or what came of it: one line, with the command that brings it on."""
    if not amendment.name:
        return cell("only tried: nothing was stored", "yellow")
    if amendment.cause == _OVERDUE:
        return cell(f"waits for the review of the emergency: ballast approvals close-review {amendment.approval}", "yellow")
    if amendment.state == amendment_pb2.AMENDMENT_STATE_DRAFT:
        return cell(f"nobody was asked yet: ballast amendments propose {amendment.name}", "yellow")
    if amendment.state == amendment_pb2.AMENDMENT_STATE_PROPOSED:
        return cell(f"waits for approval: ballast approvals approve {amendment.approval}", "yellow")
    if amendment.state == amendment_pb2.AMENDMENT_STATE_APPROVED:
        return cell(f"agreed to; comes in force at {time_text(amendment, 'effective_time')}", "yellow")
    if amendment.state == amendment_pb2.AMENDMENT_STATE_IN_FORCE:
        return cell(f"version {amendment.revision} of {amendment.document} is in force", "green")
    return cell(f"over: {enum_text(amendment, 'state')}", _STYLES.get(amendment.state, "dim"))


def change_line(response: pb.WatchAmendmentsResponse, service: str) -> Text:
    amendment = response.amendment
    state = enum_text(amendment, "state")
    before = member_text(_STATES, response.from_state) if response.from_state else "new"
    moved = f"{before} → {state}" if response.from_state != amendment.state else f"{state}, changed"
    parts = (time_text(amendment, "update_time"), service, moved, f"{amendment.document} by {amendment.author}", amendment.name)
    return cell("  ".join(parts))


def _document_row(service: str, document: amendment_pb2.Document) -> tuple[object, ...]:
    return (
        document.name,
        document.kind,
        document.revision,
        document.owner or "all",
        "needed" if document.needs_approval else "no",
        document.open_amendments,
        service,
    )


def _versions(amendment: amendment_pb2.Amendment) -> str:
    return f"{amendment.base_revision} → {amendment.revision}" if amendment.revision else f"made on {amendment.base_revision}"


def _is_fixed(amendment: amendment_pb2.Amendment) -> bool:
    """Whether it is settled if others must agree: it was proposed, or is shown as it would be."""
    return amendment.HasField("propose_time") or not amendment.name


def _because(amendment: amendment_pb2.Amendment) -> str:
    told = amendment.cause not in (amendment_pb2.AMENDMENT_CAUSE_UNSPECIFIED, amendment_pb2.AMENDMENT_CAUSE_CALLER)
    cause = enum_text(amendment, "cause") if told else ""
    return ": ".join(filter(None, (cause, amendment.detail)))


def _agreement(approval: approval_pb2.Approval) -> str:
    votes = [f"{'for' if each.approves else 'against'}: {each.principal}" for each in approval.votes]
    lacking = approval.rule.quorum - sum(each.approves for each in approval.votes)
    if approval.state == approval_pb2.APPROVAL_STATE_PENDING:
        votes.append(f"lacks {count_text(max(0, lacking), 'approver')} by rule {approval.rule.name}")
    if approval.HasField("broken_glass"):
        glass = approval.broken_glass
        votes.append(f"glass broken by {glass.principal}")
        votes.append(f"reviewed by {glass.reviewer}" if glass.reviewer else f"review due {time_text(glass, 'review_due_time')}")
    return "; ".join([state_text(approval), *votes])
