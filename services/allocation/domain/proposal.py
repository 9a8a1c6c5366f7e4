"""Proposals: what a newer decision makes of the one that waits for approvers, and how that one comes in force."""

from dataclasses import replace
from datetime import datetime

from services.allocation.domain.decision import Decision, DecisionTrigger
from services.allocation.domain.quantity import percent
from services.allocation.domain.rule import share_in_force, split_after
from services.allocation.domain.situation import Situation
from services.allocation.domain.standing import Occurrence


def reason_to_lapse(proposal: Decision, made: Decision) -> str:
    """Returns why a proposal is over now that a newer decision was made; nothing where it goes on waiting."""
    if made.trigger is DecisionTrigger.CAPACITY:  # by which nobody asked for any share
        return ""
    asked = _asked(made)
    share = percent(made.after.remediation_share)
    if made.share_change:
        return f"{made.name} asks for {percent(asked)} by now." if made.standing.waits else f"{made.name} came in force, with {share}."
    # What people want back is not over because the rule would leave the share where it is.
    if asked == proposal.after.remediation_share or proposal.trigger is DecisionTrigger.ROLLBACK:
        return ""
    return f"{made.name} asks for {percent(asked)} by now, and no longer for {percent(proposal.after.remediation_share)}."


def in_force(proposal: Decision, situation: Situation, reason: str, now: datetime) -> Decision:
    """Returns the proposal in force from now, on today's sprint and capacity; or lapsed, where it would no longer do what was agreed to."""
    if obstacle := _obstacle(proposal, situation):
        return replace(proposal, standing=proposal.standing.after(Occurrence.OVERTAKEN, obstacle, now))
    split = replace(
        split_after(situation, proposal.after.remediation_share, now),
        decision=proposal.name,
        policy=proposal.policy,
        policy_revision=proposal.policy_revision,
    )
    return replace(proposal, after=split, standing=proposal.standing.after(Occurrence.AGREED, reason, now))


def _asked(made: Decision) -> int:
    """Returns the share a decision asks for before what only makes it wait: for a sprint to begin, or for a proposal."""
    waits = [bound for bound in made.bounds if bound.bound in {"quiet_sprints", "proposal"}]
    return waits[0].before_share if waits else made.after.remediation_share


def _obstacle(proposal: Decision, situation: Situation) -> str:
    policy, share, held = situation.policy, proposal.after.remediation_share, share_in_force(situation)
    if held != proposal.share_before:
        return f"It was to move the share from {percent(proposal.share_before)}, and by now {percent(held)} holds."
    if share > max(policy.cap_share, held) or share < min(policy.floor_share, held):
        bounds = f"{percent(policy.floor_share)} to {percent(policy.cap_share)}"
        return f"Revision {policy.revision} of {policy.name} leaves no room for {percent(share)}: it has {bounds}."
    return ""
