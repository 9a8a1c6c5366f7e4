"""Verdicts: whether an approval in force covers exactly what is to be done now, and why not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.governance.domain.approval import Approval, ApprovalState
from services.governance.domain.approval_life import standing
from services.governance.domain.attestation import Attested

_SHOWN = 12  # digits of a digest


class VerdictReason(StrEnum):
    MISSING = "APPROVAL_MISSING"
    SUBJECT_DIFFERS = "SUBJECT_DIFFERS"
    KIND_DIFFERS = "KIND_DIFFERS"
    TEAM_DIFFERS = "TEAM_DIFFERS"
    REQUESTER_DIFFERS = "REQUESTER_DIFFERS"
    DIGEST_CHANGED = "DIGEST_CHANGED"
    PENDING = "APPROVAL_PENDING"
    REJECTED = "APPROVAL_REJECTED"
    WITHDRAWN = "APPROVAL_WITHDRAWN"
    EXPIRED = "APPROVAL_EXPIRED"
    REVIEW_OVERDUE = "REVIEW_OVERDUE"
    ALTERED = "APPROVAL_ALTERED"


@dataclass(frozen=True, slots=True)
class Claim:
    """What is to be done; `team` is None where it does not matter whose approvers agreed.

    `approval` names the one that must cover it, `requester` who must have asked for it; empty where any will do.
    """

    kind: str
    subject: str
    digest: str
    team: str | None = None
    approval: str = ""
    requester: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it may be done; `reason` is None when it may. `approval` covers it, or comes nearest."""

    reason: VerdictReason | None
    detail: str
    approval: Approval | None = None


def verdict_on(claim: Claim, nearest: Attested | None, now: datetime) -> Verdict:
    """Judges by the approval that comes nearest to the claim: nothing of it is taken for granted."""
    if nearest is None:
        what = claim.approval or f"{claim.kind} of {claim.subject}"
        return Verdict(VerdictReason.MISSING, f"there is no approval of {what}; ask for one")
    if nearest.fault or nearest.approval is None:
        return Verdict(VerdictReason.ALTERED, _altered(nearest))  # and not the approval: what its row says counts for nothing
    found = standing(nearest.approval, now)
    reason, detail = next(_differences(claim, found), None) or _state(found, now)
    return Verdict(reason, f"{detail}; {nearest.caveat}" if nearest.caveat else detail, found)


def _altered(nearest: Attested) -> str:
    return (
        f"{nearest.name} was altered beside governance: {nearest.fault}; restore the database, or ask for a new approval (the ledger's "
        f"entries about {nearest.name} say what was told of it)"
    )


def _differences(claim: Claim, found: Approval) -> Iterator[tuple[VerdictReason, str]]:
    asked = found.request
    for reason, what, wanted, approved in (
        (VerdictReason.SUBJECT_DIFFERS, "of", claim.subject, asked.subject),
        (VerdictReason.KIND_DIFFERS, "for", claim.kind, asked.kind),
        (VerdictReason.TEAM_DIFFERS, "for", asked.team if claim.team is None else claim.team, asked.team),
        (VerdictReason.REQUESTER_DIFFERS, "asked for by", claim.requester or asked.requester, asked.requester),
    ):
        if wanted != approved:
            yield reason, f"{found.name} is {what} {approved or 'no one team'}, not {wanted or 'no one team'}; ask for one of its own"
    if claim.digest != asked.digest:
        now, then = claim.digest[:_SHOWN], asked.digest[:_SHOWN]
        yield VerdictReason.DIGEST_CHANGED, f"{found.name} is for {then}…, and it is {now}… now; ask for an approval of that"


def _state(found: Approval, now: datetime) -> tuple[VerdictReason | None, str]:
    if found.is_in_force(now):
        assert found.expires_at is not None
        return None, f"{found.name} covers it until {found.expires_at.isoformat()}"
    if found.is_review_overdue(now):
        return VerdictReason.REVIEW_OVERDUE, f"the review of {found.name} is overdue, and suspends it; close the review"
    match found.state:
        case ApprovalState.PENDING:
            return VerdictReason.PENDING, f"{found.name} lacks {found.lacking} of {found.rule.quorum} approvers; wait for them"
        case ApprovalState.REJECTED:
            return VerdictReason.REJECTED, f"{found.name} was rejected; change it, and ask anew"
        case ApprovalState.WITHDRAWN:
            return VerdictReason.WITHDRAWN, f"{found.name} was withdrawn; ask anew"
    return VerdictReason.EXPIRED, f"{found.name} expired; ask anew"
