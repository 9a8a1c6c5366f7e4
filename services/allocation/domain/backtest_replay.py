"""Replaying the past: what each contender sets aside at the beginning of each period, knowing only what was known then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum

import numpy as np

from services.allocation.domain.backtest_cohort import Cohort, Floats
from services.allocation.domain.backtest_outlook import Outlook, outlook
from services.allocation.domain.backtest_signals import TeamSignals
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.quantity import share_to_float
from services.allocation.domain.ruling import Memory, rule_on
from services.allocation.domain.surroundings import FEWEST_SPRINTS

TRAILING = 12
FIXED_SHARE = 1 / 3


class ContenderKind(IntEnum):
    """Who decides; the numbers are the contract's."""

    POLICY = 1
    FIXED_THIRD = 2
    TRAILING_QUANTILE = 3
    FORECAST = 4
    RECORDED = 5


@dataclass(frozen=True, slots=True)
class Contender:
    """Whoever sets hours aside, under a key that is stable within one back-test."""

    key: str
    kind: ContenderKind
    policy: AllocationPolicy | None = None

    @property
    def dwell(self) -> timedelta:
        return (self.policy.shortest_dwell if self.policy else None) or timedelta()


BASELINES = (
    Contender("fixed-third", ContenderKind.FIXED_THIRD),
    Contender("trailing-quantile", ContenderKind.TRAILING_QUANTILE),
    Contender("forecast", ContenderKind.FORECAST),
)
RECORDED = Contender("recorded", ContenderKind.RECORDED)


@dataclass
class Replay:
    """The shares of each contender: a table of teams by periods each, NaN where nothing is set aside yet. Filled by `steps`."""

    cohort: Cohort
    contenders: Sequence[Contender]
    level: float
    shares: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.shares = np.full((len(self.contenders), *self.cohort.known.shape), np.nan)
        self._signals = [TeamSignals.of(self.cohort, row) for row in range(len(self.cohort.teams))]
        self._memories = [[Memory(each.policy.baseline_share)] * len(self.cohort.teams) if each.policy else [] for each in self.contenders]

    def steps(self) -> Iterator[int]:
        """Decides period by period; yields after each part of the work how many team-periods it did."""
        for column in range(self.cohort.width):
            rows = np.nonzero(self.cohort.known[:, column])[0].tolist()
            ahead = outlook(self.cohort, column)
            for place, each in enumerate(self.contenders):
                if each.policy is None:
                    self.shares[place, rows, column] = self._baseline(each.kind, column, ahead)[rows]
            yield 0
            for place, each in enumerate(self.contenders):
                if each.policy is not None:
                    self._rule(place, each.policy, column, ahead)
                    yield 0
            yield len(rows)

    def _rule(self, place: int, policy: AllocationPolicy, column: int, ahead: Outlook) -> None:
        backlog = self._backlog(place, column) if policy.reserve or policy.rules else np.zeros(len(self.cohort.teams))
        memories, number = self._memories[place], self.cohort.begin + column
        for row in np.nonzero(self.cohort.known[:, column])[0].tolist():
            demand = ahead.demand[row] if number - self.cohort.teams[row].first >= FEWEST_SPRINTS else None
            signals = self._signals[row].at(number, policy, demand, float(backlog[row]))
            ruling = rule_on(policy, signals, memories[row], True)
            memories[row] = ruling.memory.next_sprint()
            self.shares[place, row, column] = share_to_float(ruling.share)

    def _backlog(self, place: int, column: int) -> Floats:
        """Returns what was left over when that period began, by the demand known then, had the contender decided."""
        left = np.zeros(len(self.cohort.teams))
        asked = self.cohort.recent_demand(column, column)
        for before in range(column):
            reserved = self.shares[place, :, before] * self.cohort.capacity[:, before]
            left = np.where(self.cohort.known[:, before], np.maximum(0.0, left + asked[:, before] - reserved), 0.0)
        return left

    def _baseline(self, kind: ContenderKind, column: int, ahead: Outlook) -> Floats:
        if kind is ContenderKind.FIXED_THIRD:
            return np.full(len(self.cohort.teams), FIXED_SHARE)
        if kind is ContenderKind.RECORDED:
            begin = self.cohort.begin + column
            return np.array([_recorded(each.shares, begin - each.first) for each in self.cohort.teams])
        hours = ahead.quantiles(self.level) if kind is ContenderKind.FORECAST else self._trailing(column)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.minimum(hours / self.cohort.capacity[:, column], 1.0))

    def _trailing(self, column: int) -> Floats:
        """Returns the quantile of the newest periods; NaN before a team's second."""
        if not column:
            return np.full(len(self.cohort.teams), np.nan)
        recent = self.cohort.recent_demand(column, TRAILING)
        whole = ~np.isnan(recent).any(1)
        found = np.full(len(recent), np.nan)
        found[whole] = np.quantile(recent[whole], self.level, axis=1)
        for row in np.nonzero(~whole)[0]:
            known = recent[row][~np.isnan(recent[row])]
            found[row] = np.quantile(known, self.level) if len(known) else np.nan
        return found


def _recorded(shares: Sequence[float | None], place: int) -> float:
    share = shares[place] if 0 <= place < len(shares) else None
    return np.nan if share is None else share
