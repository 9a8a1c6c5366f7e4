"""What approvers are asked about a decision, and shown of its impact."""

from collections.abc import Iterator

from ballast.governance.v1.approval_pb2 import ImpactPreview

from services.allocation.domain.decision import Decision, DisplacedItem
from services.allocation.domain.digest import digest_of
from services.allocation.domain.quantity import percent, share_to_float
from services.allocation.usecases.proposals import KIND
from shared.approvals.petition import Petition
from shared.ids import id_of, uuid_of
from shared.rpc.wellknown import money_to_pb

_LONGEST_TEXT = 1024
_SHOWN = 40  # items, of a hundred facts that approvers may be given
_DAY_SECONDS = 86_400


def petition_of(decision: Decision) -> Petition:
    """Returns what is asked for: of the same decision always the same."""
    reason = " ".join(ground.reason for ground in decision.standing.grounds)
    return Petition(
        id=uuid_of(decision.name),
        kind=KIND,
        subject=decision.name,
        digest=digest_of(decision),
        team=decision.team,
        author=decision.standing.author,
        reason=_clipped(reason),
        impact=impact_of(decision),
    )


def impact_of(decision: Decision) -> ImpactPreview:
    """Returns what would come of the decision, as rules of governance read it."""
    displaced = decision.impact.displaced
    open_severities = [each.severity for each in decision.incidents if each.open]
    return ImpactPreview(
        summary=_clipped(decision.explanation),
        facts=[_clipped(fact) for fact in _facts(decision)],
        displaced_items=len(displaced),
        delay_days=max((_days(item) for item in displaced), default=0.0),
        value_at_risk=money_to_pb(decision.impact.value_at_risk),
        severity=min(open_severities, default=0),
        remediation_share_change=share_to_float(decision.share_change),
        measures={"remediation_hours_change": float(_hours_change(decision)), "incidents_open": len(open_severities)},
    )


def _facts(decision: Decision) -> Iterator[str]:
    before, after = percent(decision.share_before), percent(decision.after.remediation_share)
    yield f"{decision.team}: remediation {before} → {after}; read it whole: ballast decisions explain {id_of(decision.name)}"
    for item in decision.impact.displaced[:_SHOWN]:
        protected = ", protected" if item.protected else ""
        yield f"{item.roadmap_item} ({item.title}){protected}: {_days(item):g} days later, {item.value_at_risk} at risk"
    hidden = len(decision.impact.displaced) - _SHOWN
    if hidden > 0:
        yield f"and {hidden} more"


def _hours_change(decision: Decision) -> float:
    capacity = decision.after.capacity_hours
    return float(capacity) * share_to_float(decision.share_change)


def _days(item: DisplacedItem) -> float:
    return item.delay.total_seconds() / _DAY_SECONDS


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
