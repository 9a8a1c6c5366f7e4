"""Whether a policy's rules hold: conditions asked over signals, with what each remembers of the sprints before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from services.allocation.domain.policy_rule import PolicyRule
from services.allocation.domain.quantity import counted, figure
from services.allocation.domain.rule_memory import RuleMemory
from services.allocation.domain.signal_facts import LANGUAGE, MISSING, SignalFact, facts_of, facts_read
from services.allocation.domain.signals import Signals
from shared.condition import Condition, ConditionFailed, Facts


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a rule holds now, why, and what is to be remembered of it; nothing where it never held or that is over."""

    rule: PolicyRule
    holds: bool
    reason: str
    memory: RuleMemory | None


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with its conditions."""

    rule: PolicyRule
    when: Condition
    until: Condition | None

    @property
    def names(self) -> frozenset[str]:
        return self.when.names | (self.until.names if self.until else frozenset())


@lru_cache(maxsize=512)
def compiled(rules: tuple[PolicyRule, ...]) -> tuple[CompiledRule, ...]:
    """Returns the rules ready to be asked. Raises ConditionRefused; the rules of a stored policy were checked."""
    return tuple(
        CompiledRule(each, LANGUAGE.condition(each.when), LANGUAGE.condition(each.until) if each.until else None) for each in rules
    )


@lru_cache(maxsize=512)
def facts_of_rules(rules: tuple[PolicyRule, ...]) -> tuple[SignalFact, ...]:
    """Returns the signals that their conditions read. Raises as `compiled`."""
    return facts_read(frozenset(name for each in compiled(rules) for name in each.names))


@dataclass(frozen=True, slots=True)
class _Seen:
    """Signals in the form conditions read them."""

    facts: Facts
    known: Mapping[str, Any]
    unknown: frozenset[str]

    @classmethod
    def of(cls, signals: Signals, facts: Sequence[SignalFact]) -> "_Seen":
        return cls(*facts_of(signals, facts))


def judged(rules: tuple[PolicyRule, ...], signals: Signals, remembered: Sequence[RuleMemory], *, begins: bool) -> tuple[Judgement, ...]:
    """Judges every rule, in their order; a rule lets go only when a sprint begins."""
    if not rules:
        return ()
    ready = compiled(rules)
    facts = facts_of_rules(rules)
    everything = _Seen.of(signals, facts)
    own = _Seen.of(signals.own, facts) if signals.own else everything
    held = {each.rule: each for each in remembered}
    return tuple(
        _judged(each, own if each.rule.forgives_causes else everything, (signals.at, signals.sprint), held.get(each.rule.id), begins)
        for each in ready
    )


def _judged(each: CompiledRule, seen: _Seen, moment: tuple[datetime, int], held: RuleMemory | None, begins: bool) -> Judgement:
    at, sprint = moment
    rule = each.rule
    if held is not None and held.holds:
        reason = _goes_on(each, seen, held) if begins else f"It holds since sprint {held.since_sprint}: {rule.reason}"
        if reason:
            return Judgement(rule, True, reason, held)
        if not rule.cool_down_sprints:
            return Judgement(rule, False, f"It let go: {_values(each, seen)}.", None)
        return Judgement(rule, False, f"It let go: {_values(each, seen)}.", replace(held, let_go_sprint=sprint))
    if held is not None and held.let_go_sprint is not None and sprint < held.let_go_sprint + rule.cool_down_sprints:
        left = counted(held.let_go_sprint + rule.cool_down_sprints - sprint, "sprint")
        return Judgement(rule, False, f"It let go in sprint {held.let_go_sprint} and rests for {left} more.", held)
    try:
        holds = each.when.holds(seen.facts)
    except ConditionFailed as failed:
        return Judgement(rule, False, f"It cannot fire: {_missing(each.when, seen, failed)}.", None)
    if holds:
        return Judgement(rule, True, _told(each, seen), RuleMemory(rule.id, at, sprint))
    return Judgement(rule, False, f"It does not hold: {_values(each, seen)}.", None)


def _goes_on(each: CompiledRule, seen: _Seen, held: RuleMemory) -> str:
    """Returns why a rule that held still does, or nothing. What cannot be told keeps it: not to see is no reason to let go."""
    ends = each.until or each.when
    try:
        answer = ends.holds(seen.facts)
    except ConditionFailed as failed:
        return f"It holds since sprint {held.since_sprint} and cannot let go: {_missing(ends, seen, failed)}."
    if answer is (each.until is not None):
        return ""
    return f"It holds since sprint {held.since_sprint}: {_told(each, seen)}"


def _missing(condition: Condition, seen: _Seen, failed: ConditionFailed) -> str:
    missing = sorted(condition.names & seen.unknown)
    return f"{', '.join(missing)} cannot be told" if missing else f"its condition failed, {failed}"


def _told(each: CompiledRule, seen: _Seen) -> str:
    """Returns the rule's reason as a sentence, with what its conditions read."""
    reason = each.rule.reason if each.rule.reason.endswith((".", "!", "?")) else f"{each.rule.reason}."
    values = _values(each, seen)
    return f"{reason} ({values})" if values else reason


def _values(each: CompiledRule, seen: _Seen) -> str:
    """Returns what its conditions read, as they read it."""
    names = sorted(each.names - {MISSING})
    return ", ".join(f"{name} {_text(seen.known[name])}" if name in seen.known else f"{name} cannot be told" for name in names)


def _text(value: Any) -> str:
    return figure(value) if isinstance(value, int | float) else str(value)
