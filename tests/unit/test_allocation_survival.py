"""The product-limit estimator against published figures, and its laws."""

from datetime import timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.allocation.domain.survival import Lifetime, Median, median, survival_curve


def lifetimes(*hours: float, censored: tuple[float, ...] = ()) -> list[Lifetime]:
    ended = [Lifetime(timedelta(hours=each), ended=True) for each in hours]
    return ended + [Lifetime(timedelta(hours=each), ended=False) for each in censored]


PUBLISHED = lifetimes(10, 15, 23, 30, 35, 52, censored=(100,))


def test_the_median_of_the_published_example_is_30() -> None:
    assert median(PUBLISHED) == Median(timedelta(hours=30), reached=True)


def test_the_area_under_the_published_curve_up_to_100_is_37_857() -> None:
    steps = [(timedelta(0), Fraction(1)), *survival_curve(PUBLISHED), (timedelta(hours=100), Fraction(0))]
    area = sum(share * Fraction((end - begin) // timedelta(hours=1)) for (begin, share), (end, _) in pairwise(steps))
    assert float(area) == pytest.approx(37.857, abs=0.0005)


def test_dropping_open_incidents_would_flatter_the_median() -> None:
    ended, still_open = [1, 2, 3], (50.0, 60.0, 70.0)
    with_open = median(lifetimes(*ended, censored=still_open))
    without = median(lifetimes(*ended))
    assert with_open
    assert without
    assert with_open.length > without.length


def test_a_median_that_more_than_half_outlast_is_only_a_lower_bound() -> None:
    assert median(lifetimes(1, censored=(5, 9))) == Median(timedelta(hours=9), reached=False)


def test_an_empty_sample_has_no_median() -> None:
    assert median([]) is None


@given(st.lists(st.integers(1, 1000), min_size=1))
def test_without_open_incidents_the_median_is_the_lower_sample_median(hours: list[int]) -> None:
    expected = sorted(hours)[(len(hours) - 1) // 2]
    assert median(lifetimes(*hours)) == Median(timedelta(hours=expected), reached=True)


@given(st.lists(st.tuples(st.integers(0, 100), st.booleans()), min_size=1))
def test_the_curve_falls_from_one_and_stays_a_share(sample: list[tuple[int, bool]]) -> None:
    curve = survival_curve([Lifetime(timedelta(hours=length), ended) for length, ended in sample])
    shares = [Fraction(1), *(share for _, share in curve)]
    assert all(0 <= later < earlier for earlier, later in pairwise(shares))
