"""Allocation's documents under change control: its policies, and what a change of one would decide."""

from collections.abc import Sequence
from dataclasses import replace

from ballast.allocation.v1.allocation_policy_pb2 import AllocationPolicy as PolicyMessage
from ballast.governance.v1.approval_pb2 import ImpactPreview
from google.protobuf.message import Message

from services.allocation.domain.errors import PolicyNotFound
from services.allocation.domain.policy_finding import check_whole
from services.allocation.domain.quantity import percent, share_to_float
from services.allocation.transport.convert import policy_from_pb, policy_to_pb
from services.allocation.usecases.policies import Policies
from services.allocation.usecases.policy_trials import PolicyTrials, TriedTeam
from shared.amendments.document import DocumentKind, Putting
from shared.clock import Clock
from shared.money import Money
from shared.rpc.wellknown import money_to_pb
from shared.storage.etags import etag_of

_COLLECTION = "allocationPolicies/"
_SHOWN = 40  # teams, of a hundred facts that approvers may be given
_DAY_SECONDS = 86_400


def policy_kind(policies: Policies, trials: PolicyTrials, clock: Clock) -> DocumentKind:
    async def read(name: str, revision: int) -> tuple[int, Message]:
        try:
            found = await policies.get(name, revision)
        except PolicyNotFound:
            if revision:
                raise
            return 0, PolicyMessage()
        return found.revision, policy_to_pb(found)

    async def checked(body: PolicyMessage) -> Message:
        policy = policy_from_pb(body)
        check_whole(policy)
        return policy_to_pb(policy)

    async def preview(body: PolicyMessage) -> ImpactPreview:
        return impact_of(await trials.run(policy_from_pb(body), clock.now()))

    async def put(given: Putting) -> int:
        policy = replace(policy_from_pb(given.body), reason=given.reason)
        etag = etag_of(given.base) if given.base else ""
        return (await policies.update(policy, etag, validate_only=False, author=given.author)).revision

    return DocumentKind("allocation-policy", _COLLECTION, PolicyMessage, "approver", policies.names, read, checked, preview, put)


def impact_of(tried: Sequence[TriedTeam]) -> ImpactPreview:
    """Returns what deciding now under the other policy would do to the teams that it changes something for."""
    changed = [each for each in tried if each.share_change]
    displaced = [item for each in changed for item in each.after.impact.displaced]
    largest = max(changed, key=lambda each: abs(each.share_change), default=None)
    values = [item.value_at_risk for item in displaced]
    # Of several currencies there is no sum; each team's own is among the facts.
    one_currency = len({each.currency for each in values}) == 1
    return ImpactPreview(
        summary=f"Of {len(tried)} teams that decide by it, {len(changed)} would have another split now.",
        facts=[_fact(each) for each in changed[:_SHOWN]],
        displaced_items=len(displaced),
        delay_days=max((item.delay.total_seconds() / _DAY_SECONDS for item in displaced), default=0.0),
        value_at_risk=money_to_pb(sum(values[1:], start=values[0])) if one_currency else None,
        remediation_share_change=share_to_float(largest.share_change) if largest else 0.0,
        measures={"teams_tried": len(tried), "teams_changed": len(changed)},
    )


def _fact(team: TriedTeam) -> str:
    before, after, impact = team.before.after, team.after.after, team.after.impact
    text = f"{after.team}: remediation {percent(before.remediation_share)} → {percent(after.remediation_share)}"
    if impact.displaced:
        text += f"; {len(impact.displaced)} items displaced{_worth(impact.value_at_risk)}"
    return text


def _worth(value: Money | None) -> str:
    return f", {value.amount.normalize():f} {value.currency} at risk" if value else ""
