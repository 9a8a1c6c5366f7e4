"""What a decision asked for, in parts that can be changed one by one and put together again."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.allocation.domain.decision import Decision
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.policy_rule import Freeze, RaiseBy, SetShare
from services.allocation.domain.quantity import WHOLE
from services.allocation.domain.reserve_term import RESERVE, RESERVE_SHARE
from services.allocation.domain.ruling import RULE


@dataclass(frozen=True, slots=True)
class Asked:
    """Terms of triggers and the baseline, the rules that held, and what the reserve alone asks for; shares in millionths."""

    policy: AllocationPolicy
    triggers: Mapping[str, int]
    holding: frozenset[str]
    reserve: int | None

    @property
    def requested(self) -> int:
        """Returns the sum that the ruling's terms come to."""
        baseline = self.policy.baseline_share
        effects = [rule.effect for rule in self.policy.rules if rule.id in self.holding]
        asked = sum(self.triggers.values()) + sum(each.share for each in effects if isinstance(each, RaiseBy))
        asked = max([asked, *(each.share for each in effects if isinstance(each, SetShare))])
        if self.frozen:
            asked = max(asked, self.policy.cap_share)
        if self.reserve is None:
            return asked
        return self.reserve if asked == baseline else max(asked, self.reserve)

    @property
    def frozen(self) -> bool:
        return any(isinstance(rule.effect, Freeze) for rule in self.policy.rules if rule.id in self.holding)

    @property
    def step(self) -> int:
        """Returns what the rules let the share rise by at once."""
        return max((rule.largest_step or 0 for rule in self.policy.rules if rule.id in self.holding), default=0)


def asked_of(decision: Decision, policy: AllocationPolicy) -> Asked:
    """Returns the parts of a decision made under that policy."""
    named = {f"{RULE}{rule.id}" for rule in policy.rules}
    triggers = {each.term: each.share for each in decision.terms if each.term not in named and each.term != RESERVE}
    holding = frozenset(each.term.removeprefix(RULE) for each in decision.terms if each.term in named and each.fired)
    reserve = next((int(each.value * WHOLE) for each in decision.inputs if each.input == RESERVE_SHARE), None)
    return Asked(policy, triggers, holding, reserve)
