"""Reserves, backlogs and waits: the figures of decision-maths.md, 3."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.allocation.domain.backlog import long_run
from services.allocation.domain.demand_distribution import DemandDistribution
from services.allocation.domain.demand_reserve import Costs, Promise, promise_violations, reserve_of
from services.allocation.domain.flow import lognormal_variability, wait_ratio
from services.allocation.domain.forecast_score import coverage_of, kupiec, pinball
from tests.support.demand import demand

PLAIN = demand()
LIGHT = demand(size=2_048)


@pytest.mark.parametrize(
    ("uncovered", "idle", "hours", "short", "left"),
    [(1, 1, 30.0, None, None), (3, 1, 54.0, 9.0, 23.4), (4, 1, 61.5, 7.3, 29.2), (9, 1, 85.25, 3.8, 49.5)],
)
def test_the_printed_newsvendor_reserves_come_out(
    uncovered: float, idle: float, hours: float, short: float | None, left: float | None
) -> None:
    costs = Costs(uncovered, idle)
    found = reserve_of(PLAIN, Promise(costs.level, costs=costs))
    assert found.hours == pytest.approx(hours, abs=0.25)
    if short is not None:
        assert found.short_hours == pytest.approx(short, abs=0.06)
        assert found.idle_hours == pytest.approx(left, abs=0.06)


def test_costs_and_the_service_level_they_come_to_are_one_promise() -> None:
    assert reserve_of(PLAIN, Promise(0.8)).hours == reserve_of(PLAIN, Promise(Costs(4, 1).level, costs=Costs(4, 1))).hours
    assert "costs 4" in reserve_of(PLAIN, Promise(0.8, costs=Costs(4, 1))).reason


def test_a_backlog_due_at_once_makes_the_smallest_reserve_that_covers_both() -> None:
    found = reserve_of(PLAIN, Promise(0.8), Promise(0.8).due(12.0, 0))
    assert PLAIN.chance_above(found.hours - 12.0) <= 0.2 < PLAIN.chance_above(found.hours - 12.0 - PLAIN.step)
    assert found.hours == found.quantile_hours + found.clearing_hours
    assert "12 h more clear the backlog within this sprint" in found.reason


def test_a_backlog_may_be_cleared_over_several_sprints_and_then_is() -> None:
    promise = Promise(0.8, clearing_sprints=3)
    assert [promise.due(12.0, sprint) for sprint in range(5)] == [4.0, 4.0, 4.0, 0.0, 0.0]


@settings(max_examples=30, deadline=None)
@given(st.floats(0.02, 0.98), st.floats(0.02, 0.98), st.floats(0, 100))
def test_a_stricter_promise_never_asks_for_less(one: float, other: float, backlog: float) -> None:
    low, high = sorted((one, other))
    assert reserve_of(LIGHT, Promise(low), backlog).hours <= reserve_of(LIGHT, Promise(high), backlog).hours


@pytest.mark.parametrize(
    ("reserve", "breach", "chance", "beyond", "mean"),
    [(61.5, 0.20, 0.36, 0.18, 22.4), (71.25, 0.15, 0.24, 0.11, 12.5), (85.25, 0.10, 0.14, 0.06, 6.9), (109.75, 0.05, 0.064, 0.025, 3.0)],
)
def test_the_printed_carry_over_comes_out_to_what_simulating_it_costs(
    reserve: float, breach: float, chance: float, beyond: float, mean: float
) -> None:
    # Printed of 200,000 simulated periods, whose backlogs hang together: exact are 21.87, 12.78, 6.99 and 3.06 hours.
    found = long_run(PLAIN, reserve)
    assert found.backlog is not None
    assert PLAIN.chance_above(reserve) == pytest.approx(breach, abs=0.005)
    assert found.chance == pytest.approx(chance, abs=0.005)
    assert found.backlog.chance_above(40) == pytest.approx(beyond, abs=0.005)
    assert found.mean_hours == pytest.approx(mean, rel=0.03)


@pytest.mark.parametrize("reserve", [50.0, 61.5, 85.25])
def test_the_long_run_backlog_is_where_carrying_over_again_and_again_ends(reserve: float) -> None:
    steps = round(reserve / LIGHT.step)
    carried = np.zeros(8_192)
    carried[0] = 1.0
    for _ in range(400):
        total = np.fft.irfft(np.fft.rfft(carried, 16_384) * np.fft.rfft(LIGHT.masses, 16_384), 16_384)
        carried = np.concatenate(([total[: steps + 1].sum()], total[steps + 1 : steps + 8_192]))
    found = long_run(LIGHT, reserve)
    assert found.chance == pytest.approx(1 - carried[0], abs=2e-4)
    assert found.mean_hours == pytest.approx(float(carried @ np.arange(8_192)) * LIGHT.step, rel=5e-3)


def test_a_reserve_that_hardly_exceeds_what_is_expected_never_clears() -> None:
    for reserve in (0.0, 20.0, PLAIN.mean):
        assert (long_run(PLAIN, reserve).chance, long_run(PLAIN, reserve).mean_hours) == (1.0, math.inf)


@pytest.mark.parametrize(("load", "printed"), [(0.5, 1.36), (0.7, 3.17), (0.8, 5.44), (0.9, 12.23), (0.95, 25.8)])
def test_the_printed_waits_of_a_fuller_sprint_come_out(load: float, printed: float) -> None:
    assert wait_ratio(load, 1.0, lognormal_variability(1.0)) == pytest.approx(printed, abs=0.05)


def test_work_beyond_the_reserve_waits_for_ever() -> None:
    assert wait_ratio(1.0, 1.0, 1.0) == math.inf


@pytest.mark.parametrize(("breaches", "p_value"), [(5, 0.17), (8, 0.005)])
def test_the_printed_p_values_of_kupiecs_test_come_out(breaches: int, p_value: float) -> None:
    assert kupiec(breaches, 52, 0.05)[1] == pytest.approx(p_value, abs=0.005)


def test_a_promise_kept_exactly_is_no_reason_to_doubt_it() -> None:
    assert kupiec(5, 100, 0.05) == (0.0, 1.0)
    assert kupiec(0, 100, 0.05)[1] < 0.002


def test_the_pinball_loss_weighs_short_against_idle() -> None:
    assert (pinball(0.75, 10, 14), pinball(0.75, 10, 6), pinball(0.75, 10, 10)) == (3.0, 1.0, 0.0)


def test_coverage_of_true_forecasts_is_the_level_though_hours_are_often_none() -> None:
    rare = demand(mean=0.5, size=2_048)
    for level in (0.3, 0.5, 0.75, 0.9):
        told = [mass * coverage_of(level, rare, step * rare.step) for step, mass in enumerate(rare.masses[:1_500])]
        assert math.fsum(told) == pytest.approx(level, abs=1e-3)


@pytest.mark.parametrize(
    ("promise", "field"),
    [
        (Promise(1.0), "service_level"),
        (Promise(float("nan")), "service_level"),
        (Promise(0.5, costs=Costs(-1, 1)), "costs.uncovered_hour"),
        (Promise(0.5, costs=Costs(1, float("inf"))), "costs.idle_hour"),
        (Promise(0.5, clearing_sprints=0), "clearing_sprints"),
    ],
)
def test_a_promise_that_nobody_can_keep_is_refused(promise: Promise, field: str) -> None:
    assert [each.field for each in promise_violations("", promise)] == [field]


def test_hours_on_the_grid_count_as_enough_whatever_the_division_rounds_to() -> None:
    tenths = DemandDistribution(0.1, np.full(11, 1 / 11))
    assert all(tenths.chance_up_to(0.1 * place) == pytest.approx((place + 1) / 11) for place in range(11))
    assert all(one <= other for one, other in itertools.pairwise(tenths.cumulated))
