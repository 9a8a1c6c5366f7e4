"""Efforts: the Student's predictive by hand, what was seen beside it, and incidents still open."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from services.allocation.domain.demand_effort import CONCENTRATION, EffortPool, EffortRows, learned, modelled
from services.allocation.domain.demand_history import Effort


def efforts(*hours: float) -> list[Effort]:
    return [Effort(each) for each in hours]


def still_open(*hours: float) -> list[Effort]:
    return [Effort(each, ended=False) for each in hours]


def median(masses: np.ndarray, step: float) -> float:
    return float(np.searchsorted(np.cumsum(masses), 0.5) * step)


def test_without_efforts_the_predictive_is_the_priors_student() -> None:
    pool = EffortPool(math.log(8), 0.85**2, 0.5, 500.0, 0)
    model = modelled(EffortRows.of([[]]), pool)
    masses = model.masses(0, 0.25, 4_096)
    student = stats.t(8, math.log(8), math.sqrt(0.85**2 * 1.5 / 0.5))
    edge = math.log(20.125)  # up to 80 steps
    assert np.cumsum(masses)[80] == pytest.approx(student.cdf(edge) / student.cdf(math.log(500)), abs=5e-6)
    assert masses[2_001:].sum() == pytest.approx(0, abs=1e-12)


def test_the_posterior_is_that_worked_out_by_hand() -> None:
    # Prior: centre ln 8 for one effort, shape 4, rate 4 · 1. Seen: 8, 8, 8 · e², whose logs have a mean of ln 8 + 2/3.
    pool = EffortPool(math.log(8), 1.0, 1.0, 10_000.0, 3)
    model = modelled(EffortRows.of([efforts(8, 8, 8 * math.e**2)]), pool)
    assert model.centres[0] == pytest.approx(math.log(8) + 3 * (2 / 3) / 4)
    rate = 4 + (2 * (2 / 3) ** 2 + (4 / 3) ** 2) / 2 + 3 * (2 / 3) ** 2 / (2 * 4)
    shape = 4 + 3 / 2
    assert model.freedoms[0] == pytest.approx(2 * shape)
    assert model.scales[0] == pytest.approx(math.sqrt(rate / shape * 5 / 4))


def test_what_was_seen_has_its_share_of_the_chances_and_keeps_its_mean() -> None:
    pool = EffortPool(math.log(8), 1.0, 1.0, 400.0, 30)
    seen = [10.1] * 30
    rows = EffortRows.of([efforts(*seen)])
    masses, plain = (modelled(rows, pool, each).masses(0, 0.25, 2_048) for each in (CONCENTRATION, 1e12))
    share = 30 / (30 + CONCENTRATION)
    beside = masses - (1 - share) * plain
    assert beside.sum() == pytest.approx(share)
    assert beside @ np.arange(2_048) * 0.25 == pytest.approx(10.1 * share)


def test_open_incidents_count_as_longer_than_so_far() -> None:
    pool = EffortPool(math.log(8), 0.7, 2.0, 1_000.0, 20)
    shut = modelled(EffortRows.of([efforts(4, 6, 8, 10, 12, 20)]), pool)
    still = modelled(EffortRows.of([efforts(4, 6, 8, 10, 12) + still_open(20)]), pool)
    left_out = modelled(EffortRows.of([efforts(4, 6, 8, 10, 12)]), pool)
    assert left_out.centres[0] < shut.centres[0] < still.centres[0]


def test_the_centre_with_open_incidents_is_that_of_the_censored_likelihood() -> None:
    chance = np.random.default_rng(1)
    hours = chance.lognormal(math.log(8), 1.0, 400)
    limits = chance.lognormal(math.log(12), 1.0, 400)
    some = [Effort(float(min(one, limit)), bool(one <= limit)) for one, limit in zip(hours, limits, strict=True)]
    assert 0.25 < np.mean([not each.ended for each in some]) < 0.5
    pool = learned(EffortRows.of([some]), None, None)
    assert pool is not None
    fitted = stats.norm.fit(
        stats.CensoredData(
            uncensored=[math.log(each.hours) for each in some if each.ended],
            right=[math.log(each.hours) for each in some if not each.ended],
        )
    )
    assert pool.centre == pytest.approx(fitted[0], abs=0.03)
    assert math.sqrt(pool.spread) == pytest.approx(fitted[1], abs=0.05)
    ended = [math.log(each.hours) for each in some if each.ended]
    assert np.mean(ended) < math.log(8) - 0.2  # what leaving them out would have told


def test_the_seen_part_is_kaplan_and_meiers_curve() -> None:
    some = efforts(10, 15, 23, 30, 35, 52) + still_open(25, 100)
    hours, weights = modelled(EffortRows.of([some]), EffortPool(3.0, 1.0, 1.0, 1_000.0, 8)).seen[0]
    theirs = stats.ecdf(stats.CensoredData(uncensored=[10, 15, 23, 30, 35, 52], right=[25, 100])).cdf
    assert list(hours) == pytest.approx([10, 15, 23, 30, 35, 52])
    seen = np.diff([0.0, *[theirs.evaluate(each) for each in (10, 15, 23, 30, 35, 52)]])
    assert weights == pytest.approx(seen * 8 / (8 + CONCENTRATION))


def test_a_team_with_few_efforts_leans_on_the_others() -> None:
    chance = np.random.default_rng(2)
    others = [efforts(*chance.lognormal(math.log(8), 0.5, 30)) for _ in range(10)]
    rows = EffortRows.of([*others, efforts(80.0), efforts(*[80.0] * 30)])
    pool = learned(EffortRows.of(others), None, None)
    assert pool is not None
    model = modelled(rows, pool)
    one, many = (median(model.masses(place, 0.25, 4_096), 0.25) for place in (10, 11))
    assert one < 15
    assert many > 60


def test_where_no_effort_was_ever_seen_a_typical_one_stands_in_or_nothing_is_told() -> None:
    assert learned(EffortRows.of([[], []]), None, None) is None
    pool = learned(EffortRows.of([[], []]), 6.0, None)
    assert pool is not None
    assert (math.exp(pool.centre), pool.maximum, pool.effort_count) == pytest.approx((6.0, 96.0, 0))


def test_the_maximum_is_stated_or_leaves_room_above_the_largest_seen() -> None:
    rows = EffortRows.of([efforts(1, 2, 50)])
    assert [pool.maximum for pool in (learned(rows, None, None), learned(rows, None, 60.0), learned(rows, None, 20.0)) if pool] == [
        pytest.approx(200.0),
        pytest.approx(60.0),
        pytest.approx(50.0),
    ]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.builds(Effort, st.floats(0.01, 500), st.booleans()), max_size=25), st.randoms())
def test_chances_add_up_and_the_order_of_efforts_changes_no_bit(some: list[Effort], order: object) -> None:
    shuffled = list(some)
    order.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    found = []
    for each in (some, shuffled):
        rows = EffortRows.of([each])
        pool = learned(rows, 8.0, None)
        assert pool is not None
        found.append(modelled(rows, pool).masses(0, 1.0, 2_048))
    assert found[0].sum() == pytest.approx(1)
    assert (found[0] >= 0).all()
    assert (found[0] == found[1]).all()
