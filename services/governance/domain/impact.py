"""The impact of a decision: what it displaced, and what happened since, from what is held now."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from services.governance.domain.fact import BudgetFact, Fact, IncidentFact
from services.governance.domain.lineage import Node, RecordedEdge
from services.governance.domain.measure import days_of, decimal_of
from shared.money import Money


@dataclass(frozen=True, slots=True)
class Later:
    """A later decision about the same item."""

    decision: Node
    delay: timedelta
    time: datetime


@dataclass(frozen=True, slots=True)
class DisplacedSince:
    """An item that was displaced, and later decisions about it in the order they were recorded."""

    item: Node
    delay: timedelta
    value_at_risk: Money | None
    later: tuple[Later, ...] = ()


@dataclass(frozen=True, slots=True)
class IncidentSince:
    """An incident as it stands now."""

    incident: Node
    resolved_at: datetime | None = None
    merged_into: str = ""


@dataclass(frozen=True, slots=True)
class KpiSince:
    """A KPI, one of the resources it is measured on, the last of its values before the decision, and those since by time."""

    kpi: Node
    measured_on: str
    before: BudgetFact | None
    values: tuple[BudgetFact, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """What a decision did; `is_partial` where more was found than is told."""

    decision: Node
    displaced: tuple[DisplacedSince, ...]
    incidents: tuple[IncidentSince, ...]
    bundles: tuple[Node, ...]
    approvals: tuple[Node, ...]
    is_partial: bool
    kpis: tuple[KpiSince, ...] = ()

    @property
    def longest_delay(self) -> timedelta | None:
        return max((each.delay for each in self.displaced), default=None)

    @property
    def value_at_risk(self) -> tuple[Money, ...]:
        """One sum for each currency, by its code."""
        sums: dict[str, Money] = {}
        for each in self.displaced:
            if each.value_at_risk is not None:
                currency = each.value_at_risk.currency
                sums[currency] = sums[currency] + each.value_at_risk if currency in sums else each.value_at_risk
        return tuple(sums[currency] for currency in sorted(sums))


def delay_of(recorded: RecordedEdge) -> timedelta:
    return days_of(recorded.edge.attributes.get("delay_days", ""))


def value_of(recorded: RecordedEdge) -> Money | None:
    amount = decimal_of(recorded.edge.attributes.get("value_at_risk", ""))
    return None if amount is None else Money(amount, recorded.edge.attributes.get("currency", ""))


def by_value(displaced: Iterable[DisplacedSince]) -> tuple[DisplacedSince, ...]:
    """Returns the items, the largest value at risk first whatever its currency, then the longest delay, then by name."""
    return tuple(sorted(displaced, key=lambda each: (-_amount(each), -each.delay, each.item.name)))


def _amount(each: DisplacedSince) -> Decimal:
    return each.value_at_risk.amount if each.value_at_risk else Decimal(0)


def incident_since(incident: Node, facts: Iterable[Fact | None]) -> IncidentSince:
    """Returns how it stands by the newest of what was told of it, in whatever order that came."""
    told = [fact for fact in facts if isinstance(fact, IncidentFact)]
    dated = [(fact.updated_at, fact) for fact in told if fact.updated_at is not None]
    if not told:
        return IncidentSince(incident)
    newest = max(dated, key=lambda each: each[0])[1] if dated else told[0]
    return IncidentSince(incident, newest.resolved_at, newest.merged_into)


def values_of(facts: Iterable[Fact | None], most: int) -> tuple[BudgetFact, ...]:
    """Returns the newest of the values that were told, by the time they are of, whatever order they came in."""
    told = [(fact.at, fact) for fact in facts if isinstance(fact, BudgetFact) and fact.at is not None]
    return tuple(fact for _, fact in sorted(told, key=lambda each: each[0])[-most:])
