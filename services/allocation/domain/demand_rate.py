"""How many incidents to expect: a Gamma–Poisson filter with discounted memory, pooled over teams, clustered as counts are.

Each period the filter forgets a little and learns the newest count, `a ← δa + N`, `b ← δb + 1` (West and Harrison, 1997); what it
forgets, it replaces with `anchor` periods at the team's own long-run rate, so that a quiet spell never makes it sure of nothing
(stabilised forgetting: Kulhavý and Zarrop, 1993). The long-run rate is itself drawn towards the other teams' by the Gamma
distribution that their rates follow (empirical Bayes, by moments).

Counts are clustered: their variance about the filter is `clustering` times what Poisson arrivals would have. With the doubt about the
rate, which clustering widens too, a count to come is negative binomial with the mean `m = a/b` and the variance-to-mean ratio
`clustering · (1 + 1/b)`: without clustering this is the filter's own NB(r = a, p = b/(b+1)). A team's clustering is weighed by how
likely each of a few would make its own counts, with the pool's counting for so many periods, and that with what is usual. By moments,
as the squared residuals have it, one storm of incidents would tell all there is to know of a year.

Which memory and anchor to use is not set by hand: of a few, those by which each count of the pool would have been foretold best from
the counts before it (Dawid, 1984). Everything is computed for all teams at once, on rows of counts aligned at the newest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

Floats = NDArray[np.float64]

MEMORIES = (4.0, 16.0, 64.0)  # periods, 1 / (1 - δ)
ANCHORS = (1.0, 4.0, 16.0, 64.0)  # periods; the last leaves hardly a memory at all
USUAL_MEMORY, USUAL_ANCHOR = 16.0, 16.0  # periods, where none is known to serve better
CLUSTERINGS = np.array([1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0])
USUAL_CLUSTERING = 1.5  # of incidents, where nothing is known
_CLUSTERING_SPREAD = 0.7  # standard deviation of its logarithm
_POOL_WEIGHT = 40.0  # periods the pool counts for in a team's clustering
_TEACHERS = 200  # teams that memory, anchor and the pool's clustering are learned from, at most
_FEWEST_BEFORE = 4  # periods before the first that a memory is judged by
_JUDGED = 104  # periods at most that memories are judged by, the newest
_SOLE_WEIGHT = 0.5  # periods at the pool's rate where there is nobody to learn from how teams differ
_FLATTEST, _STEEPEST = 0.25, 26.0  # periods that the pool may count for in a team's long-run rate


@dataclass(frozen=True, slots=True)
class Rows:
    """Counts of several teams, one row each, the newest last; `known` is false before a team's first period."""

    counts: Floats
    known: NDArray[np.bool_]
    period_days: Floats

    @classmethod
    def of(cls, counts: Sequence[Sequence[int]], period_days: Sequence[float]) -> "Rows":
        width = max((len(each) for each in counts), default=0)
        filled, known = np.zeros((len(counts), width)), np.zeros((len(counts), width), bool)
        for row, each in enumerate(counts):
            filled[row, width - len(each) :] = each
            known[row, width - len(each) :] = True
        return cls(filled, known, np.asarray(period_days, float))

    @property
    def lengths(self) -> Floats:
        return np.asarray(self.known.sum(1), float)


@dataclass(frozen=True, slots=True)
class RatePool:
    """What the teams have in common: the Gamma distribution of their rates, the usual clustering, and the memory that serves best."""

    daily_rate: float  # incidents a day, of a team
    weight_days: float  # that the pool counts for in a team's long-run rate
    likelihoods: tuple[float, ...]  # of each clustering, by logarithm: of one period, on average
    memory: float  # periods
    anchor: float  # periods
    team_count: int

    @property
    def discount(self) -> float:
        return 1 - 1 / self.memory


@dataclass(frozen=True, slots=True)
class Rates:
    """The counts to come, a row for each team and a column for each period ahead."""

    means: Floats
    ratios: Floats  # variance-to-mean ratios of a count to come
    long_run: Floats  # the mean each team tends to, a period
    clustering: Floats  # of each team


def learned(rows: Rows) -> RatePool:
    """Returns what the teams have in common, by all their counts."""
    daily_rate, weight_days = _moments(rows)
    taught = _taught(rows)
    # The usual one first: where nothing can be told, and on a tie, it stays.
    pairs = [(USUAL_MEMORY, USUAL_ANCHOR), *((memory, anchor) for memory in MEMORIES for anchor in ANCHORS)]
    pools = [RatePool(daily_rate, weight_days, (0.0,) * len(CLUSTERINGS), *pair, len(rows.counts)) for pair in pairs]
    told = [_foretold(taught, pool) for pool in pools]
    best = max(range(len(pools)), key=lambda place: round(float((told[place].sum(0) + _usual()).max()), 9))
    each = told[best].sum(0) / max(int(_judged(taught).sum()), 1)
    return replace(pools[best], likelihoods=tuple(each.tolist()))


def rates(rows: Rows, pool: RatePool, horizon: int) -> Rates:
    """Returns the counts to expect in each of the next `horizon` periods."""
    filtered = _Filtered.of(rows, pool)
    clustering = _weighed(_foretold(rows, pool) + _POOL_WEIGHT * np.array(pool.likelihoods) + _usual())
    # What was learned is discounted once more for each period nothing is learned in.
    fade = pool.discount ** np.arange(horizon)
    recent, weight = filtered.recent[:, -1:] * fade, filtered.weight[:, -1:] * fade
    long_run = filtered.long_run[:, -1:]
    weights = weight + pool.anchor
    means = (recent + pool.anchor * long_run) / weights
    return Rates(means, clustering[:, None] * (1 + 1 / weights), long_run[:, 0], clustering)


@dataclass(frozen=True, slots=True)
class _Filtered:
    """The filter's state before each period, and in the last column after all of them."""

    recent: Floats  # a: discounted counts
    weight: Floats  # b: discounted periods
    long_run: Floats  # incidents a period

    @classmethod
    def of(cls, rows: Rows, pool: RatePool) -> "_Filtered":
        counts = rows.counts * rows.known
        seen = np.pad(np.cumsum(counts, 1), ((0, 0), (1, 0)))
        lengths = np.pad(np.cumsum(rows.known, 1), ((0, 0), (1, 0))).astype(float)
        weight = (pool.weight_days / rows.period_days)[:, None]
        prior = pool.daily_rate * pool.weight_days
        return cls(_discounted(counts, pool.discount), _discounted(rows.known, pool.discount), (seen + prior) / (lengths + weight))

    def ahead(self, anchor: float) -> tuple[Floats, Floats]:
        """Returns mean and weight of the forecast of each period by those before it."""
        weight = self.weight[:, :-1] + anchor
        return (self.recent[:, :-1] + anchor * self.long_run[:, :-1]) / weight, weight


def _discounted(values: NDArray[np.float64] | NDArray[np.bool_], discount: float) -> Floats:
    total = np.zeros((values.shape[0], values.shape[1] + 1))
    for place in range(values.shape[1]):
        total[:, place + 1] = discount * total[:, place] + values[:, place]
    return total


def _moments(rows: Rows) -> tuple[float, float]:
    """Returns rate and weight of the Gamma distribution of daily rates, by moments."""
    days = rows.lengths * rows.period_days
    counts = rows.counts.sum(1)
    total_days = max(float(days.sum()), 1e-9)
    # Half an incident is added, so that a pool that has seen none does not promise there will be none.
    daily_rate = float((counts.sum() + 0.5) / total_days)
    period = float(np.average(rows.period_days))
    if len(counts) < 2:
        return daily_rate, _SOLE_WEIGHT * period
    observed = float(((counts / np.maximum(days, 1e-9) - daily_rate) ** 2 * days).sum() / total_days)
    clustering = _dispersion(rows, counts)
    between = max(observed - clustering * daily_rate * len(counts) / total_days, 0.0)
    weight = daily_rate * clustering / between if between else np.inf
    return daily_rate, float(np.clip(weight, _FLATTEST * period, _STEEPEST * period))


def _dispersion(rows: Rows, counts: Floats) -> float:
    """Returns the squared Pearson residuals about the teams' own means, a degree of freedom each, at least 1."""
    means = np.maximum(counts / np.maximum(rows.lengths, 1), 1e-9)[:, None]
    squares = float(((rows.counts - means) ** 2 / means * rows.known).sum())
    return max(1.0, squares / max(float((rows.lengths - 1).sum()), 1.0))


def _taught(rows: Rows) -> Rows:
    """Returns the rows to learn from: all, or as many as suffice, spread over all of them in an order of their own."""
    if len(rows.counts) <= _TEACHERS:
        return rows
    order = np.lexsort((*rows.counts.T, rows.lengths, rows.counts.sum(1)))
    chosen = order[np.linspace(0, len(order) - 1, _TEACHERS).round().astype(np.intp)]
    return Rows(rows.counts[chosen], rows.known[chosen], rows.period_days[chosen])


def _foretold(rows: Rows, pool: RatePool) -> Floats:
    """Returns the logarithm of the chance that was given to what came, by what came before it: a row for each team, a column for
    each clustering, summed over the newest periods."""
    means, weight = _Filtered.of(rows, pool).ahead(pool.anchor)
    judged = _judged(rows)
    teams = np.nonzero(judged)[0]
    counts, means, doubt = rows.counts[judged], means[judged], 1 + 1 / weight[judged]
    found = [np.bincount(teams, log_chances(counts, means, each * doubt), len(rows.counts)) for each in CLUSTERINGS]
    return np.stack(found, 1)


def _usual() -> Floats:
    """Returns how likely each clustering is before anything was seen, by logarithm."""
    return -((np.log(CLUSTERINGS / USUAL_CLUSTERING) / _CLUSTERING_SPREAD) ** 2) / 2


def _weighed(likelihoods: Floats) -> Floats:
    """Returns the mean clustering of each row."""
    weights = np.exp(likelihoods - likelihoods.max(1, keepdims=True))
    # No matrix product: how that rounds a row depends on how many rows there are.
    return np.asarray((weights * CLUSTERINGS).sum(1) / weights.sum(1))


def _judged(rows: Rows) -> NDArray[np.bool_]:
    before = np.cumsum(rows.known, 1) > _FEWEST_BEFORE
    before[:, : max(0, rows.counts.shape[1] - _JUDGED)] = False
    return before & rows.known


def log_chances(counts: Floats, means: Floats, ratios: Floats) -> Floats:
    """Returns the logarithm of the chance of each count: negative binomial, and Poisson for a ratio of 1."""
    excess = np.maximum(ratios - 1, 1e-9)
    size = means / excess
    orderings = gammaln(counts + size) - gammaln(size) - gammaln(counts + 1)
    return np.asarray(orderings - size * np.log1p(excess) + xlogy(counts, excess) - xlogy(counts, 1 + excess))
