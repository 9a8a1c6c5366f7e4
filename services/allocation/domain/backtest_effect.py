"""What followed when the share was raised, without what would have followed anyway.

The share rises after a bad period, and after the worst of many periods comes, as a rule, a better one: a plain before and after flatters
every raise (decision-maths, 5). So the period that made it rise is left out. So are those it was compared with, for the opposite reason:
the share rises where they were few (on counts drawn without any change a before of these made each raise look harmful, ratios of 1.5).
And the teams whose share did not change meanwhile are taken off: what fell with them too was not the raise.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.allocation.domain.backtest_cohort import Cohort, Floats, Places
from services.allocation.domain.backtest_interval import Estimate, estimate
from services.allocation.domain.backtest_replay import Replay
from services.allocation.domain.policy import USUAL_HISTORY

WINDOW = 4  # periods on either side
FEWEST_RAISES = 5
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Effect:
    """After over before, as ratios; None where nothing can be told."""

    raises: int
    naive: float | None = None
    ratio: Estimate | None = None
    cannot_tell: str = ""


@dataclass(frozen=True)
class _Raises:
    """Sums over the window before each raise, the same with the period that made it rise, and after it; of teams at rest per team."""

    when: Places
    before: Floats
    naive: Floats
    after: Floats
    rest_before: Floats
    rest_after: Floats


def demand_effect(replays: Sequence[Replay], place: int) -> Effect:
    """Returns what became of the hours asked for."""
    return _effect([_raises(each, place, each.cohort.demand) for each in replays])


def restore_effect(replays: Sequence[Replay], place: int) -> Effect:
    """Returns what became of the time to restore, as the geometric mean over the incidents of which it is known."""
    found = []
    for each in replays:
        logs, counts = _restores(each.cohort)
        found.append(_means(_raises(each, place, logs), _raises(each, place, counts)))
    return _effect(found, logs=True)


def _effect(parts: Sequence[_Raises], *, logs: bool = False) -> Effect:
    columns = zip(*((p.when, p.before, p.naive, p.after, p.rest_before, p.rest_after) for p in parts), strict=True)
    all_ = _Raises(*(np.concatenate(each) for each in columns))
    whole = ~np.isnan(all_.before + all_.after + all_.naive)
    kept = whole & ~np.isnan(all_.rest_before + all_.rest_after)
    naive = _naive(all_, whole, logs=logs)
    if whole.sum() < FEWEST_RAISES:
        return Effect(
            int(whole.sum()), naive, None, f"{int(whole.sum())} raises with {WINDOW} periods on either side; it takes {FEWEST_RAISES}."
        )
    if kept.sum() < FEWEST_RAISES:
        return Effect(int(whole.sum()), naive, None, "There is no team whose share did not change meanwhile, to compare with.")
    parts_ = (all_.after[kept], all_.before[kept], all_.rest_after[kept], all_.rest_before[kept])
    if not logs and min(float(each.sum()) for each in parts_) <= 0:
        return Effect(int(kept.sum()), naive, None, "Nothing was asked for on one of the sides.")
    centre, spread = _difference(*parts_) if logs else _log_ratio(*parts_)
    found = estimate(spread, all_.when[kept], 2 * WINDOW)
    if found.low is None or found.high is None:
        return Effect(int(kept.sum()), naive, Estimate(math.exp(centre)), f"The raises lie within fewer than {4 * WINDOW} periods.")
    width = found.high - found.value
    return Effect(int(kept.sum()), naive, Estimate(math.exp(centre), math.exp(centre - width), math.exp(centre + width)))


def _naive(raises: _Raises, whole: "np.ndarray[tuple[int], np.dtype[np.bool_]]", *, logs: bool) -> float | None:
    after, before = raises.after[whole], raises.naive[whole]
    if not len(after):
        return None
    if logs:
        return math.exp(float((after - before).mean()))
    return float(after.sum() / before.sum()) if before.sum() > 0 else None


def _log_ratio(after: Floats, before: Floats, rest_after: Floats, rest_before: Floats) -> tuple[float, Floats]:
    """Returns the logarithm of the ratio of ratios of means, and what each raise contributes to it, to the first order."""
    means = [float(each.mean()) for each in (after, before, rest_after, rest_before)]
    centre = math.log(means[0] / means[1]) - math.log(means[2] / means[3])
    return centre, after / means[0] - before / means[1] - rest_after / means[2] + rest_before / means[3]


def _difference(after: Floats, before: Floats, rest_after: Floats, rest_before: Floats) -> tuple[float, Floats]:
    spread = after - before - rest_after + rest_before
    return float(spread.mean()), spread


def _raises(replay: Replay, place: int, values: Floats) -> _Raises:
    shares, known, policy = replay.shares[place], replay.cohort.known, replay.contenders[place].policy
    lag = 1 + (policy.longest_history if policy else USUAL_HISTORY)
    moves = np.zeros(shares.shape)
    moves[:, 1:] = np.nan_to_num(np.diff(shares, axis=1))
    moved = np.abs(moves) > _SAME
    rows = []
    for column in range(WINDOW + lag, shares.shape[1] - WINDOW + 1):
        low, until, high = column - lag - WINDOW, column - lag, column + WINDOW
        there = known[:, low:high].all(1)
        at_rest = there & ~moved[:, low + 1 : until].any(1) & ~moved[:, column - 1 : high].any(1) & ~np.isnan(shares[:, low:high]).any(1)
        before, after = values[:, low:until].sum(1), values[:, column:high].sum(1)
        naive = values[:, column - WINDOW : column].sum(1)
        rest = (before[at_rest].mean(), after[at_rest].mean()) if at_rest.any() else (np.nan, np.nan)
        risen = np.nonzero(there & (moves[:, column] > _SAME))[0]
        rows += [(column, before[row], naive[row], after[row], *rest) for row in risen]
    table = np.array(rows, float).reshape(-1, 6).T
    return _Raises(table[0].astype(np.intp), *table[1:])


def _restores(cohort: Cohort) -> tuple[Floats, Floats]:
    """Returns the sums of the logarithms of times to restore of the incidents begun in each period, and how many there are."""
    logs, counts = np.zeros(cohort.known.shape), np.zeros(cohort.known.shape)
    for row, past in enumerate(cohort.teams):
        for each in past.incidents:
            if each.resolved is not None and each.resolved > each.opened and past.first <= each.period < past.end:
                logs[row, each.period - cohort.begin] += math.log((each.resolved - each.opened) * past.period_days * 24)
                counts[row, each.period - cohort.begin] += 1
    return logs, counts


def _means(sums: _Raises, counts: _Raises) -> _Raises:
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = ("before", "naive", "after", "rest_before", "rest_after")
        return _Raises(sums.when, *(getattr(sums, name) / getattr(counts, name) for name in columns))
