"""Where decisions stand, as columns of their rows."""

from typing import Any

from services.allocation.domain.standing import ApprovalGround, DecisionState, Standing


def standing_from_row(row: Any) -> Standing:
    return Standing(
        state=DecisionState(row.state),
        reason=row.state_reason,
        author=row.author,
        grounds=tuple(ApprovalGround(**each) for each in row.grounds),
        approval=row.approval,
        requester=row.requester,
        version=row.state_version,
        in_force_at=row.in_force_at,
        rolls_back=row.rolls_back,
    )


def standing_to_row(standing: Standing) -> dict[str, Any]:
    return {
        "state": standing.state.value,
        "state_reason": standing.reason,
        "state_version": standing.version,
        "author": standing.author,
        "grounds": [{"ground": each.ground, "reason": each.reason} for each in standing.grounds],
        "approval": standing.approval,
        "requester": standing.requester,
        "rolls_back": standing.rolls_back,
        "in_force_at": standing.in_force_at,
    }
