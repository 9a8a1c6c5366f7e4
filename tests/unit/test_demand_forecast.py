"""Forecasts as a whole: what holds for any history, what is refused, and how good they are on periods they did not know."""

import math
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.cloud_year import FOLDER, weekly
from bench.forecast_evaluation import Series, evaluated
from clients.cli.demo.example import read_example
from services.allocation.domain.demand_forecast import DemandForecast, Question, Wanted, forecasts, pooled
from services.allocation.domain.demand_history import DemandHistory, Effort, history_violations, numbering_violations
from services.allocation.domain.demand_question import Asked, RecordedDemand, check_wanted, refusal_of
from services.allocation.domain.demand_reserve import Promise
from shared.errors import InvalidInput
from tests.support.allocation import FIRST, FORTNIGHT, team
from tests.support.demand import drawn, history


def forecast(*histories: DemandHistory, backlog: float = 0.0, capacity: float | None = None, **wanted: object) -> list[DemandForecast]:
    wish = Wanted(**wanted)  # type: ignore[arg-type]  # fields by name
    return forecasts([Question(each, backlog, capacity) for each in histories], pooled(histories, wish), wish)


def test_a_forecast_says_what_a_manager_asks() -> None:
    (found,) = forecast(drawn(1), backlog=12.0, capacity=240.0, carry_over=True, sprints=3, promise=Promise(0.8, clearing_sprints=2))
    first = found.sprints[0]
    assert first.hours is not None
    assert first.reserve is not None
    assert first.quantiles == tuple(sorted(first.quantiles))
    assert first.over_capacity == first.hours.chance_above(240 - 6)
    assert [each.reserve.clearing_hours for each in found.sprints if each.reserve] == [6.0, 6.0, 0.0]
    assert found.load == pytest.approx(first.hours.mean / first.reserve.quantile_hours)
    assert found.carried_over is not None
    assert 0 < found.carried_over.chance < 1
    assert found.warnings == ()


def test_without_any_effort_hours_cannot_be_told_but_incidents_can() -> None:
    (found,) = forecast(history(3, 2, 4, 3, 2, 5, 3))
    assert found.sprints[0].hours is None
    assert found.sprints[0].count_mean == pytest.approx(3.1, abs=0.4)
    assert "hours cannot be told" in found.warnings[0]
    (guessed,) = forecast(history(3, 2, 4, 3, 2, 5, 3), typical_effort=6.0)
    assert guessed.sprints[0].hours is not None
    assert "typical effort" in guessed.warnings[0]


def test_what_a_history_is_too_small_for_is_said() -> None:
    found = forecast(history(0, 1, efforts=(4.0,), still_open=(2.0, 9.0)), drawn(2))
    told = " ".join(found[0].warnings)
    assert "1 incident in 2 periods cannot tell this team's own rate: the rate rests mostly on the 1 other team" in told
    assert "3 efforts of this team cannot tell" in told
    assert "2 of 3 efforts are of incidents still open" in told


def test_a_promise_too_low_to_ever_clear_the_work_is_said() -> None:
    (found,) = forecast(drawn(3), promise=Promise(0.3), carry_over=True)
    assert "grow without bound" in found.warnings[0]
    assert found.wait == math.inf
    assert found.carried_over is not None
    assert found.carried_over.chance == 1.0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1_000), st.integers(1, 8), st.floats(1.0, 30.0))
def test_more_incidents_or_longer_ones_never_mean_less_to_reserve(seed: int, more: int, longer: float) -> None:
    base = drawn(seed, mean=2.0, periods=20)
    wanted = Wanted(maximum_effort=2_000.0)
    pool = pooled([base], wanted)
    busier = DemandHistory((*base.counts[:-1], base.counts[-1] + more), base.efforts)
    harder = DemandHistory(base.counts, tuple(Effort(min(each.hours * longer, 1_999.0)) for each in base.efforts))
    plain, many, hard = (forecasts([Question(each)], pool, wanted)[0].sprints[0] for each in (base, busier, harder))
    steps = [each.hours.step for each in (plain, many, hard) if each.hours]
    for one, other, beyond in zip(plain.quantiles, many.quantiles, hard.quantiles, strict=True):
        assert other >= one - steps[1]
        assert beyond >= one - steps[2]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, 500), min_size=1, max_size=4, unique=True))
def test_the_same_histories_give_the_same_bits(seeds: list[int]) -> None:
    once, again = (forecast(*[drawn(seed) for seed in seeds]) for _ in range(2))
    for one, other in zip(once, again, strict=True):
        assert one.sprints[0].hours is not None
        assert other.sprints[0].hours is not None
        assert (one.sprints[0].hours.masses == other.sprints[0].hours.masses).all()
        assert one.sprints[0].reserve == other.sprints[0].reserve


def test_forecasts_do_not_hang_on_how_names_are_hashed() -> None:
    code = (
        "from tests.support.demand import drawn;"
        "from services.allocation.domain.demand_forecast import *;"
        "h=[drawn(seed) for seed in range(4)]; w=Wanted();"
        "print([each.sprints[0].reserve for each in forecasts([Question(one) for one in h], pooled(h, w), w)])"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    assert len(told) == 1


@pytest.mark.parametrize(
    ("given_history", "field"),
    [
        (history(1, -2, 3), "history.periods[1].count"),
        (history(1, efforts=(2.0, math.nan)), "history.efforts[1].hours"),
        (history(1, efforts=(math.inf,)), "history.efforts[0].hours"),
        (history(1, efforts=(0.0,)), "history.efforts[0].hours"),
        (history(), "history.periods"),
        (history(*[1] * 521), "history.periods"),
    ],
)
def test_a_history_that_cannot_be_names_field_and_remedy(given_history: DemandHistory, field: str) -> None:
    found = refusal_of(Asked("teams/web", given_history))
    assert found is not None
    assert (found.reason, found.field) == ("HISTORY_INVALID", field)
    assert "give" in found.description
    assert history_violations("history", history(1, 2, 0)) == []


def test_a_gap_between_periods_is_named() -> None:
    (gap, again) = numbering_violations("history.periods", [4, 5, 8, 8, 9])
    assert (gap.field, "2 missing" in gap.description) == ("history.periods[2].number", True)
    assert (again.field, "once" in again.description) == ("history.periods[3].number", True)


@pytest.mark.parametrize(
    ("wanted", "teams", "field"),
    [
        (Wanted(levels=(0.5, 1.0)), 1, "quantiles[1]"),
        (Wanted(levels=(math.nan,)), 1, "quantiles[0]"),
        (Wanted(sprints=27), 1, "sprint_count"),
        (Wanted(sprints=26), 100, "sprint_count"),
        (Wanted(typical_effort=-1.0), 1, "typical_effort_hours"),
        (Wanted(maximum_effort=math.inf), 1, "maximum_effort_hours"),
        (Wanted(promise=Promise(0.0)), 1, "service_level"),
    ],
)
def test_wishes_that_cannot_be_are_refused_by_field(wanted: Wanted, teams: int, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_wanted(wanted, teams)
    assert [each.field for each in refused.value.violations] == [field]


def test_the_recorded_history_are_sprints_observed_from_beginning_to_end() -> None:
    stored = team(created_at=FIRST + timedelta(days=3))
    held = RecordedDemand(stored, {1: 9, 2: 3, 4: 1, 5: 7}, FIRST + timedelta(days=4), (Effort(4.0),))
    found, first = held.history(FIRST + 4 * FORTNIGHT)
    assert (found.counts, first, found.period_days) == ((3, 0, 1), 2, 14.0)
    earlier = RecordedDemand(team(created_at=FIRST), {1: 9}, None, ())
    assert earlier.history(FIRST + FORTNIGHT)[0].counts == (9,)
    assert earlier.history(FIRST)[0].counts == ()


def test_true_forecasts_are_covered_as_promised_and_lose_less_than_a_trailing_quantile() -> None:
    chance = np.random.default_rng(7)
    series = []
    for mean in chance.gamma(4, 0.75, 12):
        counts = chance.negative_binomial(mean, 0.5, 60)
        series.append(Series(tuple(tuple(chance.lognormal(2, 1, count).tolist()) for count in counts), 100.0, 14.0))
    found = evaluated(series, Wanted())
    for each in found.scores:
        assert each.coverage == pytest.approx(each.level, abs=0.03)
        assert each.kept == pytest.approx(each.promised, abs=0.03)
        assert each.loss < each.trailing_loss
    assert found.forecast_count == 12 * 48


def test_efforts_of_two_kinds_are_covered_though_they_are_not_lognormal() -> None:
    chance = np.random.default_rng(8)
    series = []
    for _ in range(10):
        counts = chance.negative_binomial(3, 0.5, 50)
        hours = [np.where(chance.random(count) < 0.8, chance.gamma(8, 0.25, count), chance.gamma(20, 4, count)) for count in counts]
        series.append(Series(tuple(tuple(each.tolist()) for each in hours), 100.0, 14.0))
    for each in evaluated(series, Wanted()).scores:
        assert each.coverage == pytest.approx(each.level, abs=0.04)


def test_the_real_year_is_covered_and_beats_a_fixed_third_and_a_trailing_quantile() -> None:
    found = evaluated(weekly(read_example(Path(FOLDER))), Wanted())
    for each in found.scores:
        assert each.coverage == pytest.approx(each.level, abs=0.03)
        assert each.loss < min(each.fixed_loss, each.trailing_loss)
    assert found.score(0.75).loss <= 0.9 * found.score(0.75).fixed_loss


def test_an_evaluation_needs_periods_to_hold_out() -> None:
    with pytest.raises(ValueError, match="more than 12"):
        evaluated([Series(((),) * 12, 10.0)], Wanted())
