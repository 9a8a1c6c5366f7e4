"""Findings: everything that is wrong with a policy's rules and reserve, and what is allowed and probably not meant."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from services.allocation.domain.condition_range import can_hold_together, contradicts_itself
from services.allocation.domain.errors import PolicyRefused
from services.allocation.domain.policy import AllocationPolicy, check_policy, policy_faults
from services.allocation.domain.policy_rule import Freeze, PolicyRule, Protect, RaiseBy, SetShare
from services.allocation.domain.quantity import percent
from services.allocation.domain.signal_facts import FACTS, LANGUAGE, MISSING
from shared.condition import Condition, ConditionRefused

_CURRENCY = re.compile("[A-Z]{3}")
UNTOLD = frozenset(fact.name for fact in FACTS if fact.source.startswith("no service yet"))


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: the field within the policy, the rule it is about, and what to do; the place within a condition, from 1."""

    field: str
    description: str
    error: bool = False
    rule: str = ""
    line: int = 0
    column: int = 0


def findings_of(policy: AllocationPolicy) -> tuple[Finding, ...]:
    """Returns everything found; errors first, then in the order of the fields."""
    plain = [
        Finding(each.field.removeprefix("policy."), each.description, True) for fault in policy_faults(policy) for each in fault.violations
    ]
    found = [*plain, *_reserve(policy), *_rules(policy), *_bounds(policy)]
    return tuple(sorted(found, key=lambda each: not each.error))


def check_whole(policy: AllocationPolicy) -> None:
    """Refuses a policy that cannot be stored. Raises BaselineOutOfBounds or FieldRefused, or PolicyRefused naming all its rules' faults."""
    check_policy(policy)
    errors = [(f"policy.{each.field}", each.description) for each in findings_of(policy) if each.error]
    if errors:
        raise PolicyRefused(errors)


def _reserve(policy: AllocationPolicy) -> Iterator[Finding]:
    target = policy.reserve
    if target is None:
        return
    if target.costs is not None:
        for name, cost in (("under", target.costs.under), ("over", target.costs.over)):
            if cost.amount <= 0 or not _CURRENCY.fullmatch(cost.currency):
                yield Finding(f"reserve.costs.{name}", f"{cost} is no cost; send more than zero, in a currency such as USD", error=True)
        if target.costs.under.currency != target.costs.over.currency:
            told = f"is in {target.costs.over.currency}, and under in {target.costs.under.currency}; give both in one currency"
            yield Finding("reserve.costs.over", told, error=True)


def _rules(policy: AllocationPolicy) -> Iterator[Finding]:
    counts = Counter(rule.id for rule in policy.rules)
    seen: dict[tuple[str, bool], PolicyRule] = {}
    for place, rule in enumerate(policy.rules):
        field = f"rules[{place}]"
        if counts[rule.id] > 1:
            yield Finding(f"{field}.id", f"{rule.id!r} stands {counts[rule.id]} times; give each rule an id of its own", True, rule.id)
        yield from _conditions(rule, field)
        yield from _effect(rule, field, policy)
        key = (" ".join(rule.when.split()), rule.forgives_causes)
        if key in seen and type(seen[key].effect) is type(rule.effect):
            told = f"is that of rule {seen[key].id!r}, whose effect is of the same kind; make one rule of both"
            yield Finding(f"{field}.when", told, rule=rule.id)
        seen.setdefault(key, rule)


def _conditions(rule: PolicyRule, field: str) -> Iterator[Finding]:
    compiled: dict[str, Condition] = {}
    for name, text in (("when", rule.when), ("until", rule.until)):
        if not text and name == "until":
            continue
        try:
            compiled[name] = LANGUAGE.condition(text)
        except ConditionRefused as refused:
            told = f"line {refused.line}, column {refused.column}: {refused.text}"
            yield Finding(f"{field}.{name}", told, True, rule.id, refused.line, refused.column)
            continue
        if not compiled[name].names:
            yield Finding(f"{field}.{name}", "reads no signal: it is always true, or never; read one, as incidents.count", rule=rule.id)
        untold = sorted(compiled[name].names & UNTOLD)
        if untold and MISSING not in compiled[name].names:
            verb = "fires" if name == "when" else "lets go"
            yield Finding(f"{field}.{name}", f"reads {', '.join(untold)}, which no service tells of yet: it never {verb}", rule=rule.id)
        if contradicts_itself(text):
            verb = "hold" if name == "when" else "end"
            told = "asks for more and for less of one signal at once: it can never " + verb + "; mend the thresholds"
            yield Finding(f"{field}.{name}", told, True, rule.id)
    if len(compiled) == 2 and can_hold_together(rule.when, rule.until):
        told = "can be true while `when` is: the rule may then begin and end by turns; leave room between the two thresholds"
        yield Finding(f"{field}.until", told, rule=rule.id)


def _effect(rule: PolicyRule, field: str, policy: AllocationPolicy) -> Iterator[Finding]:
    baseline, floor, cap = policy.baseline_share, policy.floor_share, policy.cap_share
    effect = rule.effect
    if isinstance(effect, RaiseBy) and baseline + effect.share > cap:
        told = f"{percent(effect.share)} on the baseline of {percent(baseline)} goes beyond the cap of {percent(cap)}; the rest is cut off"
        yield Finding(f"{field}.raise_by", told, rule=rule.id)
    if isinstance(effect, SetShare) and effect.share > cap:
        told = f"{percent(effect.share)} lies above the cap of {percent(cap)} and is never reached; lower it, or raise the cap"
        yield Finding(f"{field}.set_share", told, True, rule.id)
    if isinstance(effect, SetShare) and effect.share < floor:
        told = f"{percent(effect.share)} lies below the floor of {percent(floor)}, which holds anyway; raise it, or lower the floor"
        yield Finding(f"{field}.set_share", told, True, rule.id)
    if isinstance(effect, SetShare) and floor <= effect.share <= baseline and policy.reserve is None:
        yield Finding(f"{field}.set_share", f"asks for no more than the baseline of {percent(baseline)}, so it does nothing", rule=rule.id)
    if isinstance(effect, Freeze) and cap == baseline:
        yield Finding(f"{field}.freeze", f"goes to the cap, which is the baseline of {percent(cap)}; raise the cap", rule=rule.id)
    shares = (("raise_by", effect), ("set_share", effect)) if isinstance(effect, RaiseBy | SetShare) else ()
    for name, each in shares:
        if each.share <= 0 and name == ("raise_by" if isinstance(each, RaiseBy) else "set_share"):
            yield Finding(f"{field}.{name}", "comes to zero at a millionth; send at least 0.000001", True, rule.id)
    if rule.largest_step is not None and (isinstance(effect, Freeze | Protect) or rule.largest_step <= policy.largest_step):
        told = "changes nothing: " + (
            "such a rule is not held back by a step" if isinstance(effect, Freeze | Protect) else "the policy's own is no smaller"
        )
        yield Finding(f"{field}.largest_step", told, rule=rule.id)


def _bounds(policy: AllocationPolicy) -> Iterator[Finding]:
    """What can never come about between the bounds."""
    room = policy.cap_share - policy.floor_share
    threshold = policy.approval_thresholds.share_change
    frozen = any(isinstance(rule.effect, Freeze) for rule in policy.rules)
    steps = [policy.largest_step, *(rule.largest_step or 0 for rule in policy.rules)]
    most = room if frozen else min(room, max(steps))
    if threshold is not None and threshold > most:
        told = f"is never reached: no change is larger than {percent(most)}, by floor, cap and largest step; lower it"
        yield Finding("approval_thresholds.share_change", told)
    if not room and (policy.rules or policy.reserve or policy.incident_frequency or policy.time_to_restore or policy.open_incidents):
        yield Finding("cap_share", f"is the floor, {percent(policy.cap_share)}: nothing can move the share; leave room between the two")
    grave = policy.open_incidents
    if grave is not None and grave.raise_by > grave.raise_at_most:
        told = (
            f"{percent(grave.raise_by)} for each is more than {percent(grave.raise_at_most)} for all together, so that the rest is cut off"
        )
        yield Finding("open_incidents.raise_by", told)
