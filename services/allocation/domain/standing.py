"""Standings: where a decision is in its life, as a table of what happens to it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, IntEnum, auto


class DecisionState(IntEnum):
    """Where a decision stands; the numbers are the contract's."""

    PROPOSED = 1
    IN_FORCE = 2
    SUPERSEDED = 3
    REJECTED = 4
    LAPSED = 5
    ROLLED_BACK = 6


class Occurrence(Enum):
    """What happens to a decision."""

    AGREED = auto()  # as many approved as must, or the glass was broken
    REFUSED = auto()  # an approver said no
    EXPIRED = auto()  # nobody decided in time, or the approval is gone or was taken back
    OVERTAKEN = auto()  # a newer decision asks for another share, or what it was to change is no longer so
    REPLACED = auto()  # a newer decision came in force
    TAKEN_BACK = auto()  # the share before it was put back


_PROPOSED, _IN_FORCE = DecisionState.PROPOSED, DecisionState.IN_FORCE
# What is not here changes nothing: what is over stays as it ended.
_NEXT = {
    (_PROPOSED, Occurrence.AGREED): _IN_FORCE,
    (_PROPOSED, Occurrence.REFUSED): DecisionState.REJECTED,
    (_PROPOSED, Occurrence.EXPIRED): DecisionState.LAPSED,
    (_PROPOSED, Occurrence.OVERTAKEN): DecisionState.LAPSED,
    (_IN_FORCE, Occurrence.REPLACED): DecisionState.SUPERSEDED,
    (_IN_FORCE, Occurrence.TAKEN_BACK): DecisionState.ROLLED_BACK,
    # Decisions that held the split may have come after the one that last changed it, which is taken back.
    (DecisionState.SUPERSEDED, Occurrence.TAKEN_BACK): DecisionState.ROLLED_BACK,
}


@dataclass(frozen=True, slots=True)
class ApprovalGround:
    """Why a decision needs that others agree."""

    ground: str
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a decision stands, and what approvers were asked; `requester` is who asked, as governance knows it."""

    state: DecisionState = DecisionState.IN_FORCE
    reason: str = ""
    author: str = ""
    grounds: tuple[ApprovalGround, ...] = ()
    approval: str = ""
    requester: str = ""
    version: int = 1
    in_force_at: datetime | None = None
    rolls_back: str = ""  # the decision it takes back

    @property
    def waits(self) -> bool:
        return self.state is DecisionState.PROPOSED

    def after(self, occurrence: Occurrence, reason: str, now: datetime) -> "Standing":
        """Returns where it stands after that; the same where it changes nothing."""
        state = _NEXT.get((self.state, occurrence))
        if state is None:
            return self
        in_force_at = now if occurrence is Occurrence.AGREED else self.in_force_at
        return replace(self, state=state, reason=reason, in_force_at=in_force_at, version=self.version + 1)

    def told(self, reason: str, approval: str = "", requester: str = "") -> "Standing":
        """Returns it with news of what it waits for; the same where that is none."""
        told = replace(self, reason=reason, approval=approval or self.approval, requester=requester or self.requester)
        return self if told == self else replace(told, version=self.version + 1)


NOT_ASKED_YET = "It needs approval, and governance was not asked yet: that is done right after it was made, then each minute."
NOBODY_ASKED = "Nobody else had to agree."


def first_standing(grounds: tuple[ApprovalGround, ...], author: str, now: datetime, rolls_back: str = "") -> Standing:
    """Returns where a decision stands when it is made: waiting where there are grounds to ask others, else in force."""
    if grounds:
        return Standing(DecisionState.PROPOSED, NOT_ASKED_YET, author, grounds, rolls_back=rolls_back)
    return Standing(DecisionState.IN_FORCE, NOBODY_ASKED, author, in_force_at=now, rolls_back=rolls_back)
