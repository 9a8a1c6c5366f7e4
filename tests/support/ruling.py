"""Signals and rules for tests of the ruling: each builder takes what matters and fills in the rest."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.policy_rule import Effect, PolicyRule, RaiseBy
from services.allocation.domain.signals import Signals
from tests.support.allocation import moment, policy


@dataclass(frozen=True, slots=True)
class EvenHours:
    """Hours spread evenly from 0 to `most`."""

    most: float

    @property
    def mean(self) -> float:
        return self.most / 2

    def quantile(self, level: float) -> float:
        return self.most * level


def signals(sprint: int = 7, days: float = 0.0, **told: Any) -> Signals:
    """Builds what is seen as a sprint begins, or days into it: nothing can be told but what is given."""
    begins = not days
    return Signals(
        **{
            "at": moment(sprint, days),
            "sprint": sprint,
            "judged": sprint - 1 if begins else sprint,
            "capacity_hours": Decimal(240),
            **told,
        }
    )


def rule(named: str = "storm", when: str = "incidents.count > 5", effect: Effect | None = None, **more: Any) -> PolicyRule:
    return PolicyRule(named, when, effect or RaiseBy(100_000), more.pop("reason", "Incidents come in a storm."), **more)


def ruled(*rules: PolicyRule, **changes: Any) -> AllocationPolicy:
    """Builds a policy that looks at nothing but these rules: a third, from 15 % to 60 %, by 15 % at once, after two quiet sprints."""
    bare = {"incident_frequency": None, "time_to_restore": None, "open_incidents": None}
    return policy(**bare | {"rules": rules} | changes)
