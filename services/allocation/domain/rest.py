"""Rest: when the share stays although the rule would move it, because it moved a while ago, or a proposal waits."""

from datetime import datetime, timedelta

from services.allocation.domain.decision import DecisionBound, DecisionTrigger
from services.allocation.domain.quantity import figure
from services.allocation.domain.situation import Change, Situation


def rest_bounds(situation: Situation, trigger: DecisionTrigger, now: datetime, before: int, share: int) -> tuple[DecisionBound, ...]:
    """Returns what keeps the share where it is because it moved a while ago, at most one limit; shares in millionths."""
    if share == before:
        return ()
    for change in reversed(situation.changes):
        if reason := _resting(situation, change, now, may_rise=trigger is DecisionTrigger.SPRINT_BEGAN and share > before):
            bound = "rollback" if change.trigger is DecisionTrigger.ROLLBACK else "shortest_dwell"
            return (DecisionBound(bound, share, before, reason),)
    return ()


def rest_left(situation: Situation, now: datetime) -> timedelta:
    """Returns how much longer the share stays because of what changed it; zero where it may move."""
    return max((timedelta(), *(rests_until(situation, change) - now for change in situation.changes)))


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


def _resting(situation: Situation, change: Change, now: datetime, *, may_rise: bool) -> str:
    """Returns why the share stays, or nothing. A sprint's beginning may raise it whatever was changed, but not after a rollback."""
    until, is_rollback = rests_until(situation, change), change.trigger is DecisionTrigger.ROLLBACK
    if now >= until or (may_rise and not is_rollback):
        return ""
    verb = "was rolled back" if is_rollback else "changed"
    hours = figure((until - now).total_seconds() / 3600, 1)
    return f"The share {verb} on {change.made_at:%Y-%m-%d %H:%M} UTC and stays for another {hours} h."
