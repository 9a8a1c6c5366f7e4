"""The distribution of hours: the figures of decision-maths.md, 2, by two independent ways, and what must hold for any demand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.allocation.domain.demand_distribution import DemandDistribution, aggregated, moments, step_for
from tests.support.demand import STEP, demand, efforts

PRINTED = [
    # sigma, E[N], VMR, mean, q50, q80, q85, q90, q95, q99 of efforts with a median of 8 h
    (0.75, 3, 1, 31.8, (27.0, 49.2, 55.5, 64.0, 78.0, 109.5)),
    (1.00, 3, 1, 39.6, (30.0, 61.5, 71.2, 85.2, 109.8, 173.5)),
    (1.00, 3, 2, 39.6, (26.5, 65.2, 77.5, 94.8, 124.8, 199.0)),
    (1.00, 3, 4, 39.6, (19.2, 68.0, 84.2, 107.5, 148.8, 248.8)),
    (1.00, 6, 1, 79.1, (68.2, 114.5, 127.8, 146.2, 177.8, 256.2)),
    (1.25, 3, 1, 52.4, (33.5, 79.8, 95.2, 118.8, 163.8, 300.5)),
]
LEVELS = (0.5, 0.8, 0.85, 0.9, 0.95, 0.99)


def panjer(masses: NDArray[np.float64], mean: float, ratio: float, size: int) -> NDArray[np.float64]:
    """The recursion of decision-maths.md, 2, which needs no transform."""
    found = np.zeros(size)
    masses = np.pad(masses, (0, max(0, size - len(masses))))[:size]
    weighted = np.arange(size) * masses
    if ratio == 1:
        a, b = 0.0, mean
        found[0] = np.exp(-mean * (1 - masses[0]))
    else:
        size_r, p = mean / (ratio - 1), 1 / ratio
        a, b = 1 - p, (size_r - 1) * (1 - p)
        found[0] = (p / (1 - (1 - p) * masses[0])) ** size_r
    for s in range(1, size):
        before = found[s - 1 :: -1] if s > 1 else found[:1]
        found[s] = (a * (masses[1 : s + 1] @ before) + b / s * (weighted[1 : s + 1] @ before)) / (1 - a * masses[0])
    return found


@pytest.mark.parametrize(("sigma", "mean", "ratio", "printed", "quantiles"), PRINTED)
def test_the_printed_quantiles_come_out_to_half_an_hour(
    sigma: float, mean: float, ratio: float, printed: float, quantiles: tuple[float, ...]
) -> None:
    found = demand(sigma, mean, ratio)
    assert found.mean == pytest.approx(printed, abs=0.05)
    assert [found.quantile(level) for level in LEVELS] == pytest.approx(quantiles, abs=0.5)


@pytest.mark.parametrize(("sigma", "mean", "ratio"), [(1.0, 3.0, 1.0), (1.0, 3.0, 2.0), (1.0, 3.0, 4.0), (0.75, 6.0, 1.0)])
def test_the_transform_gives_what_panjers_recursion_gives(sigma: float, mean: float, ratio: float) -> None:
    size = 1_500
    assert demand(sigma, mean, ratio).masses[:size] == pytest.approx(panjer(efforts(sigma, 16_384), mean, ratio, size), abs=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=12), st.floats(0.05, 6), st.floats(1.0, 5.0))
def test_transform_and_recursion_agree_whatever_the_efforts(weights: list[float], mean: float, ratio: float) -> None:
    masses = np.array([*weights, 0.01])
    masses /= masses.sum()
    ratio = 1.0 if ratio < 1.01 else ratio
    found = aggregated(np.pad(masses, (0, 1_024 - len(masses)))[None], np.array([mean]), np.array([ratio]), 2_048)[0]
    assert found[:400] == pytest.approx(panjer(masses, mean, ratio, 400), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.4, 1.5), st.floats(0.1, 10), st.floats(1.0, 6.0))
def test_mean_and_spread_are_those_of_the_compound_sum(sigma: float, mean: float, ratio: float) -> None:
    one = efforts(sigma, 4_096)
    first, second = moments(one, STEP, mean, ratio)
    found = DemandDistribution(STEP, aggregated(one[None], np.array([mean]), np.array([ratio]), 32_768)[0])
    assert found.masses.sum() == pytest.approx(1, abs=1e-9)
    assert found.mean == pytest.approx(first, rel=1e-4)
    assert found.deviation == pytest.approx(second**0.5, rel=1e-2)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.2, 6), st.floats(0.05, 2), st.lists(st.floats(0.01, 0.99), min_size=2, max_size=6))
def test_quantiles_rise_with_the_level_and_with_the_incidents_expected(mean: float, more: float, levels: list[float]) -> None:
    less_work, more_work = demand(mean=mean, ratio=2, size=4_096), demand(mean=mean + more, ratio=2, size=4_096)
    found = [less_work.quantile(level) for level in sorted(levels)]
    assert found == sorted(found)
    assert all(less_work.quantile(level) <= more_work.quantile(level) for level in levels)


def test_chances_short_and_idle_add_up() -> None:
    found = demand()
    assert found.chance_up_to(61.5) + found.chance_above(61.5) == pytest.approx(1)
    assert found.chance_above(61.5) == pytest.approx(0.2, abs=0.005)
    assert found.chance_up_to(-1) == 0.0
    for reserve in (0.0, 10.1, 61.5):
        assert found.short(reserve) - found.idle(reserve) == pytest.approx(found.mean - reserve)


def test_teams_beside_each_other_do_not_change_each_other() -> None:
    rows = np.stack([efforts(1.0, 2_048), efforts(0.75, 2_048)])
    together = aggregated(rows, np.array([3.0, 6.0]), np.array([1.0, 4.0]))
    alone = [aggregated(rows[[at]], np.array([mean]), np.array([ratio]))[0] for at, mean, ratio in ((0, 3.0, 1.0), (1, 6.0, 4.0))]
    assert together == pytest.approx(np.stack(alone), abs=1e-15)


@pytest.mark.parametrize(("mean", "deviation", "maximum", "step"), [(30, 30, 500, 0.25), (0.1, 0.1, 40, 0.02), (5_000, 2_000, 500, 20.0)])
def test_the_step_is_a_round_number_that_leaves_room(mean: float, deviation: float, maximum: float, step: float) -> None:
    assert step_for(mean, deviation, maximum) == pytest.approx(step)
