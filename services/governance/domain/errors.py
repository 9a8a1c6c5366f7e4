"""What governance refuses, each with its stable reason.

InvalidInput        LineageTooLarge, EventMalformed, TreeTooSmall, CheckpointRefused, ErasureAimless, SegmentRefused, EntriesSealed,
                    ApprovalRulesRefused, RuleUndecided, TimeRangeEmpty, LinkUnusable
NotFound            NodeNotFound, EntryNotFound, ApprovalNotFound, ApprovalRulesRevisionNotFound, LinkNotFound
AlreadyExists       ApprovalPending, LinkExists
Conflict            LinkChanged, ExportOvertaken
PreconditionFailed  LedgerHeadMissing, LedgerForked, SegmentFaulty, RuleMissing, ApprovalUnreadable, ApprovalClosed,
                    RulesApprovalMissing
PermissionDenied    RequesterRefused, AuthorRefused, ApproverRefused, AuthorMayNotApprove, WithdrawerRefused, BreakGlassRefused
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from shared.errors import AlreadyExists, Conflict, InvalidInput, NotFound, PermissionDenied, PreconditionFailed, Violation


class NodeNotFound(NotFound):
    reason: ClassVar[str] = "NODE_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"name: no event has told of {name} so far; give the full resource name, such as incidents/{{uuid}}",
            metadata={"name": name},
        )


class LineageTooLarge(InvalidInput):
    """More nodes lie within reach than one walk may visit."""

    reason: ClassVar[str] = "LINEAGE_TOO_LARGE"

    def __init__(self, limit: int) -> None:
        rule = f"more than {limit} nodes lie within reach; lower max_depth, name kinds, or walk in one direction"
        super().__init__(f"max_depth: {rule}", [Violation("max_depth", rule)], metadata={"limit": str(limit)})


class LedgerHeadMissing(PreconditionFailed):
    """The row of count and head hash is gone, so nothing may be appended: a new chain would hide what was lost."""

    reason: ClassVar[str] = "LEDGER_HEAD_MISSING"

    def __init__(self) -> None:
        super().__init__("the ledger's head row is missing; verify the ledger and restore it from a backup before appending")


class EventMalformed(InvalidInput):
    """An event that cannot be recorded as it stands; delivering it again does not help."""

    reason: ClassVar[str] = "EVENT_MALFORMED"

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}", [Violation(field, rule)])


class EntryNotFound(NotFound):
    reason: ClassVar[str] = "ENTRY_NOT_FOUND"

    def __init__(self, sequence: int, size: int, field: str = "sequence") -> None:
        super().__init__(f"{field}: the ledger has entries 1 to {size}, {sequence} is not among them", metadata={"sequence": str(sequence)})


class TreeTooSmall(InvalidInput):
    """A size was asked for that the ledger never had, or one that a proof cannot begin with."""

    reason: ClassVar[str] = "TREE_TOO_SMALL"

    def __init__(self, field: str, rule: str, size: int) -> None:
        super().__init__(f"{field}: {rule}", [Violation(field, rule)], metadata={"size": str(size)})


class CheckpointRefused(InvalidInput):
    """What was given as a checkpoint of this ledger is none."""

    reason: ClassVar[str] = "CHECKPOINT_FOREIGN"

    def __init__(self, rule: str) -> None:
        super().__init__(f"checkpoint: {rule}", [Violation("checkpoint", rule)])


class LedgerForked(PreconditionFailed):
    """The ledger is no longer what was signed before, so nothing more may be signed: two stories would both have our word."""

    reason: ClassVar[str] = "LEDGER_FORKED"

    def __init__(self, size: int) -> None:
        super().__init__(
            f"the first {size} entries are no longer those that were signed: verify the ledger, and restore it from a backup",
            metadata={"size": str(size)},
        )


class ErasureAimless(InvalidInput):
    """Neither says which contents to erase, or two things do."""

    reason: ClassVar[str] = "INVALID_INPUT"

    def __init__(self) -> None:
        rule = "give positions or a filter, and not both: an empty filter would mean every entry"
        super().__init__(f"sequences: {rule}", [Violation("sequences", rule), Violation("filter", rule)])


class LinkUnusable(InvalidInput):
    """An edge that nobody may state."""

    reason: ClassVar[str] = "INVALID_INPUT"

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}", [Violation(field, rule)])


class LinkNotFound(NotFound):
    reason: ClassVar[str] = "LINK_NOT_FOUND"

    def __init__(self, link: object) -> None:
        super().__init__(f"no edge {link} is there; walk the lineage to see those that are, or state it with a reason")


class LinkExists(AlreadyExists):
    """Stated, though it is there: whoever says so may not know of what is known of it already."""

    reason: ClassVar[str] = "LINK_EXISTS"

    def __init__(self, link: object) -> None:
        super().__init__(f"the edge {link} is there already; confirm it, or deny it, and see ExplainLink for why it is there")


class LinkChanged(Conflict):
    reason: ClassVar[str] = "ETAG_MISMATCH"

    def __init__(self, version: int) -> None:
        super().__init__(
            f"etag: somebody corrected the edge meanwhile, it is at version {version}; look at it again, then say what you hold of it",
            metadata={"etag": str(version)},
        )


class SegmentRefused(InvalidInput):
    """No segment can end there."""

    reason: ClassVar[str] = "SEGMENT_REFUSED"

    def __init__(self, rule: str) -> None:
        super().__init__(f"last_sequence: {rule}", [Violation("last_sequence", rule)])


class SegmentFaulty(PreconditionFailed):
    """The ledger does not fit: whoever tampered with it would have the seal cover it."""

    reason: ClassVar[str] = "SEGMENT_FAULTY"

    def __init__(self, sequence: int, fault: str, detail: str) -> None:
        super().__init__(
            f"last_sequence: nothing is sealed, entry {sequence} does not fit ({fault}): {detail}; restore it from a backup first",
            metadata={"sequence": str(sequence), "fault": fault},
        )


class EntriesSealed(InvalidInput):
    """Positions were asked for of which only the hashes are left."""

    reason: ClassVar[str] = "ENTRIES_SEALED"

    def __init__(self, field: str, through: int, segments: Sequence[str]) -> None:
        rule = f"entries up to {through} were sealed: the archive of {_some(segments)} has them; ask for those from {through + 1} on"
        super().__init__(f"{field}: {rule}", [Violation(field, rule)], metadata={"segments": ",".join(segments)})


def _some(names: Sequence[str]) -> str:
    return " and ".join([*names[:3], *([f"{len(names) - 3} more"] if len(names) > 3 else [])])


class ExportOvertaken(Conflict):
    """What was exported changed while it was: a content that is gone, and the record of it that came too late, would look like a theft."""

    reason: ClassVar[str] = "EXPORT_OVERTAKEN"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} while the export ran; throw it away and export again")


class ApprovalNotFound(NotFound):
    reason: ClassVar[str] = "APPROVAL_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(f"name: {name} does not exist; ListApprovals lists those there are", metadata={"name": name})


class ApprovalUnreadable(PreconditionFailed):
    """Its row is none that governance wrote."""

    reason: ClassVar[str] = "APPROVAL_ALTERED"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"name: the row of {name} was altered and cannot be read: restore the database of governance, or ask for a new approval; "
            "the ledger has what was told of it",
            metadata={"name": name},
        )


class ApprovalRulesRevisionNotFound(NotFound):
    reason: ClassVar[str] = "APPROVAL_RULES_REVISION_NOT_FOUND"

    def __init__(self, revision: int) -> None:
        super().__init__(
            f"revision: the approval rules have no version {revision}; ListApprovalRulesRevisions lists those there are",
            metadata={"revision": str(revision)},
        )


class ApprovalRulesRefused(InvalidInput):
    reason: ClassVar[str] = "APPROVAL_RULES_REFUSED"

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        violations = [Violation(field, rule) for field, rule in faults]
        super().__init__("; ".join(f"{each.field}: {each.description}" for each in violations[:5]), violations)


class RuleUndecided(InvalidInput):
    """A rule that may be the one that counts cannot be asked about this request."""

    reason: ClassVar[str] = "RULE_UNDECIDED"

    def __init__(self, rule: str, unknown: Sequence[str], fault: str) -> None:
        if unknown:
            why = f"the rule {rule!r} reads {', '.join(unknown)}, which the request does not tell; give it"
            super().__init__(f"impact: {why}", [Violation("impact", why)], metadata={"rule": rule})
            return
        # No field is at fault: whoever asks can do nothing about it.
        super().__init__(
            f"the approval rule {rule!r} failed ({fault}), no fault of this request: whoever keeps the approval rules must mend it",
            metadata={"rule": rule},
        )


class RuleMissing(PreconditionFailed):
    reason: ClassVar[str] = "RULE_MISSING"

    def __init__(self, kind: str, revision: int) -> None:
        super().__init__(
            f"kind: no rule of version {revision} of the approval rules applies to {kind!r}, so nobody can approve it; add one",
            metadata={"kind": kind, "rules_revision": str(revision)},
        )


class ApprovalPending(AlreadyExists):
    reason: ClassVar[str] = "APPROVAL_PENDING"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"digest: {name} waits for exactly this already; have it approved, or break the glass on it, or withdraw it first",
            metadata={"name": name},
        )


class ApprovalClosed(PreconditionFailed):
    reason: ClassVar[str] = "APPROVAL_CLOSED"

    def __init__(self, name: str, state: str, action: str) -> None:
        super().__init__(
            f"name: {name} is {state}, in which {action} does nothing; ask for a new one if it is still wanted",
            metadata={"name": name, "state": state, "action": action},
        )


class RulesApprovalMissing(PreconditionFailed):
    """The rules in force want others to agree to their change, and no approval in force covers exactly this."""

    reason: ClassVar[str] = "APPROVAL_REQUIRED"

    def __init__(self, rule: str, digest: str, verdict: str, detail: str) -> None:
        super().__init__(
            f"approval: the rule {rule!r} wants others to agree to this change, and {detail} (RequestApproval with kind approval-rules, "
            f"subject approvalRules and digest {digest}); then send the same again with the name of the approval",
            metadata={"kind": "approval-rules", "subject": "approvalRules", "digest": digest, "rule": rule, "verdict": verdict},
        )


class RequesterRefused(PermissionDenied):
    reason: ClassVar[str] = "REQUESTER_REFUSED"

    def __init__(self, principal: str, team: str) -> None:
        super().__init__(
            f"team: {principal} may not ask for approvals for {team or 'everybody'}: it needs the role responder, planner or service",
            metadata={"principal": principal, "team": team},
        )


class AuthorRefused(PermissionDenied):
    reason: ClassVar[str] = "AUTHOR_REFUSED"

    def __init__(self, principal: str, author: str) -> None:
        super().__init__(
            f"author: {principal} may not ask in the name of {author}: only a service may; leave the author out",
            metadata={"principal": principal, "author": author},
        )


class ApproverRefused(PermissionDenied):
    reason: ClassVar[str] = "APPROVER_REFUSED"

    def __init__(self, principal: str, rule: str, allowed: str, team: str) -> None:
        super().__init__(
            f"name: {principal} may not decide on it: the rule {rule!r} wants {allowed} ({team or 'of no one team'})",
            metadata={"principal": principal, "rule": rule},
        )


class AuthorMayNotApprove(PermissionDenied):
    reason: ClassVar[str] = "AUTHOR_MAY_NOT_APPROVE"

    def __init__(self, principal: str, name: str, rule: str) -> None:
        super().__init__(
            f"name: {principal} asked for {name} or acted on it, and the rule {rule!r} wants the word of somebody else",
            metadata={"principal": principal, "rule": rule},
        )


class WithdrawerRefused(PermissionDenied):
    reason: ClassVar[str] = "WITHDRAWER_REFUSED"

    def __init__(self, principal: str, name: str, author: str) -> None:
        super().__init__(
            f"name: {principal} may not withdraw {name}: {author} asked for it; an approver can reject it",
            metadata={"principal": principal, "author": author},
        )


class BreakGlassRefused(PermissionDenied):
    reason: ClassVar[str] = "BREAK_GLASS_REFUSED"

    def __init__(self, principal: str, rule: str, allowed: str) -> None:
        why = f"lets {allowed} do that" if allowed else "lets nobody do that"
        super().__init__(
            f"break_glass_reason: {principal} may not act at once: the rule {rule!r} {why}; wait for approvers",
            metadata={"principal": principal, "rule": rule},
        )


class TimeRangeEmpty(InvalidInput):
    reason: ClassVar[str] = "TIME_RANGE_EMPTY"

    def __init__(self, begin: datetime, end: datetime) -> None:
        rule = f"{end.isoformat()} is not after begin_time, {begin.isoformat()}; send a later one, or leave one of them out"
        super().__init__(f"filter.end_time: {rule}", [Violation("filter.end_time", rule)])
