"""Change detection: the run lengths of decision-maths.md, 4, by the exact chain, and against a simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from shared.statistics.change_detection import Cusum, cusum_for, designed, run_length
from shared.statistics.count_distribution import Bernoulli, NegativeBinomial, Poisson, counts_of
from shared.statistics.normal_chart import cusum_limit, cusum_run_length, ewma_run_length

THREE_TO_SIX = Cusum(1.0, -4.25)  # the printed chart, in units of one count


def with_limit(limit: float) -> Cusum:
    return Cusum(THREE_TO_SIX.slope, THREE_TO_SIX.shift, limit)


@pytest.mark.parametrize(("limit", "in_control", "after"), [(3.75, 55, 2.9), (4.75, 116, 3.5), (5.75, 235, 4.1), (6.5, 373, 4.4)])
def test_the_printed_run_lengths_of_the_poisson_chart_come_out(limit: float, in_control: int, after: float) -> None:
    assert round(run_length(with_limit(limit), Poisson(3))) == in_control
    # 2.866, 3.468, 4.058 and 4.447, so all but rounding.
    assert run_length(with_limit(limit), Poisson(6)) == pytest.approx(after, abs=0.05)


@pytest.mark.parametrize(("ratio", "printed"), [(1.5, 60.6), (2, 33.7), (4, 15.1)])
def test_clustering_ruins_the_poisson_chart_as_printed(ratio: float, printed: float) -> None:
    assert round(run_length(with_limit(5.75), counts_of(3, ratio)), 1) == printed


@pytest.mark.parametrize(
    ("limit", "in_control", "after"), [(1.5, 43.96, 6.82), (2.0, 83.88, 8.80), (2.5, 150.16, 10.77), (3.0, 259.66, 12.76)]
)
def test_run_lengths_of_the_negative_binomial_chart_are_the_exact_ones(limit: float, in_control: float, after: float) -> None:
    # The exact chain with the reference value as 461/110 instead of 4.19089…; 200,000 simulated runs agree within their error.
    chart = cusum_for(NegativeBinomial(3, 1), NegativeBinomial(6, 1), limit)
    assert run_length(chart, NegativeBinomial(3, 1)) == pytest.approx(in_control, rel=0.001)
    assert run_length(chart, NegativeBinomial(6, 1)) == pytest.approx(after, rel=0.001)


@pytest.mark.parametrize(("limit", "in_control", "after"), [(1.5, 44, 7.0), (2.0, 84, 8.8), (2.5, 148, 10.7), (3.0, 264, 13.1)])
def test_run_lengths_printed_for_the_negative_binomial_chart_lie_within_what_simulating_them_cost(
    limit: float, in_control: int, after: float
) -> None:
    chart = cusum_for(NegativeBinomial(3, 1), NegativeBinomial(6, 1), limit)
    assert run_length(chart, NegativeBinomial(3, 1)) == pytest.approx(in_control, rel=0.02)
    assert run_length(chart, NegativeBinomial(6, 1)) == pytest.approx(after, rel=0.03)


def test_a_simulation_agrees_with_the_chain() -> None:
    before, after = NegativeBinomial(3, 1), NegativeBinomial(6, 1)
    chart = cusum_for(before, after, 2.0)
    lengths = _simulated(chart, size=1, mean=3, runs=4_000)
    error = np.std(lengths) / math.sqrt(len(lengths))
    assert abs(np.mean(lengths) - run_length(chart, before)) < 4 * error


@pytest.mark.parametrize(("share", "risen", "limit"), [(0.01, 0.02, 1.0), (0.98, 0.99, 0.3), (0.3, 0.46, 2.0)])
def test_the_chain_is_right_where_things_hardly_ever_or_nearly_always_go_wrong(share: float, risen: float, limit: float) -> None:
    chart = cusum_for(Bernoulli(share), Bernoulli(risen), limit)
    chance, lengths = np.random.default_rng(3), []
    for _ in range(2_000):
        total, length = 0.0, 0
        while True:
            length += 1
            total = chart.after(total, float(chance.random() < share))
            if chart.is_alarm(total):
                break
        lengths.append(length)
    error = np.std(lengths) / math.sqrt(len(lengths))
    assert abs(np.mean(lengths) - run_length(chart, Bernoulli(share))) < 4 * error


def test_a_chart_that_nothing_can_trip_runs_for_ever() -> None:
    # One that goes wrong adds less than one that does not takes away over any way up to the limit: two in a row never come.
    assert run_length(Cusum(1.0, -1.0, 0.5), Bernoulli(0.5)) == math.inf


def test_the_score_of_a_count_is_the_printed_log_likelihood_ratio() -> None:
    before, after = NegativeBinomial(3, 1), NegativeBinomial(6, 1)
    chart = cusum_for(before, after)
    for count in (0, 1, 7):
        ratio = math.log(after.chances[count] / before.chances[count])
        assert chart.slope * count + chart.shift == pytest.approx(ratio)
        assert ratio == pytest.approx(count * math.log(6 / 3 * (1 + 3) / (1 + 6)) + math.log((1 + 3) / (1 + 6)))


def test_the_reference_value_of_a_poisson_chart_is_the_printed_formula() -> None:
    chart = cusum_for(Poisson(3), Poisson(6))
    assert -chart.shift / chart.slope == pytest.approx((6 - 3) / (math.log(6) - math.log(3)))
    wrong = cusum_for(Bernoulli(0.1), Bernoulli(0.2))
    assert wrong.slope + wrong.shift == pytest.approx(math.log(2))  # one that went wrong
    assert wrong.shift == pytest.approx(math.log(0.8 / 0.9))  # one that did not


@pytest.mark.parametrize("wanted", [52, 104, 370])
@pytest.mark.parametrize(
    ("before", "after"),
    [(Poisson(3), Poisson(6)), (NegativeBinomial(3, 1), NegativeBinomial(6, 1)), (Bernoulli(0.1), Bernoulli(0.2))],
)
def test_a_designed_chart_keeps_its_promise_and_no_lower_limit_would(before: Poisson, after: Poisson, wanted: float) -> None:
    design = designed(before, after, wanted)
    assert design.in_control == run_length(design.chart, before) >= wanted
    assert design.after_change < design.in_control / 3
    lower = Cusum(design.chart.slope, design.chart.shift, design.chart.limit * 0.98)
    assert run_length(lower, before) <= design.in_control
    assert run_length(Cusum(lower.slope, lower.shift, design.chart.limit - 1e-6), before) < wanted


def test_a_chart_trips_at_the_limit_and_forgets_what_was_quiet() -> None:
    chart = with_limit(4.0)
    assert chart.after(1.0, 3) == 0.0
    assert chart.first_alarm([3, 3, 3, 7, 5]) is None  # 0, 0, 0, 2.75, 3.5: not yet
    assert chart.first_alarm([3, 3, 3, 7, 5, 5]) == 6
    assert chart.first_alarm([4.25, 8.25]) == 2  # exactly 4


@pytest.mark.parametrize(("limit", "printed"), [(4, 335), (5, 931)])
def test_run_lengths_of_the_normal_chart_are_those_printed(limit: float, printed: int) -> None:
    assert round(cusum_run_length(limit)) == printed


@pytest.mark.parametrize(
    ("wanted", "printed", "exact"), [(52, 2.25, 2.2591), (104, 2.88, 2.8857), (200, 3.49, 3.5020), (370, 4.09, 4.0954)]
)
def test_limits_printed_for_the_normal_chart_are_those_of_siegmunds_approximation(wanted: int, printed: float, exact: float) -> None:
    # What is printed solves 2(exp(b) - 1 - b) = wanted with b = limit + 1.166; the exact limits lie up to 0.012 higher.
    b = printed + 1.166
    assert 2 * (math.exp(b) - 1 - b) == pytest.approx(wanted, rel=0.01)
    assert cusum_limit(wanted) == pytest.approx(exact, abs=0.0001)
    assert cusum_limit(wanted) == pytest.approx(printed, abs=0.015)


@pytest.mark.parametrize(("weight", "width"), [(0.05, 2.492), (0.10, 2.703), (0.20, 2.860), (0.25, 2.898), (0.40, 2.958)])
def test_printed_pairs_of_the_ewma_chart_all_have_a_run_length_of_370(weight: float, width: float) -> None:
    assert ewma_run_length(weight, width) == pytest.approx(370.4, rel=0.005)
    assert ewma_run_length(weight, width, shift=1.0) < 20


@given(st.floats(0.1, 40), st.floats(1.01, 6))
def test_chances_of_counts_are_those_of_scipy(mean: float, ratio: float) -> None:
    clustered, plain = counts_of(mean, ratio), Poisson(mean)
    assert isinstance(clustered, NegativeBinomial)
    counts = np.arange(30)
    theirs = stats.nbinom.pmf(counts, clustered.size, clustered.size / (clustered.size + mean))
    assert _first(clustered.chances) == pytest.approx(theirs, abs=1e-12)
    assert _first(plain.chances) == pytest.approx(stats.poisson.pmf(counts, mean), abs=1e-12)
    assert clustered.chances.sum() == pytest.approx(1, abs=1e-10)


def test_a_ratio_that_is_not_above_one_is_poisson() -> None:
    assert counts_of(3, 0.8) == Poisson(3)
    assert counts_of(3, 4) == NegativeBinomial(3, 1)


def test_a_chart_for_a_rise_that_is_none_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="must lie above"):
        cusum_for(Poisson(6), Poisson(3))
    with pytest.raises(ValueError, match="of one kind"):
        cusum_for(Poisson(3), NegativeBinomial(6, 1))
    with pytest.raises(ValueError, match="run length"):
        designed(Poisson(3), Poisson(6), 0.5)


def _first(chances: np.ndarray, count: int = 30) -> np.ndarray:
    return np.pad(chances, (0, max(0, count - len(chances))))[:count]


def _simulated(chart: Cusum, *, size: float, mean: float, runs: int) -> np.ndarray:
    """Plays the chart until it trips, many times side by side, from a fixed seed."""
    chance = np.random.default_rng(7)
    sums, lengths, going, step = np.zeros(runs), np.zeros(runs), np.arange(runs), 0
    while going.size:
        step += 1
        counts = chance.negative_binomial(size, size / (size + mean), going.size)
        sums = np.maximum(0, sums + chart.slope * counts + chart.shift)
        tripped = sums >= chart.limit
        lengths[going[tripped]] = step
        sums, going = sums[~tripped], going[~tripped]
    return lengths
