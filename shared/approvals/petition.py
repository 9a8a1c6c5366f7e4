"""What is asked of approvers, and what governance says of it."""

from dataclasses import dataclass
from uuid import UUID

from ballast.governance.v1.approval_pb2 import ImpactPreview


@dataclass(frozen=True, slots=True)
class Petition:
    """Exactly one change, by whom and why. `id` is what it is about, so that the same petition sent twice is one approval."""

    id: UUID
    kind: str
    subject: str
    digest: str  # SHA-256 of what is to be done, hex
    team: str  # `teams/…`, or empty for everybody
    author: str
    reason: str
    impact: ImpactPreview


@dataclass(frozen=True, slots=True)
class Asked:
    """The approval that a petition got, and who asked for it as governance knows the caller."""

    approval: str
    requester: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What is about to be done, on which approval, that this requester asked for."""

    kind: str
    subject: str
    digest: str
    team: str
    approval: str
    requester: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it may be done now; where not, the stable reason (such as `APPROVAL_PENDING`) and a sentence."""

    in_force: bool
    reason: str = ""
    detail: str = ""
