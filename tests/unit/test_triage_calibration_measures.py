"""Measures of calibration: worked out by hand, and by formulas written another way."""

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.calibration import Claim, Judged, calibration_of
from services.triage.domain.severity import Severity
from services.triage.domain.severity_chances import SeverityChances
from services.triage.domain.triage_cost import CostMatrix, default_costs

SEV1, SEV2, SEV3, SEV4, SEV5 = Severity


def judged(assessed: int, final: int, call_chance: float = 0.5, chances: Sequence[float] = (0.2, 0.2, 0.2, 0.2, 0.2)) -> Judged:
    return Judged(Claim(Severity(assessed), SeverityChances(tuple(chances)), call_chance), Severity(final))


def _weighed(parts: list[int]) -> tuple[float, ...]:
    return tuple(part / sum(parts) for part in parts)


any_judged = st.builds(
    judged,
    st.integers(1, 5),
    st.integers(1, 5),
    st.floats(0, 1),
    st.lists(st.integers(1, 20), min_size=5, max_size=5).map(_weighed),
)
histories = st.lists(any_judged, min_size=50, max_size=120)
# Ten times the same six: two right, two too mild (by one and by two), two too harsh (by one and by three).
BY_HAND = [judged(1, 1, 0.9), judged(4, 4, 0.2), judged(4, 3, 0.4), judged(4, 2, 0.6), judged(2, 3, 0.8), judged(2, 5, 0.7)] * 10


def test_the_measures_are_those_worked_out_by_hand() -> None:
    found = calibration_of(BY_HAND, default_costs())
    # Squared errors: .01, .04, .36, .16, .04, .49.
    assert found.brier.value == pytest.approx(1.10 / 6)
    # Cumulative chances .2 .4 .6 .8 against final 1, 4, 3, 2, 3, 5: 1.2 (.64+.36+.16+.04), .4+.16... each spelled out.
    by_final = {
        1: 0.64 + 0.36 + 0.16 + 0.04,
        2: 0.04 + 0.36 + 0.16 + 0.04,
        3: 0.04 + 0.16 + 0.16 + 0.04,
        4: 0.04 + 0.16 + 0.36 + 0.04,
        5: 0.04 + 0.16 + 0.36 + 0.64,
    }
    assert found.ranked_probability.value == pytest.approx(sum(by_final[final] for final in (1, 4, 3, 2, 3, 5)) / 4 / 6)
    # Too mild by one and two: 4 + 16. Too harsh by one and three: 1 + 9.
    assert found.cost.value == pytest.approx(30 / 6)
    assert [each.value for each in (found.exact_share, found.under_share, found.over_share)] == pytest.approx([2 / 6, 2 / 6, 2 / 6])
    # Squared distances seen: 0, 0, 1, 4, 1, 9. By chance: assessed 1 4 4 4 2 2 against final 1 4 3 2 3 5, all 36 pairs.
    expected = sum((a - b) ** 2 for a in (1, 4, 4, 4, 2, 2) for b in (1, 4, 3, 2, 3, 5)) / 6
    assert found.agreement.value == pytest.approx(1 - 15 / expected)
    assert found.confusion == ((10, 0, 0, 0, 0), (0, 0, 10, 0, 10), (0, 0, 0, 0, 0), (0, 10, 10, 10, 0), (0, 0, 0, 0, 0))
    assert {each.count for each in (found.brier, found.cost, found.agreement)} == {60} == {found.count}


def test_the_calibration_error_is_that_worked_out_by_hand() -> None:
    # Six bins of ten, one for each chance: .2 none called for; .4, .6 and .8 all; .7 none; .9 all.
    found = calibration_of(BY_HAND, default_costs())
    assert found.calibration_error.value == pytest.approx((0.2 + 0.6 + 0.4 + 0.7 + 0.2 + 0.1) / 6)


def test_chances_that_are_kept_have_no_calibration_error() -> None:
    # Of those said to be called for at 30 %, three in ten are; at 80 %, eight in ten.
    kept = [judged(3, 3 if k < 3 else 4, 0.3) for k in range(10)] * 5 + [judged(3, 3 if k < 8 else 4, 0.8) for k in range(10)] * 5
    assert calibration_of(kept, default_costs()).calibration_error.value == pytest.approx(0)
    turned = [judged(3, 4 if each.final == 3 else 3, each.claim.call_chance) for each in kept]
    assert calibration_of(turned, default_costs()).calibration_error.value == pytest.approx((0.4 + 0.6) / 2)


@given(histories)
def test_agreement_and_scores_are_those_of_matrix_formulas(history: list[Judged]) -> None:
    found = calibration_of(history, default_costs())
    seen = np.array(found.confusion, float)
    weights = np.subtract.outer(np.arange(5), np.arange(5)) ** 2 / 16
    expected = np.outer(seen.sum(1), seen.sum(0)) / seen.sum()
    if (weights * expected).sum() > 0:
        assert found.agreement.value == pytest.approx(1 - (weights * seen).sum() / (weights * expected).sum())
    chances = np.array([each.claim.chances.chances for each in history])
    truth = np.eye(5)[[each.final - 1 for each in history]]
    ranked = ((chances.cumsum(1) - truth.cumsum(1)) ** 2)[:, :4].sum(1) / 4
    assert found.ranked_probability.value == pytest.approx(ranked.mean())
    called = np.array([each.final <= 3 for each in history], float)
    assert found.brier.value == pytest.approx(np.mean((np.array([each.claim.call_chance for each in history]) - called) ** 2))


@given(histories, st.randoms())
def test_the_order_of_incidents_does_not_matter(history: list[Judged], order: Random) -> None:
    shuffled = list(history)
    order.shuffle(shuffled)
    assert calibration_of(shuffled, default_costs()) == calibration_of(history, default_costs())


@given(histories)
def test_every_measure_stays_within_its_bounds(history: list[Judged]) -> None:
    found = calibration_of(history, default_costs())
    for each in (found.brier, found.calibration_error, found.ranked_probability, found.exact_share, found.under_share, found.over_share):
        assert each.value is not None
        assert 0 <= each.value <= 1
    shares = (found.exact_share, found.under_share, found.over_share)
    assert sum(each.value or 0.0 for each in shares) == pytest.approx(1)


def test_too_few_incidents_cannot_tell_and_say_how_many_are_needed() -> None:
    few = calibration_of(BY_HAND[:29], default_costs())
    told = (few.brier, few.ranked_probability, few.agreement, few.cost, few.exact_share, few.under_share, few.over_share)
    assert {(each.value, each.count, each.cannot_tell) for each in told} == {
        (None, 29, "29 incidents have a final severity; 30 are needed")
    }
    some = calibration_of(BY_HAND[:49], default_costs())
    assert some.brier.value is not None
    assert some.calibration_error.cannot_tell == "49 incidents have a final severity; 50 are needed"
    assert calibration_of([], default_costs()).brier.cannot_tell.startswith("0 incidents")


def test_agreement_about_a_single_severity_cannot_be_told_from_chance() -> None:
    assert "chance" in calibration_of([judged(3, 3)] * 40, default_costs()).agreement.cannot_tell


def test_taking_it_too_lightly_costs_four_times_as_much_as_taking_it_too_hard() -> None:
    costs = default_costs()
    for levels in range(1, 5):
        assert costs.of(Severity(1 + levels), SEV1) == 4 * costs.of(SEV1, Severity(1 + levels)) == 4 * levels**2
    assert all(costs.of(severity, severity) == 0 for severity in Severity)


@pytest.mark.parametrize(
    "costs",
    [((0.0,) * 5,) * 4, ((0.0,) * 4,) * 5, ((1.0,) * 5,) * 5, ((0.0, -1.0, 0.0, 0.0, 0.0), *((0.0,) * 5,) * 4)],
)
def test_a_cost_matrix_that_makes_no_sense_cannot_be_made(costs: tuple[tuple[float, ...], ...]) -> None:
    with pytest.raises(ValueError, match=r"costs"):
        CostMatrix(costs)
