"""Rollback: putting back the share that held before the decision that last changed it."""

from services.allocation.domain.approval import exceeded
from services.allocation.domain.decision import ROLLBACK, Decision, DecisionBound, DecisionTerm, DecisionTrigger
from services.allocation.domain.decision_inputs import inputs_of
from services.allocation.domain.errors import DecisionNotInForce, RollbackEmpty, RollbackTooSoon
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.quantity import percent
from services.allocation.domain.rest import rests_until
from services.allocation.domain.rule import Occasion, Weighing, assembled, begun_sprint, settled, share_in_force
from services.allocation.domain.situation import Situation
from services.allocation.domain.standing import ApprovalGround
from services.allocation.domain.term import baseline_term


def roll_back(situation: Situation, target: Decision, occasion: Occasion, reason: str, *, is_approver: bool) -> Decision:
    """Returns the decision that takes `target` back: in force for an approver, and for others where the policy's thresholds let it.

    Raises RollbackEmpty when the policy's bounds leave nothing to put back, SprintNotBegun.
    """
    begun_sprint(situation, occasion.now)
    policy, before = situation.policy, share_in_force(situation)
    back = target.share_before
    why = f"{occasion.author} takes {target.name} back, before which {percent(back)} held: {reason}"
    weighing = Weighing(
        share_before=before,
        terms=(baseline_term(policy), DecisionTerm(ROLLBACK, back - policy.baseline_share, False, why)),
        inputs=inputs_of(situation, occasion.now, before, ()),
        rolls_back=target.name,
    )
    made = assembled(situation, occasion, weighing, _bounds(back, policy))
    if not made.share_change:
        raise RollbackEmpty(target.name, percent(before))
    return settled(made, () if is_approver else _grounds(made, policy), occasion)


def check_target(situation: Situation, name: str) -> None:
    """Raises DecisionNotInForce unless that decision is the one that last changed the share in force."""
    last = situation.changes[-1] if situation.changes else None
    if last is None or last.decision != name:
        raise DecisionNotInForce(name, last.decision if last else "")


def check_dwell(situation: Situation, occasion: Occasion) -> None:
    """Raises RollbackTooSoon while the share still stays after another rollback."""
    rollbacks = [change for change in situation.changes if change.trigger is DecisionTrigger.ROLLBACK]
    if rollbacks and occasion.now < (until := rests_until(situation, rollbacks[-1])):
        raise RollbackTooSoon(rollbacks[-1].decision, until.isoformat())


def _bounds(back: int, policy: AllocationPolicy) -> tuple[DecisionBound, ...]:
    """Only what the share must never leave: a rollback undoes a step, however large it was."""
    bounds = []
    if back < policy.floor_share:
        bounds.append(DecisionBound("floor", back, policy.floor_share, f"The policy's floor is {percent(policy.floor_share)}."))
    if back > policy.cap_share:
        bounds.append(DecisionBound("cap", back, policy.cap_share, f"The policy's cap is {percent(policy.cap_share)}."))
    return tuple(bounds)


def _grounds(made: Decision, policy: AllocationPolicy) -> tuple[ApprovalGround, ...]:
    """Below a threshold that is stated nobody has to agree; where none is, nothing was said to be small enough."""
    if policy.approval_thresholds.stated:
        return exceeded(made, policy.approval_thresholds)
    reason = "A rollback by somebody who is no approver of the team needs one, and the policy states no size from which on it does."
    return (ApprovalGround(ROLLBACK, reason),)
