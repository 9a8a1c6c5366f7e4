"""Whether rates changed: the figures of decision-maths.md, 4 and 5, and charts that keep their promise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from services.allocation.domain.demand_change import Watch, changes, chart_for, watch_violations
from services.allocation.domain.rate_change import Verdict, count_needed, rate_change
from shared.statistics.change_detection import run_length
from shared.statistics.count_distribution import NegativeBinomial
from tests.support.demand import history


def test_the_printed_comparison_of_rates_comes_out() -> None:
    found = rate_change((36, 12), (18, 12))
    assert (found.ratio, round(found.low, 2), round(found.high, 2)) == (0.5, 0.27, 0.90)
    assert found.verdict is Verdict.FELL


def test_clustering_widens_the_printed_interval_until_it_cannot_tell() -> None:
    found = rate_change((36, 12), (18, 12), clustering=4.0)
    assert (round(found.low, 2), round(found.high, 2)) == (0.16, 1.55)
    assert found.verdict is Verdict.CANNOT_TELL
    assert "0.16 to 1.55" in found.reason


@pytest.mark.parametrize(
    ("spread", "fall", "printed"),
    [
        (1.24, 0.1, 2175),
        (1.24, 0.2, 485),
        (1.24, 0.3, 190),
        (1.24, 0.5, 51),
        (1.85, 0.1, 4840),
        (1.85, 0.2, 1079),
        (1.85, 0.3, 423),
        (1.85, 0.5, 112),
    ],
)
def test_the_printed_numbers_of_incidents_needed_to_tell_come_out(spread: float, fall: float, printed: int) -> None:
    # To the printed rounding, but for two cells: 2174.4 is printed as 2175 (rounded up) and 1079.3 as 1079.
    assert count_needed(spread, fall) == pytest.approx(printed, abs=1.0)


def test_the_exact_test_is_that_of_scipy_and_lengths_count() -> None:
    found = rate_change((30, 20), (10, 5))
    assert found.ratio == pytest.approx(4 / 3)
    assert found.p_value == pytest.approx(stats.binomtest(10, 40, 0.2).pvalue)
    interval = stats.binomtest(10, 40, 0.2).proportion_ci(method="exact")
    assert found.low == pytest.approx(interval.low / (1 - interval.low) * 4)


def test_too_few_incidents_and_none_at_all_cannot_tell() -> None:
    assert rate_change((0, 10), (0, 10)).verdict is Verdict.CANNOT_TELL
    assert rate_change((0, 10), (4, 10)).verdict is Verdict.CANNOT_TELL
    assert (rate_change((0, 10), (9, 10)).ratio, rate_change((0, 10), (9, 10)).verdict) == (math.inf, Verdict.ROSE)
    assert rate_change((9, 10), (0, 10)).verdict is Verdict.FELL
    assert rate_change((9, 10), (0, 10), clustering=4.0).verdict is Verdict.CANNOT_TELL


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.floats(1, 6))
def test_the_ratio_lies_in_its_interval_and_clustering_never_narrows_it(before: int, after: int, clustering: float) -> None:
    plain, wide = rate_change((before, 10), (after, 10)), rate_change((before, 10), (after, 10), clustering)
    for each in (plain, wide):
        assert each.low <= each.ratio <= each.high
    assert wide.low <= plain.low
    assert wide.high >= plain.high
    assert wide.p_value >= plain.p_value


def test_a_chart_is_designed_for_the_clustering_seen_and_says_its_promise() -> None:
    # decision-maths.md, 4: at a mean of 3, VMR 4 and a rise to 6, a limit of about 2 has run lengths of 84 and 8.8.
    design = chart_for(3.0, 4.0, Watch(run_length=84))
    assert design.chart.limit == pytest.approx(2.0, abs=0.05)
    assert design.in_control >= 84
    assert design.after_change == pytest.approx(8.8, abs=0.3)
    assert run_length(design.chart, NegativeBinomial(3, 1)) == design.in_control


def test_a_rise_is_found_with_when_it_began_and_a_steady_rate_is_none() -> None:
    steady = [2, 3, 1, 2, 4, 2, 3, 1, 2, 2, 3, 2, 1, 3, 2, 2, 4, 1, 2, 3, 2, 2, 1, 3]
    rising, calm = changes([history(*steady, 2, 1, 3, 2, 9, 8, 10, 9), history(*steady, 2, 1, 3, 2, 2, 3, 1, 2)], Watch(watched_periods=8))
    assert rising.alarm_period == 28
    assert rising.since_period == 28
    assert rising.change is not None
    assert rising.change.verdict is Verdict.ROSE
    assert (calm.alarm_period, calm.since_period) == (None, None)
    assert calm.assumed_mean > calm.reference_mean


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ((1, 2, 3), "0 incidents in 0 periods before"),
        ((0,) * 30, "0 incidents in 18 periods before"),
        ((2,) * 15, "6 incidents in 3 periods before"),
        ((200,) * 40, "too many for a chart"),
    ],
)
def test_a_history_that_cannot_say_what_is_usual_cannot_tell(counts: tuple[int, ...], why: str) -> None:
    (found,) = changes([history(*counts)], Watch())
    assert (found.design, found.alarm_period) == (None, None)
    assert why in found.cannot_tell


def test_false_alarms_are_no_more_frequent_than_designed_though_the_mean_is_only_estimated() -> None:
    chance = np.random.default_rng(1)
    histories = [history(*chance.negative_binomial(0.5, 0.4, 60).tolist()) for _ in range(100)]
    found = changes(histories, Watch(watched_periods=30, run_length=104))
    alarms = np.mean([each.alarm_period is not None for each in found])
    assert alarms <= 1 - math.exp(-30 / 104)  # .25, were every run length 104


@pytest.mark.parametrize(
    ("watch", "field"),
    [(Watch(watched_periods=0), "watched_periods"), (Watch(rise=1.0), "rise"), (Watch(run_length=math.nan), "false_alarm_periods")],
)
def test_a_chart_that_cannot_be_is_refused(watch: Watch, field: str) -> None:
    assert [each.field for each in watch_violations(watch)] == [field]
