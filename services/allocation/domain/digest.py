"""The digest of a decision: what exactly approvers agree to."""

import hashlib
import json

from services.allocation.domain.decision import Decision


def digest_of(decision: Decision) -> str:
    """Returns SHA-256, hex; empty where no approval is needed. The fields are told in decision.proto.

    It has the decision's own name, so an approval holds for no other, and the shares, not the hours: capacity may change while
    approvers think.
    """
    if not decision.standing.grounds:
        return ""
    told = {
        "after": decision.after.remediation_share,
        "before": decision.share_before,
        "decision": decision.name,
        "formula": decision.formula_version,
        "policy": decision.policy,
        "policy_revision": decision.policy_revision,
        "rolls_back": decision.standing.rolls_back,
        "sprint": decision.sprint_number,
        "team": decision.team,
        "trigger": decision.trigger.name,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
