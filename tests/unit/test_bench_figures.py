"""The statistics of the bench."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Rounds, Spread, in_turn, normal_after, paired, percentile, spread, tail

seconds = st.lists(st.floats(min_value=0.001, max_value=1000), min_size=1)


def test_a_spread_is_the_median_with_the_least_and_the_most() -> None:
    assert spread([3, 1, 10]) == Spread(median=3, least=1, most=10)
    assert spread([3.14159, 1, 10_000]).text(1, " ×") == "3.1 × (1.0–10,000.0)"


def test_a_percentile_is_a_value_that_was_measured() -> None:
    hundred = list(range(1, 101))
    assert [percentile(hundred, share) for share in (0.5, 0.99, 1.0)] == [50, 99, 100]
    assert percentile([7], 0.99) == 7


@given(seconds)
def test_a_tail_rises(values: list[float]) -> None:
    found = tail(values)
    assert found.p50 <= found.p99 <= found.most == max(values)
    assert found.count == len(values)


def test_ratios_pair_rounds_so_that_drift_for_both_falls_out() -> None:
    # The machine was twice as slow in the last round: the ratio of medians would hide that ours is always half of theirs.
    assert paired([10, 20, 5], [20, 40, 10]) == Spread(0.5, 0.5, 0.5)


@given(seconds)
def test_a_peer_is_as_fast_as_itself(values: list[float]) -> None:
    assert paired(values, values) == Spread(1, 1, 1)


def test_latency_is_normal_again_with_the_first_of_enough_normal_probes() -> None:
    probes = [(0.0, 0.9), (0.5, 0.8), (1.0, 0.01), (1.1, 0.02), (1.2, 0.01)]
    assert normal_after(probes, 0.02, window=3) == 1.0


def test_one_slow_probe_among_normal_ones_does_not_count() -> None:
    assert normal_after([(0.0, 0.01), (1.0, 0.9), (2.0, 0.01)], 0.02, window=3) == 0.0


@pytest.mark.parametrize("probes", [[], [(0.0, 0.01)], [(0.0, 0.9), (1.0, 0.9), (2.0, 0.9)]])
def test_too_few_or_slow_probes_are_not_normal(probes: list[tuple[float, float]]) -> None:
    assert normal_after(probes, 0.02, window=3) is None


def test_rounds_keep_rates_and_the_cpu_time_of_each_item() -> None:
    rounds = Rounds()
    rounds.add(items=4, seconds=0.002, cpu_seconds=1.0)
    rounds.add(items=4, seconds=0.001, cpu_seconds=2.0)
    assert rounds.rate == "3,000 (2,000–4,000)"
    assert rounds.cost == "375,000 µs"
    assert rounds.data()["cpu_seconds_each"] == Spread(0.375, 0.25, 0.5)


def test_nobody_is_always_first() -> None:
    assert [list(in_turn("abc", number)) for number in (-1, 0, 1, 3)] == [
        ["c", "a", "b"],
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["a", "b", "c"],
    ]
