"""A budget as it stands: what an answer about one SLO and objective says, with what was left out of it and why."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.triage.domain.budget_policy import UNRESTRICTED, Standing
from services.triage.domain.budget_window import Span
from services.triage.domain.burn_alert import BurnRule, BurnVerdict
from services.triage.domain.error_budget import FEWEST_EVENTS
from services.triage.domain.slo import Slo

STALE_AFTER = timedelta(minutes=15)  # without a sample: three times the shortest window


@dataclass(frozen=True, slots=True)
class WindowBurn:
    """What was counted in the time up to now of this length, and its burn; None where nothing was."""

    window: timedelta
    good: float
    total: float
    burn: float | None
    is_partial: bool = False  # what was counted began within the window

    @property
    def is_too_few(self) -> bool:
        """Whether fewer events came than a burn can be told from."""
        return self.total < FEWEST_EVENTS


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A time that is left out of the budgets of a component: planned work, with who approved it."""

    maintenance_window: str
    span: Span
    reason: str
    approver: str


@dataclass(frozen=True, slots=True)
class BudgetReport:
    """The error budget of one objective of an SLO at a time."""

    slo: Slo
    objective: int
    now: datetime
    window: Span
    counted: timedelta  # time in the window of which something is known
    excluded: timedelta
    good: float
    total: float
    burns: tuple[WindowBurn, ...]
    alerts: tuple[tuple[BurnRule, BurnVerdict], ...]
    used: float
    adjusted: float
    remaining: float
    exhausted_in: timedelta | None  # at the burn of the last hour; None when it is not seen to end
    newest_sample: datetime | None
    exclusions: tuple[Exclusion, ...]
    team: str = ""
    standing: Standing = UNRESTRICTED

    @property
    def target(self) -> float:
        return self.slo.objectives[self.objective].target

    @property
    def is_partial(self) -> bool:
        """Whether a part of the time up to now is not known: the SLO is younger than its window."""
        return self.window.starts_at + self.counted + self.excluded < min(self.now, self.window.ends_at) - timedelta(minutes=1)

    @property
    def is_too_few(self) -> bool:
        """Whether fewer events came in the budget's window than anything can be told from."""
        return self.total < FEWEST_EVENTS

    @property
    def is_stale(self) -> bool:
        return self.newest_sample is None or self.newest_sample < self.now - STALE_AFTER
