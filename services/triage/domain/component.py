"""Components: the production things that can break, who owns them and what they need."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from services.triage.domain.severity_floor import SeverityFloor
from shared.business_hours import BusinessHours
from shared.errors import InvalidInput, Violation
from shared.money import Money

_CURRENCY = re.compile(r"[A-Z]{3}")
_MOST_REVENUE = 10**12  # more than any organisation has in a year, and sums of it still fit every number of the contract


class Tier(IntEnum):
    """How much the organisation needs a component; a lower number is needed more. Unknown is None, not a tier."""

    CRITICAL = 1
    HIGH = 2
    MEDIUM = 3
    LOW = 4


@dataclass(frozen=True, slots=True)
class Component:
    """A production thing that can break, as the catalogue describes it."""

    name: str  # components/{id}
    display_name: str = ""
    owner_team: str = ""  # teams/{id}; empty when nobody owns it
    tier: Tier | None = None
    revenue_per_minute: Money | None = None
    dependencies: tuple[str, ...] = ()  # components/{id}; need not exist yet
    users: int | None = None
    system: str = ""  # systems/{id}; empty when it is part of none
    lifecycle: str = ""  # such as production; the organisation's own word
    namespace: str = ""  # of the Backstage entity it was imported from; empty for the default one
    labels: tuple[tuple[str, str], ...] = ()  # by key
    resources: tuple[str, ...] = ()  # Backstage resources it needs, as written; no part of the graph
    business_hours: BusinessHours | None = None  # None for those of the scoring model
    severity_floors: tuple[SeverityFloor, ...] = ()  # in the order of severity_floor.in_order

    def violations(self, field: str) -> list[Violation]:
        """Returns what is wrong with it by itself; `field` is where it stands in the request."""
        hours = self.business_hours.violations(f"{field}.business_hours") if self.business_hours else []
        return [*hours, *self._money_violations(f"{field}.revenue_per_minute")]

    def _money_violations(self, path: str) -> list[Violation]:
        money = self.revenue_per_minute
        if money is None:
            return []
        found = []
        if money.amount < 0:
            found.append(Violation(path, f"is {money}; revenue must not be negative, leave it out when it is unknown"))
        if money.amount > _MOST_REVENUE:
            found.append(Violation(path, f"is {money}; at most {_MOST_REVENUE:,} a minute is taken for a revenue"))
        if not _CURRENCY.fullmatch(money.currency):
            found.append(Violation(f"{path}.currency_code", f"is {money.currency!r}; give an ISO 4217 code such as USD"))
        return found


@dataclass(frozen=True, slots=True)
class StoredComponent:
    """A component in the catalogue, at one version."""

    component: Component
    version: int  # 1 for the first, one more for each change
    create_time: datetime
    update_time: datetime


class Change(IntEnum):
    """How a revision came to be; UNKNOWN for those made before revisions were kept."""

    UNKNOWN = 0
    UPSERTED = 1
    IMPORTED = 2
    DELETED = 3


@dataclass(frozen=True, slots=True)
class ComponentRevision:
    """A component as it was after one change, or for a deletion before it."""

    stored: StoredComponent
    change: Change
    author: str
    create_time: datetime


def revise(component: Component, before: StoredComponent | None, now: datetime, last_version: int = 0) -> StoredComponent:
    """Returns the component as it is to be stored: one version on, or as it was when nothing changed.

    `last_version` is that of one of this name that was deleted: versions go on, so that who heard of it takes this for newer.
    """
    if before is None:
        return StoredComponent(component, last_version + 1, now, now)
    if before.component == component:
        return before
    return StoredComponent(component, before.version + 1, before.create_time, now)


def check_components(components: Sequence[Component]) -> None:
    """Raises InvalidInput naming every component of a batch that cannot be stored whatever the catalogue holds."""
    violations: list[Violation] = []
    seen: set[str] = set()
    for position, component in enumerate(components):
        field = f"components[{position}]"
        violations += component.violations(field)
        if component.name in seen:
            violations.append(Violation(f"{field}.name", f"{component.name} stands twice in the batch; send it once"))
        seen.add(component.name)
    if violations:
        raise InvalidInput("; ".join(f"{v.field}: {v.description}" for v in violations), violations)
