"""What rules did since they came in force, and which of them do nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from services.intake.domain.grouping_rule import GroupingRule
from services.intake.domain.shadowing import shadows

UNUSED_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class RuleUse:
    """What a rule did since it came in force in its present form; times are None for what never happened."""

    since: datetime
    matched: int = 0
    last_matched_at: datetime | None = None
    failed: int = 0
    last_failed_at: datetime | None = None
    failure: str = ""


class UnusedReason(IntEnum):
    SHADOWED = 1
    NEVER = 2
    LATELY = 3


@dataclass(frozen=True, slots=True)
class UnusedRule:
    """A rule that does nothing, and why; `shadowed_by` names the rule that takes what it would."""

    rule: GroupingRule
    reason: UnusedReason
    shadowed_by: str = ""


def unused(
    rules: Sequence[GroupingRule], uses: Mapping[str, RuleUse], now: datetime, unused_for: timedelta = UNUSED_FOR
) -> tuple[UnusedRule, ...]:
    """Returns the rules that took nothing for so long, or never can, in their order; `uses` is by the rule's name.

    A rule in force for less than that may yet be used; without an entry in `uses` it has only just come in force.
    """
    covered = shadows(rules)
    found = []
    for index, rule in enumerate(rules):
        use = uses.get(rule.name)
        if index in covered:
            found.append(UnusedRule(rule, UnusedReason.SHADOWED, rules[covered[index]].name))
        elif use is not None and (use.last_matched_at or use.since) <= now - unused_for:
            found.append(UnusedRule(rule, UnusedReason.LATELY if use.last_matched_at else UnusedReason.NEVER))
    return tuple(found)
