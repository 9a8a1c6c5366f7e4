"""Rates of incidents: the discounted filter by hand, what is pooled, and how clustered counts are."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from services.allocation.domain import demand_rate
from services.allocation.domain.demand_rate import CLUSTERINGS, RatePool, Rows, log_chances, rates

POISSON = tuple(0.0 if each == 1 else -1e6 for each in CLUSTERINGS)  # a pool that is sure of no clustering


def pool(**changes: object) -> RatePool:
    """Builds a pool that says next to nothing of a team's rate."""
    return replace(RatePool(1.0, 1e-9, POISSON, 4.0, 1e-9, 1), **changes)  # type: ignore[arg-type]  # fields by name


def rows(*counts: list[int], days: float = 1.0) -> Rows:
    return Rows.of(counts, [days] * len(counts))


def test_without_pool_and_anchor_it_is_the_printed_filter() -> None:
    # a <- .75 a + N, b <- .75 b + 1 over 2, 0, 5 gives a = 2(.75)² + 5 and b = .75² + .75 + 1.
    found = rates(rows([2, 0, 5]), pool(), 1)
    a, b = 2 * 0.75**2 + 5, 0.75**2 + 0.75 + 1
    assert found.means[0, 0] == pytest.approx(a / b)
    assert found.ratios[0, 0] == pytest.approx(1 + 1 / b, rel=1e-6)


def test_the_predictive_is_the_negative_binomial_of_the_filter() -> None:
    a, b = 6.125, 2.3125
    counts = np.arange(30.0)
    ours = log_chances(counts, np.full(30, a / b), np.full(30, 1 + 1 / b))
    assert ours == pytest.approx(stats.nbinom.logpmf(counts, a, b / (b + 1)))


def test_a_ratio_of_one_is_poisson() -> None:
    counts = np.arange(20.0)
    ours = log_chances(counts, np.full(20, 3.0), np.full(20, 1.0))
    assert ours == pytest.approx(stats.poisson.logpmf(counts, 3), abs=1e-5)


def test_the_anchor_holds_the_long_run_rate_however_long_it_is_quiet() -> None:
    busy_then_quiet = [4] * 30 + [0] * 30
    mean = rates(rows(busy_then_quiet), pool(anchor=4.0), 1).means[0, 0]
    assert 0.5 < mean < 2.0


def test_far_ahead_a_rate_tends_to_the_long_run_and_is_less_sure() -> None:
    found = rates(rows([1] * 20 + [9] * 4), pool(anchor=4.0), 26)
    assert list(found.means[0]) == sorted(found.means[0], reverse=True)
    assert found.means[0, -1] == pytest.approx(found.long_run[0], rel=0.01)
    assert list(found.ratios[0]) == sorted(found.ratios[0])


def test_a_team_with_no_past_is_forecast_from_the_others() -> None:
    chance = np.random.default_rng(1)
    others = [chance.poisson(3, 30).tolist() for _ in range(20)]
    taught = rows(*others, [])
    found = rates(taught, demand_rate.learned(taught), 1)
    assert found.means[-1, 0] == pytest.approx(3.0, rel=0.1)


def test_rates_are_drawn_together_the_more_the_less_teams_differ() -> None:
    chance = np.random.default_rng(2)
    alike = rows(*[chance.poisson(3, 12).tolist() for _ in range(30)])
    apart = rows(*[chance.poisson(mean, 12).tolist() for mean in np.linspace(0.5, 12, 30)])
    assert demand_rate.learned(alike).weight_days > 4 * demand_rate.learned(apart).weight_days


def test_periods_of_different_length_are_compared_by_the_day() -> None:
    chance = np.random.default_rng(3)
    fortnights, weeks = chance.poisson(6, 40).tolist(), chance.poisson(3, 40).tolist()
    taught = Rows.of([fortnights, weeks, []], [14.0, 7.0, 28.0])
    found = rates(taught, demand_rate.learned(taught), 1)
    assert found.means[:, 0] == pytest.approx([6, 3, 12], rel=0.2)


def test_clustered_counts_are_found_clustered_and_poisson_ones_are_not() -> None:
    chance = np.random.default_rng(4)
    clustered = rows(*[chance.negative_binomial(1, 0.25, 60).tolist() for _ in range(10)])
    plain = rows(*[chance.poisson(3, 60).tolist() for _ in range(10)])
    told = [rates(each, demand_rate.learned(each), 1).clustering for each in (clustered, plain)]
    assert all(2.5 < each < 5.5 for each in told[0])  # VMR 4
    assert all(each < 1.35 for each in told[1])


def test_one_storm_does_not_tell_all_there_is_to_know() -> None:
    chance = np.random.default_rng(5)
    quiet = [chance.poisson(1, 52).tolist() for _ in range(7)]
    stormy = [[*each[:20], 15, *each[21:]] for each in quiet]
    taught = rows(*stormy)
    moments = np.mean([np.var(each) / np.mean(each) for each in stormy])
    assert moments > 3.5
    assert rates(taught, demand_rate.learned(taught), 1).clustering.max() < 2.5


def test_a_memory_is_short_where_rates_wander_and_long_where_they_stay() -> None:
    chance = np.random.default_rng(6)
    walks = np.exp(np.cumsum(chance.normal(0, 0.3, (30, 80)), 1))
    wandering = demand_rate.learned(rows(*chance.poisson(np.clip(4 * walks, 0, 60)).tolist()))
    staying = demand_rate.learned(rows(*chance.poisson(4, (30, 80)).tolist()))
    assert wandering.anchor < staying.anchor
    assert wandering.memory < 64


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=20), min_size=1, max_size=6), st.randoms())
def test_the_order_of_teams_does_not_matter_and_figures_are_numbers(counts: list[list[int]], order: object) -> None:
    shuffled = list(enumerate(counts))
    order.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    one, other = rows(*counts), rows(*[each for _, each in shuffled])
    ours, theirs = rates(one, demand_rate.learned(one), 3), rates(other, demand_rate.learned(other), 3)
    assert ours.means[[place for place, _ in shuffled]] == pytest.approx(theirs.means, rel=1e-9)
    assert (ours.means > 0).all()
    assert (ours.ratios >= 1).all()
    assert math.isfinite(float(ours.means.sum() + ours.ratios.sum()))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=3, max_size=20), st.integers(1, 10))
def test_more_incidents_lately_never_mean_fewer_to_come(counts: list[int], more: int) -> None:
    given_pool = pool(anchor=4.0, weight_days=5.0)
    before, after = rates(rows(counts), given_pool, 1), rates(rows([*counts[:-1], counts[-1] + more]), given_pool, 1)
    assert after.means[0, 0] > before.means[0, 0]
