"""Back-tests: nothing of the future is known, scores are what was worked out by hand, and differences that chance makes are none."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.allocation.domain.backtest import Backtest, Design, backtest
from services.allocation.domain.backtest_cells import backlogs
from services.allocation.domain.backtest_cohort import Cohort, cohorts
from services.allocation.domain.backtest_comparison import Measure, Verdict
from services.allocation.domain.backtest_interval import Estimate, estimate, half_width
from services.allocation.domain.backtest_outlook import outlook
from services.allocation.domain.backtest_past import GivenPeriod, TeamPast, past_from_given
from services.allocation.domain.backtest_replay import BASELINES, Contender, ContenderKind, Replay
from services.allocation.domain.backtest_score import Promise, coverage
from services.allocation.domain.demand_forecast import Question, Wanted, forecasts, pooled
from services.allocation.domain.demand_history import DemandHistory, Effort
from services.allocation.domain.policy import AllocationPolicy, default_policy
from services.allocation.domain.policy_rule import ReserveTarget
from tests.support.backtests import past, periods

DEFAULT = default_policy(datetime(2026, 1, 1, tzinfo=UTC))
RESERVE = replace(DEFAULT, reserve=ReserveTarget(Decimal("0.8")), shortest_dwell=timedelta(days=21), floor_share=0)


def tried(pasts: Sequence[TeamPast], *policies: AllocationPolicy, **more: Any) -> Backtest:
    work = backtest(pasts, Design(tuple((f"p{place}", each) for place, each in enumerate(policies)), **more))
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def replayed(pasts: Sequence[TeamPast], *policies: AllocationPolicy) -> Replay:
    contenders = [*(Contender(f"p{place}", ContenderKind.POLICY, each) for place, each in enumerate(policies)), *BASELINES]
    replay = Replay(Cohort.of(pasts), contenders, 0.75)
    assert sum(replay.steps()) == sum(len(each.capacities) for each in pasts)
    return replay


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 22), st.integers(0, 1000))
def test_changing_the_future_changes_nothing_before(seed: int, changed_from: int, other: int) -> None:
    mine, others = periods(seed, 24), periods(other + 2000, 24)
    future = [*mine[:changed_from], *others[changed_from:]]
    found = [
        replayed([past_from_given("teams/a", each, 7.0), past(7, count=24)], DEFAULT, RESERVE).shares[:, :, : changed_from + 1]
        for each in (mine, future)
    ]
    assert np.array_equal(found[0], found[1], equal_nan=True)


def test_work_recorded_later_is_not_known_before() -> None:
    late = past(3, count=24)
    moved = tuple(
        replace(each, work=((each.work[0][0], 1.0), (each.work[0][0] + 4, each.hours))) if each.period < 10 else each
        for each in late.incidents
    )
    early = tuple(replace(each, work=((each.work[0][0], 1.0),)) if each.period < 10 else each for each in late.incidents)
    shares = [replayed([replace(late, incidents=each)], RESERVE).shares for each in (moved, early)]
    first = min(each.period for each in late.incidents)
    assert np.array_equal(shares[0][:, :, : first + 4], shares[1][:, :, : first + 4], equal_nan=True)
    assert not np.array_equal(shares[0], shares[1], equal_nan=True)


def test_the_outlook_of_many_teams_at_once_is_the_forecast_of_each() -> None:
    pasts = [past(seed) for seed in range(9)]
    cohort, column = Cohort.of(pasts), 25
    histories = [
        DemandHistory(
            tuple(sum(each.period == number for each in team.incidents) for number in range(1, column + 1)),
            tuple(Effort(each.hours) for each in team.incidents if each.period <= column),
            7.0,
        )
        for team in pasts
    ]
    expected = forecasts([Question(each) for each in histories], pooled(histories, Wanted()), Wanted(levels=(0.75,)))
    assert outlook(cohort, column).quantiles(0.75).tolist() == [each.sprints[0].quantiles[0] for each in expected]


def test_the_backlog_is_carried_over() -> None:
    assert backlogs(np.array([10.0, 30, 0, 50]), np.array([20.0, 20, 20, 20])).tolist() == [0, 10, 0, 30]


@pytest.mark.parametrize(("breaches", "p_value"), [(5, 0.17), (8, 0.005)])
def test_kupiecs_test_finds_what_is_printed_for_52_weeks_at_5_percent(breaches: int, p_value: float) -> None:
    found = coverage(Estimate(1 - breaches / 52), 52, 0.95)
    assert found.p_value == pytest.approx(p_value, abs=0.005)
    assert found.verdict is (Promise.KEPT if p_value > 0.05 else Promise.BROKEN)


def test_scores_are_those_worked_out_by_hand() -> None:
    # A third of 90 h is 30 h. Of twenty periods five ask for 50 h, the others for 10: short by 20, idle by 20.
    told = [GivenPeriod(number, 1, (50.0 if number % 4 == 0 else 10.0,), (), (), 90.0, 2.0) for number in range(1, 33)]
    found = tried([past_from_given("teams/a", told, 7.0)])
    fixed = next(each.pooled for each in found.results if each.contender.kind is ContenderKind.FIXED_THIRD)
    assert (fixed.count, fixed.coverage.breaches, fixed.coverage.verdict) == (20, 5, Promise.KEPT)
    assert fixed.loss.value == pytest.approx((5 * 0.75 * 20 + 15 * 0.25 * 20) / 20)
    # Each short period leaves 20 h, gone by the end of the next.
    assert fixed.backlog_chance == 0.25
    assert fixed.backlog_most == pytest.approx(20)
    assert fixed.roadmap_hours.value == pytest.approx(60)
    assert fixed.roadmap_value is not None
    assert fixed.roadmap_value.value == pytest.approx(120)
    assert (fixed.changes, fixed.raises, fixed.false_alarms) == (0, 0, 0)


def test_a_policy_beside_itself_cannot_be_told_apart_and_a_worse_one_can() -> None:
    wasteful = replace(DEFAULT, baseline_share=600_000, floor_share=600_000)
    found = tried([past(seed) for seed in range(4)], DEFAULT, replace(DEFAULT, revision=2), wasteful)
    verdicts = {(each.contender, each.against, each.measure): each for each in found.comparisons}
    same = verdicts["p0", "p1", Measure.LOSS]
    assert (same.difference.value, same.verdict) == (0.0, Verdict.CANNOT_TELL)
    assert "cannot be told" in same.reason
    assert verdicts["p0", "p2", Measure.LOSS].verdict is Verdict.BETTER
    assert verdicts["p0", "p2", Measure.ROADMAP].verdict is Verdict.BETTER
    assert verdicts["p0", "p2", Measure.BACKLOG].verdict is not Verdict.BETTER


def test_intervals_hold_what_they_promise_on_independent_and_on_dependent_periods() -> None:
    chance = np.random.default_rng(5)
    for follows, least in ((0.0, 0.92), (0.5, 0.87)):
        kept = 0
        for _ in range(1000):
            series = np.zeros(60)
            for place, shock in enumerate(chance.normal(size=60)):
                series[place] = follows * series[place - 1] + shock
            width = half_width(series[20:])
            assert width is not None
            kept += abs(float(series[20:].mean())) <= width
        assert least <= kept / 1000 <= 0.98


def test_few_periods_have_no_interval() -> None:
    found = estimate(np.arange(7.0), np.arange(7))
    assert (found.value, found.low, found.high) == (3.0, None, None)


def test_a_plain_before_and_after_flatters_raises_that_changed_nothing() -> None:
    found = tried([past(seed, count=52) for seed in range(60)], replace(DEFAULT, time_to_restore=None, open_incidents=None))
    effect = found.results[0].demand_effect
    assert effect.naive is not None
    assert effect.ratio is not None
    assert effect.ratio.low is not None
    assert effect.ratio.high is not None
    assert effect.naive < 0.93
    assert effect.ratio.low <= 1 <= effect.ratio.high
    restore = found.results[0].restore_effect
    assert restore.ratio is not None
    assert restore.ratio.low is not None
    assert restore.ratio.high is not None
    assert restore.ratio.low <= 1 <= restore.ratio.high


def test_shares_stay_within_bounds_and_do_not_flip_back_within_their_dwell() -> None:
    replay = replayed([past(seed) for seed in range(12)], DEFAULT, RESERVE)
    for place, policy in ((0, DEFAULT), (1, RESERVE)):
        shares = replay.shares[place] * 1e6
        assert shares.min() >= policy.floor_share - 1
        assert shares.max() <= policy.cap_share + 1
        assert np.abs(np.diff(shares)).max() <= policy.largest_step + 1
    found = tried([past(seed) for seed in range(12)], DEFAULT, RESERVE)
    assert [each.pooled.flips for each in found.results[:2]] == [0, 0]
    assert found.results[1].pooled.changes > 0


def test_teams_whose_periods_do_not_begin_together_do_not_learn_from_each_other() -> None:
    pasts = [past(1), past(2), replace(past(3), phase_days=3.0), replace(past(4), period_days=14.0)]
    assert list(cohorts(pasts)) == [[0, 1], [2], [3]]
    alone = tried([pasts[2]]).results[0].pooled
    beside = tried(pasts, with_teams=True)
    assert beside.cells.teams == ("teams/t1", "teams/t2", "teams/t3", "teams/t4")
    assert beside.results[0].teams[2].score.loss.value == alone.loss.value


def test_the_same_past_gives_the_same_answer() -> None:
    pasts = [past(seed) for seed in range(3)]
    first, second = tried(pasts, DEFAULT, RESERVE), tried(pasts, DEFAULT, RESERVE)
    assert first.results == second.results
    assert first.comparisons == second.comparisons
    assert first.level == 0.8
