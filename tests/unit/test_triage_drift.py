"""Drift: the index by hand and by SciPy's quantile, its rate of false alarms, and a chart of misjudged incidents that comes back."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from services.triage.domain.defaults import default_model
from services.triage.domain.drift import Readings, calibration_drift, index_bound, input_drifts, stability_index
from services.triage.domain.incident import ServiceImpact
from services.triage.domain.inputs import Reading
from services.triage.domain.model import Feature
from shared.statistics.change_detection import run_length
from shared.statistics.count_distribution import Bernoulli

FEATURES = default_model().features
counts = st.lists(st.integers(0, 200), min_size=5, max_size=5)


def feature(name: str) -> Feature:
    return next(each for each in FEATURES if each.name == name)


def users(*values: int | None) -> list[Readings]:
    return [{"users_affected": Reading(value)} for value in values]


def of_users(reference: list[Readings], recent: list[Readings]) -> tuple[float | None, bool]:
    (found,) = input_drifts([feature("users_affected")], reference, recent)
    return found.index.value, found.drifted


def test_the_index_is_that_worked_out_by_hand() -> None:
    # Shares .25 and .75 against .5 and .5 of 100 each, but for the half counts: .25 ln 2 + .25 ln 1.5 = .27465.
    assert stability_index([2_500, 7_500], [5_000, 5_000]) == pytest.approx(0.25 * math.log(2) + 0.25 * math.log(1.5), abs=1e-3)
    assert stability_index([3, 0], [0, 3]) == pytest.approx(2 * (3.5 - 0.5) / 4 * math.log(7))


@given(counts, counts)
def test_the_index_is_never_negative_and_does_not_care_which_window_came_first(before: list[int], after: list[int]) -> None:
    assert stability_index(before, after) >= 0
    assert stability_index(before, after) == pytest.approx(stability_index(after, before))
    assert stability_index(before, before) == 0


def test_the_bound_is_the_quantile_of_chi_squared() -> None:
    assert index_bound(6, 200, 100, 0.01) == pytest.approx(stats.chi2.ppf(0.99, 5) * (1 / 200 + 1 / 100))
    assert index_bound(1, 200, 100, 0.01) == 0


def test_what_an_older_model_did_not_look_at_is_compared_once_enough_incidents_have_it() -> None:
    before: list[Readings] = [{} for _ in range(190)]
    assert of_users([*before, *users(*[10] * 10)], users(*[10_000] * 100)) == (None, False)
    assert of_users([*before[:100], *users(*[10] * 100)], users(*[10_000] * 100))[1]
    assert not of_users([*before[:100], *users(*[10] * 100)], users(*[10] * 100))[1]


def test_windows_of_one_distribution_exceed_the_bound_as_rarely_as_is_said() -> None:
    chance = np.random.default_rng(11)
    shares, trials = [0.3, 0.25, 0.2, 0.15, 0.1], 4_000
    bound = index_bound(5, 300, 150, 0.05)
    windows = [[chance.multinomial(count, shares).tolist() for count in (300, 150)] for _ in range(trials)]
    alarms = sum(stability_index(before, after) > bound for before, after in windows)
    assert 0.035 < alarms / trials < 0.06


def test_a_look_at_all_features_of_unchanged_incidents_hardly_ever_alarms() -> None:
    chance, alarms = Random(5), 0
    for _ in range(60):
        drawn = [_drawn(chance) for _ in range(300)]
        alarms += any(
            each.drifted for each in input_drifts([feature("users_affected"), feature("service_impact")], drawn[:200], drawn[200:])
        )
    assert alarms <= 2


def test_an_input_that_moved_is_found_and_named() -> None:
    chance = Random(6)
    reference, recent = [_drawn(chance) for _ in range(200)], [_drawn(chance, scale=30) for _ in range(100)]
    found = input_drifts([feature("users_affected"), feature("service_impact")], reference, recent)
    assert {each.feature: each.drifted for each in found} == {"users_affected": True, "service_impact": False}
    assert found[0].index.value is not None
    assert found[0].index.value > found[0].bound >= 0.1


def test_an_input_that_went_missing_has_drifted() -> None:
    values = [10 * number for number in range(100)]
    assert of_users(users(*values), users(*values)) == (0, False)
    assert of_users(users(*values), users(*values[:50], *[None] * 50))[1]


@pytest.mark.parametrize("value", [0, 100_000])
def test_an_input_that_was_always_the_same_and_moved_either_way_has_drifted(value: int) -> None:
    assert of_users(users(*[10] * 100), users(*[value] * 100))[1]
    assert of_users(users(*[10] * 50, *range(1_000, 1_050)), users(*[10] * 20, *range(1_000, 1_030), *[value] * 50))[1]


def test_missing_is_not_the_same_as_mild() -> None:
    # Of a hundred, sixteen in the lowest fifth and twenty missing, then none and thirty-six.
    known = [2**number for number in range(5)]
    before, after = known * 16 + [None] * 20, known[1:] * 16 + [None] * 36
    assert of_users(users(*before), users(*after))[1]


def test_a_shift_that_is_sure_but_negligible_is_no_drift() -> None:
    # Two bins, .50 against .53, twenty thousand each: beyond chance, and an index of .0036.
    def impacts(outages: int, others: int) -> list[Readings]:
        outage, other = Reading(ServiceImpact.OUTAGE), Reading(ServiceImpact.DISRUPTION)
        drawn: list[Readings] = [{"service_impact": outage}] * outages
        return [*drawn, *[{"service_impact": other}] * others]

    (found,) = input_drifts([feature("service_impact")], impacts(10_000, 10_000), impacts(10_600, 9_400))
    assert found.index.value is not None
    assert found.index.value > index_bound(2, 20_000, 20_000, 0.01)
    assert not found.drifted


def test_an_input_that_is_always_the_same_is_no_drift() -> None:
    assert of_users(users(*[7] * 60), users(*[7] * 60)) == (0, False)
    assert of_users(users(*[None] * 60), users(*[None] * 60)) == (0, False)


def test_too_few_incidents_cannot_tell_a_drift() -> None:
    (found,) = input_drifts([feature("users_affected")], users(*[1] * 60), users(*[10**6] * 49))
    assert (found.index.value, found.drifted) == (None, False)
    assert found.index.cannot_tell == "49 incidents in the smaller window; 50 are needed"


def test_the_calibration_chart_is_built_for_doubled_odds_and_its_promise() -> None:
    found = calibration_drift([True] * 20 + [False] * 79, [])
    assert found.reference_share.value == pytest.approx(20.5 / 100)
    assert found.chart is not None
    assert 500 <= run_length(found.chart, Bernoulli(0.205)) < 600
    doubled = 2 * 0.205 / 0.795
    assert run_length(found.chart, Bernoulli(doubled / (1 + doubled))) < 60
    assert (found.total, found.watched_count, found.drifted) == (0.0, 0, False)


def test_more_misjudged_incidents_are_a_drift_which_ends_when_the_chart_is_back() -> None:
    reference, wrong, right = [True] * 20 + [False] * 80, [True] * 20, [False] * 200
    assert not calibration_drift(reference, reference * 2).drifted
    assert calibration_drift(reference, [*reference, *wrong]).drifted
    assert calibration_drift(reference, [*reference, *wrong, False]).drifted  # one that was right does not end it
    over = calibration_drift(reference, [*reference, *wrong, *right])
    assert (over.drifted, over.total, over.watched_count) == (False, 0.0, 320)


def test_a_long_bad_time_is_over_as_soon_as_a_short_one() -> None:
    reference = [True] * 20 + [False] * 80
    chart = calibration_drift(reference, []).chart
    assert chart is not None
    enough = math.ceil(chart.limit / -chart.shift)
    assert not calibration_drift(reference, [True] * 1_000 + [False] * enough).drifted
    assert calibration_drift(reference, [True] * 1_000 + [False] * (enough - 1)).drifted


def test_a_reference_without_a_single_wrong_or_right_one_still_makes_a_chart() -> None:
    assert calibration_drift([False] * 60, [True] * 10).drifted
    assert not calibration_drift([True] * 60, [False] * 10).drifted


def test_too_small_a_reference_cannot_tell() -> None:
    found = calibration_drift([True] * 49, [True] * 100)
    assert (found.chart, found.drifted) == (None, False)
    assert "50 are needed" in found.reference_share.cannot_tell


def _drawn(chance: Random, scale: float = 1) -> Readings:
    known = chance.random() < 0.8
    affected = int(scale * chance.lognormvariate(4, 2)) if known else None
    return {"users_affected": Reading(affected), "service_impact": Reading(chance.choice([None, *ServiceImpact]))}
