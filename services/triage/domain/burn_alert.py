"""Burn alerts: several windows, several burn rates, as a table (SRE workbook, table 5-8; the third row as Sloth has it).

A row speaks when both its windows burn at its rate or faster: the long one says that it matters, the short one that it still goes on.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from services.triage.domain.error_budget import FEWEST_EVENTS, Floats, burn_threshold

_PERIOD = timedelta(days=30)  # for which the table's rates are printed
_SHORT_PART = 12


class BurnAction(IntEnum):
    """What a row of the table asks for."""

    PAGE = 1
    TICKET = 2


class BurnVerdict(IntEnum):
    """What a row says."""

    QUIET = 1
    BURNING = 2
    TOO_FEW = 3  # it would burn, and there are too few events to say so


@dataclass(frozen=True, slots=True)
class BurnRule:
    """A row of the table; `burn` is that of a window of 30 days."""

    action: BurnAction
    long: timedelta
    fraction: float  # of the budget, which this burn uses within `long`

    @property
    def short(self) -> timedelta:
        return self.long / _SHORT_PART

    @property
    def burn(self) -> float:
        return burn_threshold(self.fraction, self.long, _PERIOD)


DEFAULT_RULES = (
    BurnRule(BurnAction.PAGE, timedelta(hours=1), 0.02),
    BurnRule(BurnAction.PAGE, timedelta(hours=6), 0.05),
    BurnRule(BurnAction.TICKET, timedelta(days=1), 0.10),
    BurnRule(BurnAction.TICKET, timedelta(days=3), 0.10),
)
# Every window of the table, and the month.
WINDOWS = (
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=30),
)


def verdicts(burns: Floats, totals: Floats, rules: tuple[BurnRule, ...] = DEFAULT_RULES, fewest: int = FEWEST_EVENTS) -> NDArray[np.int8]:
    """Returns what each rule (a column) says of each budget (a row), from burns and events in WINDOWS."""
    found = np.full((len(burns), len(rules)), BurnVerdict.QUIET, dtype=np.int8)
    for column, rule in enumerate(rules):
        long, short = WINDOWS.index(rule.long), WINDOWS.index(rule.short)
        # Rates are printed to one decimal; a burn of exactly that must not fail for the last bit of a division.
        threshold = rule.burn * (1 - 1e-9)
        burning = (burns[:, long] >= threshold) & (burns[:, short] >= threshold)
        enough = (totals[:, long] >= fewest) & (totals[:, short] >= fewest)
        found[burning & enough, column] = BurnVerdict.BURNING
        found[burning & ~enough, column] = BurnVerdict.TOO_FEW
    return found
