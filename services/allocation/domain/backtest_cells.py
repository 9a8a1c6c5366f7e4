"""The team-periods that contenders are judged by, of all cohorts together, and what each contender did in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.allocation.domain.backtest_cohort import Floats, Places
from services.allocation.domain.backtest_replay import Contender, Replay

NEEDED_WITHIN = 4  # periods in which a raise must prove to have been needed
_SAME = 1e-9  # of a share
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Cells:
    """One place for each team-period judged, teams one after the other and each in the order of time."""

    teams: tuple[str, ...]
    team: Places
    number: Places
    period: Places  # on a clock that all teams share: which of them fall together
    demand: Floats
    capacity: Floats
    worth: Floats  # of an hour of roadmap work; NaN where unknown

    def __len__(self) -> int:
        return len(self.team)

    @property
    def has_worth(self) -> bool:
        return len(self) > 0 and not bool(np.isnan(self.worth).any())

    def of(self, team: int) -> Flags:
        return np.asarray(self.team == team)


@dataclass(frozen=True)
class Conduct:
    """What one contender did in each of the cells."""

    share: Floats
    backlog: Floats  # left over at the end of the period, person-hours
    change: Flags
    rise: Flags
    flip: Flags  # it fell within the dwell of a rise
    rebound: Flags  # it rose within the dwell of a fall
    false_alarm: Flags  # it rose, and nobody needed that

    @property
    def is_whole(self) -> bool:
        return not bool(np.isnan(self.share).any())


def cells_of(replays: Sequence[Replay], warm_up: int) -> Cells:
    """Returns the cells of teams' periods after their warm-ups."""
    longest = max(each.period_days for replay in replays for each in replay.cohort.teams)
    parts: list[tuple[NDArray[Any], ...]] = []
    names: list[str] = []
    for replay in replays:
        cohort = replay.cohort
        for row, past in enumerate(cohort.teams):
            columns = _judged(replay, row, warm_up)
            numbers = columns + cohort.begin
            places = numbers - past.first
            worth = np.array([np.nan if each is None else each for each in past.worths] or [np.nan] * len(past.capacities))
            days = past.phase_days + numbers * past.period_days
            team = np.full(len(columns), len(names))
            parts.append(
                (team, numbers, np.floor(days / longest + _SAME), cohort.demand[row, columns], cohort.capacity[row, columns], worth[places])
            )
            names.append(past.team)
    team, number, period, demand, capacity, worths = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Cells(tuple(names), team.astype(np.intp), number.astype(np.intp), period.astype(np.intp), demand, capacity, worths)


def conducts_of(replays: Sequence[Replay], place: int, warm_up: int) -> Conduct:
    """Returns the conduct of the contender at that place, in the order of the cells."""
    parts = [_conduct(replay, place, row, warm_up) for replay in replays for row in range(len(replay.cohort.teams))]
    columns = zip(*((p.share, p.backlog, p.change, p.rise, p.flip, p.rebound, p.false_alarm) for p in parts), strict=True)
    return Conduct(*(np.concatenate(each) for each in columns))


def _judged(replay: Replay, row: int, warm_up: int) -> Places:
    known = np.nonzero(replay.cohort.known[row])[0]
    return known[warm_up:]


def _conduct(replay: Replay, place: int, row: int, warm_up: int) -> Conduct:
    columns = _judged(replay, row, warm_up)
    shares, demand, capacity = replay.shares[place, row], replay.cohort.demand[row], replay.cohort.capacity[row]
    moves = np.zeros(len(shares))
    moves[1:] = np.diff(shares)
    signs = np.where(np.abs(moves) > _SAME, np.sign(moves), 0.0)[columns]
    signs[np.isnan(signs)] = 0.0
    flip, rebound = _reversals(signs, _dwell_periods(replay.contenders[place], replay.cohort.teams[row].period_days))
    rise = signs > 0
    return Conduct(
        shares[columns],
        backlogs(demand[columns], shares[columns] * capacity[columns]),
        signs != 0,
        rise,
        flip,
        rebound,
        rise & ~_needed(columns, shares, demand, capacity),
    )


def backlogs(demand: Floats, reserved: Floats) -> Floats:
    """Returns what is left over at the end of each period: B' = max(0, B + D − R)."""
    left, found = 0.0, np.empty(len(demand))
    for place, (asked, kept) in enumerate(zip(demand.tolist(), reserved.tolist(), strict=True)):
        left = max(0.0, left + asked - kept)
        found[place] = left
    return found


def _dwell_periods(contender: Contender, period_days: float) -> float:
    """Returns the dwell in periods; two where there is none, so that the next period's reversal counts."""
    dwell = contender.dwell.total_seconds() / 86_400 / period_days
    return dwell or 2.0


def _reversals(signs: Floats, dwell: float) -> tuple[Flags, Flags]:
    flip, rebound = np.zeros(len(signs), bool), np.zeros(len(signs), bool)
    last = {1.0: -np.inf, -1.0: -np.inf}
    for place, sign in enumerate(signs.tolist()):
        if not sign:
            continue
        if place - last[-sign] < dwell - _SAME:
            (rebound if sign > 0 else flip)[place] = True
        last[sign] = place
    return flip, rebound


def _needed(columns: Places, shares: Floats, demand: Floats, capacity: Floats) -> Flags:
    """Whether in any of the periods from each column on more was asked than the share before it would have covered."""
    found = np.zeros(len(columns), bool)
    for ahead in range(NEEDED_WITHIN):
        there = columns + ahead < len(shares)
        at, before = columns[there] + ahead, np.maximum(columns[there] - 1, 0)
        found[there] |= demand[at] > shares[before] * capacity[at]
    # Raises of the newest periods are not judged: what comes may need them yet.
    return found | (columns + NEEDED_WITHIN > len(shares))
