"""Rules and reserve of a policy to protobuf and back."""

from decimal import Decimal

from ballast.allocation.v1 import allocation_policy_pb2, policy_rule_pb2

from services.allocation.domain.policy import USUAL_HISTORY, AllocationPolicy
from services.allocation.domain.policy_rule import Effect, Freeze, HourCosts, PolicyRule, Protect, RaiseBy, ReserveTarget, SetShare
from services.allocation.domain.quantity import share_from_float, share_to_float
from shared.rpc.wellknown import money_from_pb, money_to_pb


def reserve_from_pb(policy: allocation_policy_pb2.AllocationPolicy) -> ReserveTarget | None:
    if not policy.HasField("reserve"):
        return None
    stated = policy.reserve
    sprints = stated.clearing_sprints or 1
    if stated.WhichOneof("target") == "costs":
        return ReserveTarget(None, HourCosts(money_from_pb(stated.costs.under), money_from_pb(stated.costs.over)), sprints)
    return ReserveTarget(Decimal(str(stated.service_level)), None, sprints)


def rules_from_pb(policy: allocation_policy_pb2.AllocationPolicy) -> tuple[PolicyRule, ...]:
    return tuple(_rule_from_pb(each) for each in policy.rules)


def history_from_pb(policy: allocation_policy_pb2.AllocationPolicy) -> int:
    return policy.history_sprints if policy.HasField("history_sprints") else USUAL_HISTORY


def put_rules(message: allocation_policy_pb2.AllocationPolicy, policy: AllocationPolicy) -> None:
    """Adds a policy's reserve and rules to its message; what it does not state stays absent."""
    if (target := policy.reserve) is not None:
        if target.costs is not None:
            message.reserve.costs.under.CopyFrom(money_to_pb(target.costs.under))
            message.reserve.costs.over.CopyFrom(money_to_pb(target.costs.over))
        else:
            message.reserve.service_level = float(target.service_level or 0)
        message.reserve.clearing_sprints = target.clearing_sprints
    message.rules.extend(_rule_to_pb(each) for each in policy.rules)
    if policy.history_sprints != USUAL_HISTORY:
        message.history_sprints = policy.history_sprints


def _rule_from_pb(rule: policy_rule_pb2.PolicyRule) -> PolicyRule:
    return PolicyRule(
        id=rule.id,
        when=rule.when,
        effect=_effect_from_pb(rule),
        reason=rule.reason,
        description=rule.description,
        until=rule.until,
        forgives_causes=rule.forgives_causes,
        cool_down_sprints=rule.cool_down_sprints,
        largest_step=share_from_float(rule.largest_step) if rule.HasField("largest_step") else None,
    )


def _effect_from_pb(rule: policy_rule_pb2.PolicyRule) -> Effect:
    effect = rule.WhichOneof("effect")
    if effect == "raise_by":
        return RaiseBy(share_from_float(rule.raise_by))
    if effect == "set_share":
        return SetShare(share_from_float(rule.set_share))
    return Protect(tuple(rule.protect.items)) if effect == "protect" else Freeze()


def _rule_to_pb(rule: PolicyRule) -> policy_rule_pb2.PolicyRule:
    message = policy_rule_pb2.PolicyRule(
        id=rule.id,
        description=rule.description,
        when=rule.when,
        until=rule.until,
        reason=rule.reason,
        forgives_causes=rule.forgives_causes,
        cool_down_sprints=rule.cool_down_sprints,
    )
    if isinstance(rule.effect, RaiseBy):
        message.raise_by = share_to_float(rule.effect.share)
    elif isinstance(rule.effect, SetShare):
        message.set_share = share_to_float(rule.effect.share)
    elif isinstance(rule.effect, Protect):
        message.protect.items.extend(rule.effect.items)
    else:
        message.freeze.SetInParent()
    if rule.largest_step is not None:
        message.largest_step = share_to_float(rule.largest_step)
    return message
