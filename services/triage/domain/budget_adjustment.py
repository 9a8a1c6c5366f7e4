"""Adjustments: budget given back or taken by people, with reason and approver, for a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from uuid import UUID

from services.triage.domain.errors import AdjustmentRefused
from shared.errors import Violation, says_nothing

_MOST_SHARE = 10  # times the whole budget
_MOST = 10**15  # of any unit: without traffic no number of events is a share that could be judged


class AdjustmentUnit(IntEnum):
    """What an adjustment is counted in."""

    MINUTES = 1  # of complete failure
    EVENTS = 2  # bad ones; slices where the budget counts those
    PERCENT = 3  # of the whole budget


@dataclass(frozen=True, slots=True)
class BudgetAdjustment:
    """Budget given back (positive) or taken (negative), in force from `valid_from` until just before `valid_until`."""

    id: UUID
    slo: str
    objective: int
    amount: float
    unit: AdjustmentUnit
    reason: str
    approver: str
    author: str
    valid_from: datetime
    valid_until: datetime
    created_at: datetime

    @property
    def name(self) -> str:
        return f"budgetAdjustments/{self.id}"

    def is_in_force(self, now: datetime) -> bool:
        return self.valid_from <= now < self.valid_until


def check_adjustment(adjustment: BudgetAdjustment, objectives: int, share: float) -> None:
    """Raises AdjustmentRefused naming every field at fault; `share` is what of the budget it is, 0 where that is not known."""
    begins, ends = adjustment.valid_from, adjustment.valid_until
    found = [
        Violation(field, rule)
        for field, is_broken, rule in (
            ("objective", not 0 <= adjustment.objective < objectives, f"must be from 0 to {objectives - 1}: the SLO has {objectives}"),
            ("amount", adjustment.amount == 0, "is 0; positive gives back, negative takes"),
            ("amount", abs(share) > _MOST_SHARE, _beyond(adjustment, share)),
            ("amount", abs(adjustment.amount) > _MOST, f"is beyond {_MOST:,} either way, which nobody can mean"),
            ("reason", says_nothing(adjustment.reason), "is empty; it stays with the budget for good"),
            ("approver", says_nothing(adjustment.approver), "is empty; name who agreed"),
            ("approver", _same(adjustment.approver, adjustment.author), "is the one who adjusts; name another person, who agreed"),
            ("valid_until", ends <= begins, "must lie after valid_from"),
            ("valid_until", begins < ends <= adjustment.created_at, f"{_past(adjustment)}; give one that lies ahead"),
        )
        if is_broken
    ]
    if found:
        raise AdjustmentRefused(found)


def _beyond(adjustment: BudgetAdjustment, share: float) -> str:
    said = f"{abs(share) * 100:,.10g} percent of the error budget"
    if adjustment.unit is not AdjustmentUnit.PERCENT:
        said = f"{abs(adjustment.amount):,.10g} {adjustment.unit.name.lower()}, {said}"
    return f"is {said}; at most {_MOST_SHARE * 100:,} percent of it, {_MOST_SHARE} times the whole, is given back or taken"


def _past(adjustment: BudgetAdjustment) -> str:
    return f"would be {adjustment.valid_until.isoformat()}, which is past, so that it could never count"


def share_of(adjustment: BudgetAdjustment, target: float, period: timedelta, expected_total: float) -> float:
    """Returns the share of the budget an adjustment is; `expected_total` events come in the whole window at the traffic seen so far."""
    if adjustment.unit is AdjustmentUnit.PERCENT:
        return adjustment.amount / 100
    if adjustment.unit is AdjustmentUnit.MINUTES:
        return adjustment.amount / ((1 - target) * (period / timedelta(minutes=1)))
    # Without traffic no number of events is a share of anything.
    return adjustment.amount / ((1 - target) * expected_total) if expected_total > 0 else 0.0


def total_share(adjustments: Sequence[BudgetAdjustment], target: float, period: timedelta, expected_total: float, now: datetime) -> float:
    """Returns the share of all that are in force."""
    return sum(share_of(each, target, period, expected_total) for each in adjustments if each.is_in_force(now))


def _same(one: str, other: str) -> bool:
    return bool(one.strip()) and one.strip().casefold() == other.strip().casefold()
