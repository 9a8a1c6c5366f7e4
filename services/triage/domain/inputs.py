"""Inputs: what the model looks at, gathered from the incident's evidence and from what the catalogue knows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from decimal import Decimal

from services.triage.domain.budget_snapshot import BudgetSnapshot
from services.triage.domain.component import Component
from services.triage.domain.incident import Evidence, Incident, IncidentState
from services.triage.domain.recurrence import Recurrence
from services.triage.domain.scale import Value
from services.triage.domain.severity_floor import SeverityFloor
from shared.ids import name_of

TOLD = frozenset(("service_impact", "users_affected", "workaround", "burn_rate", "recent_change", "redundancy_left", "flap_count"))
"""Inputs that the incident's evidence tells, under the same names: they are as old as it is."""

_OLDEST = 32  # hours; what is older says no less
_OPENS, _CLOSES = time(8), time(18)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the catalogue knows around an incident: its components, and how many others need them."""

    known: tuple[Component, ...] = ()  # in the order of their names
    dependents: int = 0
    recurrence: Recurrence = field(default_factory=Recurrence)
    budgets: tuple[BudgetSnapshot, ...] = ()  # of its components, by SLO and objective
    now: datetime | None = None  # when it is looked at; None where the age of what is known does not matter

    def unknown(self, incident: Incident) -> tuple[str, ...]:
        """Returns the ids of the incident's components that the catalogue does not hold."""
        names = {component.name for component in self.known}
        return tuple(sorted(each for each in set(incident.components) if name_of("components", each) not in names))


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found of one input. A value that is not complete may be worse in truth, so it never counts less than a missing one."""

    value: Value | None = None
    complete: bool = True
    note: str = ""


_NOT_LOOKED_AT = Reading()


@dataclass(frozen=True, slots=True)
class Inputs:
    readings: Mapping[str, Reading]  # by the feature's name
    evidence: Evidence
    floors: tuple[tuple[str, SeverityFloor], ...] = ()  # of the known components, each with whose it is

    def reading(self, feature: str) -> Reading:
        """Returns what was found; of a feature that an older model did not look at, nothing is known."""
        return self.readings.get(feature, _NOT_LOOKED_AT)


def inputs_of(incident: Incident, around: Surroundings, currency: str) -> Inputs:
    """Gathers the inputs. Revenue in another currency than `currency` counts as unknown."""
    evidence = incident.evidence
    all_known = bool(around.known) and not around.unknown(incident)
    readings = {
        "service_impact": Reading(evidence.service_impact),
        "tier": _tier(around.known, all_known),
        "users_affected": Reading(evidence.users_affected),
        "revenue_per_minute": _revenue(around.known, all_known, currency),
        "dependents": Reading(around.dependents if around.known or around.dependents else None, all_known),
        "components_affected": Reading(len(set(incident.components)) or None),
        "workaround": Reading(evidence.workaround),
        "burn_rate": Reading(_burn_rate(evidence, around.budgets)),
        "recent_change": Reading(evidence.recent_change),
        "alert_count": Reading(max(1, incident.alert_count)),
        "business_hours": Reading(_any_open(around.known, incident.opened_at)),
        "budget_used": Reading(_budget_used(around.budgets)),
        "recurrence": Reading(around.recurrence.last_28_days),
        "redundancy_left": Reading(evidence.redundancy_left),
        "flap_count": Reading(evidence.flap_count),
        "evidence_age": Reading(evidence_age(incident, around.now)),
    }
    floors = tuple((component.name, floor) for component in around.known for floor in component.severity_floors)
    return Inputs(readings, evidence, floors)


def is_business_hours(at: datetime) -> bool:
    """Monday to Friday, from 08:00 until before 18:00 UTC; holidays are not known."""
    moment = at.astimezone(UTC)
    return moment.weekday() < _SATURDAY and _OPENS <= moment.time() < _CLOSES


def evidence_age(incident: Incident, now: datetime | None) -> int | None:
    """Returns for how many hours nothing was told of it: 0 within the first and once it is over, else by doublings, at most 32.

    By doublings, or each hour in which something else makes triage look again would make a revision.
    """
    if incident.state is IncidentState.RESOLVED:
        return 0
    if now is None or incident.changed_at is None:
        return None
    hours = int((now - incident.changed_at).total_seconds() // 3600)
    return min(_OLDEST, 2 ** (hours.bit_length() - 1)) if hours > 0 else 0


def _any_open(known: Sequence[Component], at: datetime) -> bool:
    """Says whether people wait for any of the components: by its own hours, or by the model's where it has none."""
    own = [component.business_hours for component in known if component.business_hours is not None]
    needs_default = not known or len(own) < len(known)
    return any(hours.hold(at) for hours in own) or (needs_default and is_business_hours(at))


def _burn_rate(evidence: Evidence, budgets: Sequence[BudgetSnapshot]) -> float | None:
    """Returns the worst of what the alerts told and what was measured."""
    measured = [each.burn_rate for each in budgets if each.burn_rate is not None]
    told = [] if evidence.burn_rate is None else [evidence.burn_rate]
    # To one decimal, as burn rates are spoken of: or every minute of a burn would make a revision.
    return max([*told, *(round(each, 1) for each in measured)], default=None)


def _budget_used(budgets: Sequence[BudgetSnapshot]) -> float | None:
    """Returns the largest share of a budget that is used up; more than 1 where it is overspent, and to the hundredth, as it is told."""
    known = [each.remaining for each in budgets if each.remaining is not None]
    return max(0.0, round(1 - min(known), 2)) if known else None


def _tier(known: Sequence[Component], all_known: bool) -> Reading:
    tiers = [component.tier for component in known if component.tier is not None]
    complete = all_known and len(tiers) == len(known)
    return Reading(min(tiers, default=None), complete)


def _revenue(known: Sequence[Component], all_known: bool, currency: str) -> Reading:
    """The sum over the components; less than the truth where some are unknown."""
    amounts = [
        component.revenue_per_minute.amount
        for component in known
        if component.revenue_per_minute is not None and component.revenue_per_minute.currency == currency
    ]
    if not amounts:
        elsewhere = any(component.revenue_per_minute is not None for component in known)
        return Reading(note=f"not known in {currency}" if elsewhere else "")
    return Reading(float(sum(amounts, Decimal(0))), all_known and len(amounts) == len(known))
