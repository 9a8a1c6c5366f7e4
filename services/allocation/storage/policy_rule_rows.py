"""Rules and reserve of a policy as parts of its document, and what decisions remember of rules; documents of before have none."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from services.allocation.domain.policy import USUAL_HISTORY, AllocationPolicy
from services.allocation.domain.policy_rule import Effect, Freeze, HourCosts, PolicyRule, Protect, RaiseBy, ReserveTarget, SetShare
from services.allocation.domain.rule_memory import RuleMemory
from shared.money import Money

Document = dict[str, Any]


def rules_to_json(policy: AllocationPolicy) -> Document:
    """Returns nothing for a policy without any, so that its document is what it was."""
    told: Document = {}
    if (target := policy.reserve) is not None:
        costs = target.costs
        told["reserve"] = {
            "service_level": None if target.service_level is None else str(target.service_level),
            "costs": {"under": _money_to_json(costs.under), "over": _money_to_json(costs.over)} if costs else None,
            "clearing_sprints": target.clearing_sprints,
        }
    if policy.rules:
        told["rules"] = [_rule_to_json(each) for each in policy.rules]
    if policy.history_sprints != USUAL_HISTORY:
        told["history_sprints"] = policy.history_sprints
    return told


def reserve_from_json(document: Document) -> ReserveTarget | None:
    stated = document.get("reserve")
    if not stated:
        return None
    level, costs = stated["service_level"], stated["costs"]
    hour_costs = HourCosts(_money_from_json(costs["under"]), _money_from_json(costs["over"])) if costs else None
    return ReserveTarget(None if level is None else Decimal(level), hour_costs, stated["clearing_sprints"])


def rules_from_json(document: Document) -> tuple[PolicyRule, ...]:
    return tuple(_rule_from_json(each) for each in document.get("rules", ()))


def history_from_json(document: Document) -> int:
    return int(document.get("history_sprints", USUAL_HISTORY))


def memory_to_json(rules: tuple[RuleMemory, ...]) -> list[Document]:
    return [
        {"rule": each.rule, "since": each.since.isoformat(), "since_sprint": each.since_sprint, "let_go_sprint": each.let_go_sprint}
        for each in rules
    ]


def memory_from_json(documents: list[Document]) -> tuple[RuleMemory, ...]:
    return tuple(
        RuleMemory(each["rule"], datetime.fromisoformat(each["since"]), each["since_sprint"], each["let_go_sprint"]) for each in documents
    )


def _rule_to_json(rule: PolicyRule) -> Document:
    return {
        "id": rule.id,
        "when": rule.when,
        "effect": _effect_to_json(rule.effect),
        "reason": rule.reason,
        "description": rule.description,
        "until": rule.until,
        "forgives_causes": rule.forgives_causes,
        "cool_down_sprints": rule.cool_down_sprints,
        "largest_step": rule.largest_step,
    }


def _rule_from_json(document: Document) -> PolicyRule:
    return PolicyRule(**document | {"effect": _effect_from_json(document["effect"])})


def _effect_to_json(effect: Effect) -> Document:
    if isinstance(effect, RaiseBy):
        return {"raise_by": effect.share}
    if isinstance(effect, SetShare):
        return {"set_share": effect.share}
    return {"protect": list(effect.items)} if isinstance(effect, Protect) else {"freeze": True}


def _effect_from_json(document: Document) -> Effect:
    if "raise_by" in document:
        return RaiseBy(document["raise_by"])
    if "set_share" in document:
        return SetShare(document["set_share"])
    return Protect(tuple(document["protect"])) if "protect" in document else Freeze()


def _money_to_json(money: Money) -> Document:
    return {"amount": str(money.amount), "currency": money.currency}


def _money_from_json(document: Document) -> Money:
    return Money(Decimal(document["amount"]), document["currency"])
