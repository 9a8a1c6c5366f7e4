"""Rules of a policy: conditions over signals, and what follows while they hold."""

from dataclasses import dataclass
from decimal import Decimal

from services.allocation.domain.demand_reserve import Costs, Promise
from shared.money import Money


@dataclass(frozen=True, slots=True)
class RaiseBy:
    """Adds to the share, in millionths."""

    share: int


@dataclass(frozen=True, slots=True)
class SetShare:
    """Asks for at least this share, in millionths."""

    share: int


@dataclass(frozen=True, slots=True)
class Freeze:
    """Stops roadmap work but for protected items: the share goes to the policy's cap, whatever the largest step."""


@dataclass(frozen=True, slots=True)
class Protect:
    """Makes roadmap items hard constraints of the plan: names, with `*` for any characters."""

    items: tuple[str, ...]


Effect = RaiseBy | SetShare | Freeze | Protect


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """While it holds, its effect follows. It begins to hold at any decision; it lets go only when a sprint begins."""

    id: str
    when: str  # CEL over signal_facts: it begins to hold when this is true
    effect: Effect
    reason: str  # a sentence for whoever reads the decision
    description: str = ""
    until: str = ""  # CEL: it goes on until this is true; empty for until `when` is false
    forgives_causes: bool = False  # leaves out incidents and budgets whose cause is not in the team's hands
    cool_down_sprints: int = 0  # sprints after it let go in which it does not begin to hold
    largest_step: int | None = (
        None  # millionths; while it holds the share may rise by as much at once, where that is more than the policy's
    )


@dataclass(frozen=True, slots=True)
class HourCosts:
    """What an hour costs, in one currency: one of remediation not covered, and one reserved and idle."""

    under: Money
    over: Money


@dataclass(frozen=True, slots=True)
class ReserveTarget:
    """How much of a sprint to set aside by the forecast: exactly one of `service_level` and `costs` is set."""

    service_level: Decimal | None = None
    costs: HourCosts | None = None
    clearing_sprints: int = 1  # in which the backlog is to be cleared

    @property
    def promise(self) -> Promise:
        """Returns it as the forecast's own promise."""
        if self.costs is not None:
            costs = Costs(float(self.costs.under.amount), float(self.costs.over.amount))
            return Promise(costs.level, self.clearing_sprints, costs)
        return Promise(float(self.service_level or 0), self.clearing_sprints)
