"""Rest: when the share stays although the rule would move it, because it moved a while ago, or a proposal waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.allocation.domain.decision import DecisionBound, DecisionTrigger
from services.allocation.domain.quantity import figure
from services.allocation.domain.situation import Change, Situation


@dataclass(frozen=True, slots=True)
class Rest:
    """For how long the share stays after a change of it."""

    changed_at: datetime
    until: datetime
    rollback: bool = False


def rest_bound(rests: Sequence[Rest], now: datetime, moves: tuple[int, int], *, begins: bool, frozen: bool = False) -> DecisionBound | None:
    """Returns what keeps the share where it is because it moved a while ago: `moves` are the shares before and after, in millionths.

    A sprint's beginning may raise it whatever was changed, and so may a freeze at any time, but not after a rollback.
    """
    before, share = moves
    if share == before:
        return None
    for rest in reversed(rests):
        may_rise = (begins or frozen) and share > before and not rest.rollback
        if now < rest.until and not may_rise:
            return DecisionBound("rollback" if rest.rollback else "shortest_dwell", share, before, _reason(rest, now))
    return None


def rests_of(situation: Situation) -> tuple[Rest, ...]:
    return tuple(Rest(each.made_at, rests_until(situation, each), each.trigger is DecisionTrigger.ROLLBACK) for each in situation.changes)


def rest_left(situation: Situation, now: datetime) -> timedelta:
    """Returns how much longer the share stays because of what changed it; zero where it may move."""
    return max((timedelta(), *(each.until - now for each in rests_of(situation))))


def held_bound(situation: Situation, before: int, share: int) -> DecisionBound | None:
    """Returns what keeps a share that needs approval from being proposed now; None where it may be.

    A team's first split has nothing to stay at meanwhile but the policy's baseline; and what waits for approvers is not asked twice.
    """
    if situation.split is None:
        reason = "Others must agree to more than the policy's baseline, and a first split cannot wait: the next decision proposes it."
        return DecisionBound("first_split", share, before, reason)
    waiting = situation.proposal
    if waiting is None or waiting.after.remediation_share != share:
        return None
    approval = f"its approval, {waiting.standing.approval}" if waiting.standing.approval else "its approval"
    return DecisionBound("proposal", share, before, f"{waiting.name} proposes the same and waits for {approval}.")


def rests_until(situation: Situation, change: Change) -> datetime:
    """Returns until when the share stays after a change: for the policy's dwell; after a rollback without one, to the end of its sprint."""
    dwell = situation.policy.shortest_dwell
    if dwell is not None:
        return change.made_at + dwell
    is_rollback = change.trigger is DecisionTrigger.ROLLBACK
    return situation.team.cadence.sprint_at(change.made_at).end_at if is_rollback else change.made_at


def _reason(rest: Rest, now: datetime) -> str:
    verb = "was rolled back" if rest.rollback else "changed"
    hours = figure((rest.until - now).total_seconds() / 3600, 1)
    return f"The share {verb} on {rest.changed_at:%Y-%m-%d %H:%M} UTC and stays for another {hours} h."
