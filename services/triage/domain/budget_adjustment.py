"""Adjustments: budget given back or taken by people, with reason and approver, for a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from uuid import UUID

from services.triage.domain.errors import AdjustmentRefused
from shared.errors import Violation, says_nothing


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


def check_adjustment(adjustment: BudgetAdjustment, objectives: int) -> None:
    """Raises AdjustmentRefused naming every field at fault."""
    found = [
        Violation(field, rule)
        for field, is_broken, rule in (
            ("objective", not 0 <= adjustment.objective < objectives, f"must be from 0 to {objectives - 1}: the SLO has {objectives}"),
            ("amount", adjustment.amount == 0, "is 0; positive gives back, negative takes"),
            ("amount", abs(adjustment.amount) > _most(adjustment.unit), f"is beyond {_most(adjustment.unit):,} either way"),
            ("reason", says_nothing(adjustment.reason), "is empty; it stays with the budget for good"),
            ("approver", says_nothing(adjustment.approver), "is empty; name who agreed"),
            ("approver", _same(adjustment.approver, adjustment.author), "is the one who adjusts; name another person, who agreed"),
            ("valid_until", adjustment.valid_until <= adjustment.valid_from, "must lie after valid_from"),
        )
        if is_broken
    ]
    if found:
        raise AdjustmentRefused(found)


def _most(unit: AdjustmentUnit) -> int:
    """Returns the largest amount that can be meant: ten times the budget in percent, a year in minutes."""
    return {AdjustmentUnit.PERCENT: 1_000, AdjustmentUnit.MINUTES: 527_040}.get(unit, 10**15)


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
