"""Time to restore with incidents still open: the product-limit estimate against worked figures, SciPy and lifelines."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from services.triage.domain.survival import Curve, Lifetime, chance_of_exceeding, curve

# decision-maths.md, 5: the last one is still open.
PRINTED = [Lifetime(float(length), ended=length != 100) for length in (10, 15, 23, 30, 35, 52, 100)]
TIED = [
    Lifetime(float(length), ended)
    for length, ended in (
        (3, True),
        (5, True),
        (5, False),
        (8, True),
        (12, True),
        (12, True),
        (20, False),
        (25, True),
        (31, True),
        (40, False),
    )
]

lifetimes = st.lists(st.builds(Lifetime, st.integers(1, 60).map(float), st.booleans()), min_size=6, max_size=60)


def test_the_printed_restricted_mean_and_median_come_out() -> None:
    found = curve(PRINTED)
    assert found.restricted_mean(100).value == pytest.approx(37.857, abs=0.0005)
    assert found.quantile(0.5).value == 30.0
    assert (found.count, found.censored_count) == (7, 1)


def test_dropping_the_open_incidents_flatters_the_figure() -> None:
    # Three incidents are still open after 60: those that ended alone have a median of 23, all of them one of 35.
    with_open = [*(Lifetime(each.length, ended=True) for each in PRINTED[:6]), *[Lifetime(60.0, ended=False)] * 3]
    assert curve(with_open).quantile(0.5).value == 35.0
    assert curve(with_open[:6]).quantile(0.5).value == 23.0


def test_intervals_of_the_median_are_those_of_lifelines() -> None:
    # median_survival_times(KaplanMeierFitter().fit(…).confidence_interval_) of lifelines 0.30.3.
    printed, tied = curve(PRINTED).quantile(0.5), curve(TIED).quantile(0.5)
    assert (printed.low, printed.high) == (10.0, 52.0)
    assert (tied.value, tied.low, tied.high) == (12.0, 3.0, 31.0)


def test_the_interval_of_the_restricted_mean_is_that_worked_out_by_hand() -> None:
    # Two end at 1 and 3, one is open at 4: S is 2/3 from 1, 1/3 from 3. Areas to the right, up to 4: 5/3 and 1/3.
    # Greenwood: (5/3)²/(3·2) + (1/3)²/(2·1) = 0.462963 + 0.055556.
    few = [Lifetime(1.0, ended=True), Lifetime(3.0, ended=True), Lifetime(4.0, ended=False)]
    found = curve(few, fewest_ended=2).restricted_mean(4)
    assert found.value == pytest.approx(1 + 2 * 2 / 3 + 1 / 3)
    assert found.value is not None
    assert found.low == pytest.approx(found.value - 1.959964 * math.sqrt(0.518519), abs=1e-5)
    assert found.high == 4.0  # no mean restricted to 4 is longer than 4


@given(lifetimes)
def test_the_curve_is_that_of_scipy(observed: list[Lifetime]) -> None:
    ended = [each.length for each in observed if each.ended]
    still = [each.length for each in observed if not each.ended]
    found = curve(observed)
    if not ended:
        assert found.times == ()
        return
    expected = stats.ecdf(stats.CensoredData(uncensored=ended, right=still)).sf
    theirs = dict(zip(expected.quantiles, expected.probabilities, strict=True))
    assert found.survivals == pytest.approx([theirs[time] for time in found.times])


@given(lifetimes)
def test_the_pointwise_interval_is_that_of_scipy(observed: list[Lifetime]) -> None:
    ended = [each.length for each in observed if each.ended]
    if not ended:
        return
    still = [each.length for each in observed if not each.ended]
    theirs = stats.ecdf(stats.CensoredData(uncensored=ended, right=still)).sf
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # it has no bounds where nothing is left, and says so
        found = theirs.confidence_interval(method="log-log")
    low, high = found.low.probabilities, found.high.probabilities
    bounds = dict(zip(theirs.quantiles, zip(low, high, strict=True), strict=True))
    ours = curve(observed)
    for time, survival in zip(ours.times, ours.survivals, strict=True):
        if survival > 0:
            assert ours.interval_at(time) == pytest.approx(bounds[time], abs=1e-9)


@given(lifetimes)
def test_survival_never_rises_and_longer_targets_are_exceeded_less(observed: list[Lifetime]) -> None:
    found = curve(observed, fewest_ended=1)
    assert list(found.survivals) == sorted(found.survivals, reverse=True)
    chances = [chance_of_exceeding(observed, target, after=2.0, fewest_at_risk=1).value for target in (5.0, 10.0, 20.0)]
    told = [chance for chance in chances if chance is not None]
    assert told == sorted(told, reverse=True)
    assert all(0 <= chance <= 1 for chance in told)


def test_with_nobody_open_it_is_the_plain_share() -> None:
    observed = [Lifetime(float(length), ended=True) for length in range(1, 21)]
    assert chance_of_exceeding(observed, 15.0, after=0.0).value == pytest.approx(5 / 20)
    later = chance_of_exceeding(observed, 15.0, after=10.0)
    assert [later.value, later.count] == pytest.approx([5 / 10, 10])
    assert curve(observed).quantile(0.9).value == 18.0


def test_the_chance_is_conditional_on_having_lasted_and_counts_the_open_ones() -> None:
    # After 10: six at risk; 15, 23 and 30 end before 32: 5/6 · 4/5 · 3/4.
    found = chance_of_exceeding(PRINTED, 32.0, after=10.0)
    assert found.value == pytest.approx(5 / 6 * 4 / 5 * 3 / 4)
    assert (found.count, found.censored_count) == (6, 1)
    # Greenwood of those three: 1/(6·5) + 1/(5·4) + 1/(4·3) = 1/6, on the log-log scale.
    reach = 1.959964 * math.sqrt(1 / 6) / abs(math.log(0.5))
    assert found.low == pytest.approx(0.5 ** math.exp(reach), abs=1e-6)
    assert found.high == pytest.approx(0.5 ** math.exp(-reach), abs=1e-6)


def test_too_few_that_lasted_are_told_with_a_length_that_people_read() -> None:
    assert chance_of_exceeding(PRINTED, 200.0, after=60.123456).cannot_tell.startswith(
        "1 incidents of the history lasted longer than 60.1 min;"
    )


def test_a_target_already_missed_is_certain() -> None:
    found = chance_of_exceeding(PRINTED, 20.0, after=21.0)
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)


def test_a_chance_that_was_never_or_always_seen_keeps_an_interval() -> None:
    # Of ten that all lasted beyond 5, the chance of lasting is at least 0.025^(1/10) = 0.6915 (Clopper and Pearson).
    ten = [Lifetime(9.0, ended=True)] * 10
    lasting, ending = chance_of_exceeding(ten, 5.0, after=1.0), chance_of_exceeding(ten, 9.0, after=1.0)
    assert [lasting.value, lasting.low, lasting.high] == pytest.approx([1.0, 0.6915, 1.0], abs=5e-5)
    assert [ending.value, ending.low, ending.high] == pytest.approx([0.0, 0.0, 0.3085], abs=5e-5)


@pytest.mark.parametrize(
    ("observed", "target", "after", "why"),
    [
        (PRINTED[:4], 20.0, 0.0, "4 incidents"),
        (PRINTED, 60.0, 25.0, "4 incidents"),  # lasted beyond 25: 30, 35, 52, 100
        (PRINTED, 120.0, 0.0, "reaches only to 100"),
    ],
)
def test_what_history_cannot_tell_is_said_with_the_reason(observed: list[Lifetime], target: float, after: float, why: str) -> None:
    found = chance_of_exceeding(observed, target, after=after)
    assert (found.value, found.low, found.high) == (None, None, None)
    assert why in found.cannot_tell


def test_a_quantile_or_mean_that_the_curve_does_not_reach_cannot_be_told() -> None:
    mostly_open = [*(Lifetime(float(length), ended=True) for length in (1, 2, 3, 4, 5)), *[Lifetime(6.0, ended=False)] * 10]
    assert "still open" in curve(mostly_open).quantile(0.5).cannot_tell
    assert "reaches only to 6" in curve(mostly_open).restricted_mean(10).cannot_tell
    assert "5 are needed" in curve(PRINTED[:4]).quantile(0.5).cannot_tell


def test_a_curve_that_came_down_to_nothing_reaches_any_horizon() -> None:
    all_ended = [Lifetime(float(length), ended=True) for length in (1, 2, 3, 4, 5)]
    assert curve(all_ended).restricted_mean(1_000).value == pytest.approx(3.0)
    assert chance_of_exceeding(all_ended, 1_000.0, after=0.0).value == 0.0


@pytest.mark.parametrize("length", [-1.0, math.nan, math.inf])
def test_a_length_that_no_incident_has_is_refused(length: float) -> None:
    with pytest.raises(ValueError, match="length"):
        Lifetime(length, ended=True)


@given(lifetimes, st.randoms())
def test_the_order_of_history_does_not_matter(observed: list[Lifetime], order: object) -> None:
    shuffled = list(observed)
    order.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    assert curve(shuffled) == curve(observed)


def test_nothing_observed_is_a_curve_that_tells_nothing() -> None:
    empty: Curve = curve([])
    assert "0 incidents" in empty.quantile(0.5).cannot_tell
