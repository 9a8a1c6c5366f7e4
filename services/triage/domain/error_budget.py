"""Error budgets: what may fail, what has failed of it, and how long the rest lasts (SRE workbook, chapter 5).

The identities, with W the time looked at and P the budget's window:

    burn = error_ratio / (1 - target)      budget_used = burn * W / P
    time_to_exhaust = P / burn             threshold = f * P / W      (burn that uses the fraction f of the budget within W)
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# One failure of ten is a burn of 100 against a target of 99.9 %: of fewer events no burn is told.
FEWEST_EVENTS = 10
LONGEST = timedelta(days=36_500)  # what lasts longer than a century is not said to end


def burn_rate(error_ratio: float, target: float) -> float:
    """Returns how many times faster than allowed errors come; 1 uses the budget up exactly at the end of its window."""
    return error_ratio / (1 - target)


def budget_used(burn: float, looked_at: timedelta, period: timedelta) -> float:
    """Returns the share of the budget that this burn uses within `looked_at`."""
    return burn * (looked_at / period)


def time_to_exhaust(period: timedelta, burn: float, remaining: float = 1.0) -> timedelta | None:
    """Returns how long what remains lasts at this burn: zero when nothing does, None when it is not seen to end."""
    if remaining <= 0:
        return timedelta(0)
    if burn <= 0 or remaining * (period / LONGEST) >= burn:
        return None
    return period * (remaining / burn)


def burn_threshold(fraction: float, looked_at: timedelta, period: timedelta) -> float:
    """Returns the burn that uses this fraction of the budget within `looked_at`."""
    return fraction * (period / looked_at)


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted of many budgets, a row each: events, or time slices where the budget counts those.

    `good` and `total` have a column for each window looked at; the last is the budget's own.
    """

    targets: Floats
    good: Floats
    total: Floats
    period_seconds: Floats  # of the budget's window, without what is excluded of it
    counted_seconds: Floats  # of that, what has passed since the first sample
    adjusted: Floats  # share of the budget that people gave back, negative for what they took

    def expected_total(self, row: int) -> float:
        """Returns how many events come in the whole window of a budget at the traffic seen so far; 0 before any was."""
        counted = float(self.counted_seconds[row])
        return float(self.total[row, -1]) * float(self.period_seconds[row]) / counted if counted > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What follows for many budgets, a row each. A ratio of nothing is not a number."""

    burns: Floats  # a column for each window
    used: Floats  # share of the budget; above 1 when more failed than may
    remaining: Floats  # 1 - used + adjusted; negative when exhausted


def measure(counted: Counted) -> Measured:
    """Returns burn, use and rest of many budgets at once; where nothing was counted nothing was used.

    In a window of which only a part is counted yet (a new SLO, a calendar window under way) the use is of the whole budget: what
    failed so far, against what may fail in all of it at the traffic seen so far.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(counted.total > 0, (counted.total - counted.good) / counted.total, np.nan)
    burns = ratios / (1 - counted.targets)[:, None]
    share = np.clip(counted.counted_seconds / np.maximum(counted.period_seconds, 1.0), 0.0, 1.0)
    used = np.nan_to_num(burns[:, -1], nan=0.0) * share
    return Measured(burns, used, 1 - used + counted.adjusted)


def burns_to_act_on(burns: Floats, totals: Floats, known: Floats) -> Floats:
    """Returns the burns that steps of a policy look at: over the whole of each window, and only where enough events came to tell.

    `known` is the share of each window in which something was counted. A window of four weeks that began to be counted an hour ago says
    little about four weeks: its burn counts for the part that is known, so that what was used of the budget decides, as everywhere else.
    """
    return np.where(totals >= FEWEST_EVENTS, burns * known, np.nan)
