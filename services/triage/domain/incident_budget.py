"""The budget that incidents used, one by one and by class, and the duties that follow from the 20 % rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from services.triage.domain.budget_cause import BudgetCause
from services.triage.domain.budget_window import Span

FOUR_WEEKS = timedelta(days=28)
QUARTER = timedelta(days=91)


class DutyKind(IntEnum):
    POST_MORTEM = 1  # one incident used more than its share of the four-week budget
    PLANNING = 2  # one class of incidents used more than its share of a quarter's budget


@dataclass(frozen=True, slots=True)
class BudgetIncident:
    """What budgets need to know of an incident."""

    name: str  # incidents/{uuid}
    class_: str  # as `recurrence.class_of` has it
    class_title: str
    cause: BudgetCause
    cause_ref: str
    components: tuple[str, ...]  # components/{id}
    opened_at: datetime
    ended_at: datetime | None

    def span(self, now: datetime) -> Span:
        return Span(self.opened_at, self.ended_at or now)


@dataclass(frozen=True, slots=True)
class IncidentUse:
    """The budget of one objective that errors during one incident used."""

    incident: BudgetIncident
    slo: str
    objective: int
    bad: float
    total: float
    share: float  # of the budget of the SLO's own window
    four_week_share: float
    quarter_share: float


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that must be done because so much budget went in one way."""

    kind: DutyKind
    slo: str
    objective: int
    about: str  # the incident, or the class
    share: float
    title: str = ""  # of the class, for people


def share_of_budget(bad: float, target: float, rate: float, period: timedelta) -> float:
    """Returns the share of a budget of this length that `bad` events are, at `rate` events a second."""
    allowed = (1 - target) * rate * period.total_seconds()
    return bad / allowed if allowed > 0 else 0.0


def duties_of(uses: Sequence[IncidentUse], post_mortem_share: float, planning_share: float) -> list[Duty]:
    """Returns the duties that follow from what incidents of the last quarter used."""
    found = [
        Duty(DutyKind.POST_MORTEM, each.slo, each.objective, each.incident.name, each.four_week_share)
        for each in uses
        if each.four_week_share > post_mortem_share
    ]
    titles = {each.incident.class_: each.incident.class_title for each in uses}
    for (slo, objective, class_), share in use_by_class(uses).items():
        if class_ and share > planning_share:
            found.append(Duty(DutyKind.PLANNING, slo, objective, class_, share, titles[class_]))
    return found


def use_by_class(uses: Sequence[IncidentUse]) -> Mapping[tuple[str, int, str], float]:
    """Returns the share of a quarter's budget each class used, by SLO, objective and class."""
    found: dict[tuple[str, int, str], float] = {}
    for each in uses:
        key = (each.slo, each.objective, each.incident.class_)
        found[key] = found.get(key, 0.0) + each.quarter_share
    return found
