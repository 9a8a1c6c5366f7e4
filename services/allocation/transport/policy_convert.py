"""Findings, differences and previews of policies to protobuf."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from ballast.allocation.v1 import allocation_policy_pb2, decision_pb2
from ballast.allocation.v1 import policy_service_pb2 as pb
from google.protobuf.json_format import MessageToDict

from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.policy_difference import changes_between
from services.allocation.domain.policy_finding import Finding, findings_of
from services.allocation.domain.policy_preview import PreviewedSprint, TeamPreview
from services.allocation.domain.quantity import WHOLE, share_to_float
from services.allocation.domain.ruling import Ruling
from services.allocation.domain.sprint import sprint_name
from services.allocation.transport.convert import policy_from_pb, policy_to_pb
from shared.amendments.difference import difference
from shared.rpc.shape import item_breaches_of
from shared.rpc.wellknown import time_to_pb

_RULE = re.compile(r"rules\[(\d+)\]")
_SERVERS = ("name", "revision", "author", "reason", "etag", "create_time")


def findings_to_pb(policy: allocation_policy_pb2.AllocationPolicy) -> pb.ValidatePolicyResponse:
    """Finds what is wrong with a policy as it came: where it breaks its contract, and what its other parts mean."""
    breaches = [Finding(each.field.removeprefix("policy").removeprefix("."), each.description, True) for each in _breaches(policy)]
    found = [*breaches, *_meant(policy, [each.field for each in breaches])]
    kinds = pb.PolicyFindingKind
    findings = [
        pb.PolicyFinding(
            kind=kinds.POLICY_FINDING_KIND_ERROR if each.error else kinds.POLICY_FINDING_KIND_WARNING,
            field=each.field,
            rule=each.rule,
            description=each.description,
            line=each.line,
            column=each.column,
        )
        for each in found
    ]
    return pb.ValidatePolicyResponse(findings=findings, valid=not any(each.error for each in found))


def _meant(policy: allocation_policy_pb2.AllocationPolicy, broken: Sequence[str]) -> list[Finding]:
    """Returns what is found in the parts that keep the contract; nothing where what they rest on breaks it."""
    spoilt = {int(found[1]) for each in broken if (found := _RULE.match(each))}
    if any(not _RULE.match(each) and not each.startswith("reserve") for each in broken):
        return []
    kept = [place for place in range(len(policy.rules)) if place not in spoilt]
    sound = allocation_policy_pb2.AllocationPolicy()
    sound.CopyFrom(policy)
    del sound.rules[:]
    sound.rules.extend(policy.rules[place] for place in kept)
    if any(each.startswith("reserve") for each in broken):
        sound.ClearField("reserve")
    meant = findings_of(policy_from_pb(sound))
    return [replace(each, field=_RULE.sub(lambda at: f"rules[{kept[int(at[1])]}]", each.field)) for each in meant]


def _breaches(policy: allocation_policy_pb2.AllocationPolicy) -> Sequence[Any]:
    return item_breaches_of(policy, "policy")


def asked_from_pb(ref: pb.PolicyRef) -> AllocationPolicy | int:
    """Returns the policy given whole, or the number of a revision."""
    return policy_from_pb(ref.body) if ref.WhichOneof("policy") == "body" else ref.revision


def difference_to_pb(before: AllocationPolicy, after: AllocationPolicy) -> pb.DiffPoliciesResponse:
    left, right = _document(before), _document(after)
    changes = [
        pb.PolicyChange(field=each.field, before=each.before, after=each.after, meaning=each.meaning)
        for each in changes_between(left, right)
    ]
    names = tuple(f"{each.name} revision {each.revision}" if each.revision else f"{each.name} as given" for each in (before, after))
    return pb.DiffPoliciesResponse(changes=changes, diff=difference(left, right, names=(names[0], names[1])))


def preview_to_pb(preview: TeamPreview) -> pb.TeamPreview:
    sprints = preview.sprints
    in_force, tried = [each.in_force.share for each in sprints], [each.tried.share for each in sprints]
    return pb.TeamPreview(
        team=preview.team,
        sprints=[_sprint_to_pb(preview.team, each) for each in sprints],
        differing_sprints=preview.differing,
        mean_in_force=_mean(in_force),
        mean_tried=_mean(tried),
        changes_in_force=_changes(in_force),
        changes_tried=_changes(tried),
        note=preview.note,
    )


def _sprint_to_pb(team: str, each: PreviewedSprint) -> pb.PreviewedSprint:
    return pb.PreviewedSprint(
        sprint=sprint_name(team, each.sprint.number),
        begin_at=time_to_pb(each.sprint.begin_at),
        in_force=_ruling_to_pb(each.in_force),
        tried=_ruling_to_pb(each.tried),
        decided_share=None if each.decided is None else share_to_float(each.decided),
    )


def _ruling_to_pb(ruling: Ruling) -> pb.PreviewedRuling:
    return pb.PreviewedRuling(
        share=share_to_float(ruling.share),
        requested_share=share_to_float(ruling.requested),
        terms=[
            decision_pb2.DecisionTerm(term=each.term, share=share_to_float(each.share), fired=each.fired, reason=each.reason)
            for each in ruling.terms
        ],
        bounds=[
            decision_pb2.DecisionBound(
                bound=each.bound,
                before_share=share_to_float(each.before_share),
                after_share=share_to_float(each.after_share),
                reason=each.reason,
            )
            for each in ruling.bounds
        ],
        frozen=ruling.frozen,
        protects=ruling.protects,
    )


def _mean(shares: Sequence[int]) -> float:
    return sum(shares) / len(shares) / WHOLE if shares else 0.0


def _changes(shares: Sequence[int]) -> int:
    return sum(before != after for before, after in pairwise(shares))


def _document(policy: AllocationPolicy) -> dict[str, Any]:
    """Returns it as documents spell it, without what the service sets."""
    message = policy_to_pb(policy)
    told = MessageToDict(message, preserving_proto_field_name=True)
    # What is zero is left out by protobuf's JSON, and is a setting like any other here.
    for name in ("baseline_share", "floor_share", "cap_share", "quiet_sprints"):
        told.setdefault(name, getattr(message, name))
    return {name: value for name, value in told.items() if name not in _SERVERS}
