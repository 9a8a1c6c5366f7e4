"""Bounds: the limits that keep the share a policy asks for, in their order."""

from services.allocation.domain.decision import DecisionBound
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.quantity import percent


def apply_bounds(
    requested: int, before: int, hold: str, policy: AllocationPolicy, *, step: int = 0, frozen: bool = False
) -> tuple[DecisionBound, ...]:
    """Returns the limits that change the share, in order: floor, cap, largest step, quiet sprints.

    `hold` says why the share may not be lowered now; empty when it may. `step` is what a rule that holds lets it rise by where that is
    more than the policy's; a freeze rises by any. Shares in millionths.
    """
    fall, rise = policy.largest_step, max(policy.largest_step, step)
    bounds: list[DecisionBound] = []
    share = requested

    def limit(bound: str, to: int, reason: str) -> None:
        nonlocal share
        if to != share:
            bounds.append(DecisionBound(bound, share, to, reason))
            share = to

    limit("floor", max(share, policy.floor_share), f"The policy's floor is {percent(policy.floor_share)}.")
    limit("cap", min(share, policy.cap_share), f"The policy's cap is {percent(policy.cap_share)}.")
    stepped = max(share, before - fall)
    if not frozen:
        stepped = min(stepped, before + rise)
    moved = fall if share < before else rise
    limit("largest_step", stepped, f"The share moves by at most {percent(moved)} at once, from {percent(before)}.")
    limit("quiet_sprints", before if hold and share < before else share, hold)
    return tuple(bounds)
