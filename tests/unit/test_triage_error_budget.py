"""Error budgets against the printed numbers of the SRE workbook, their windows in time, adjustments, and the burn-alert table."""

# ruff: noqa: DTZ001 - wall times

from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.budget_adjustment import AdjustmentUnit, BudgetAdjustment, check_adjustment, share_of, total_share
from services.triage.domain.budget_window import Span, united, window_at
from services.triage.domain.burn_alert import DEFAULT_RULES, WINDOWS, BurnAction, BurnVerdict, verdicts
from services.triage.domain.error_budget import (
    Counted,
    budget_used,
    burn_rate,
    burn_threshold,
    burns_to_act_on,
    measure,
    time_to_exhaust,
)
from services.triage.domain.errors import AdjustmentRefused
from services.triage.domain.slo import CalendarUnit, CalendarWindow, RollingWindow

MONTH = timedelta(days=30)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
targets = st.floats(0.5, 0.99999)
spans = st.timedeltas(timedelta(minutes=1), timedelta(days=90))


def calendar(unit: CalendarUnit, starts_at: datetime, zone: str = "UTC", count: int = 1) -> CalendarWindow:
    return CalendarWindow(unit, count, starts_at.replace(tzinfo=None), zone)


def counted(good: float, total: float, target: float = 0.999, share: float = 1.0, adjusted: float = 0.0) -> Counted:
    one = np.array
    return Counted(
        one([target]), one([[good]]), one([[total]]), one([MONTH.total_seconds()]), one([share * MONTH.total_seconds()]), one([adjusted])
    )


# Identities.


@pytest.mark.parametrize(
    ("action", "long", "short", "burn", "used"),
    [
        (BurnAction.PAGE, HOUR, timedelta(minutes=5), 14.4, 0.02),
        (BurnAction.PAGE, 6 * HOUR, timedelta(minutes=30), 6, 0.05),
        (BurnAction.TICKET, DAY, 2 * HOUR, 3, 0.10),
        (BurnAction.TICKET, 3 * DAY, 6 * HOUR, 1, 0.10),
    ],
)
def test_the_burn_table_is_the_printed_one(action: BurnAction, long: timedelta, short: timedelta, burn: float, used: float) -> None:
    rule = next(each for each in DEFAULT_RULES if each.long == long)
    assert (rule.action, rule.short, round(rule.burn, 9)) == (action, short, burn)
    assert budget_used(burn, long, MONTH) == pytest.approx(used)
    assert burn_threshold(used, long, MONTH) == pytest.approx(burn)


@pytest.mark.parametrize(("burn", "lasts"), [(1, MONTH), (2, 15 * DAY), (10, 3 * DAY), (1000, timedelta(minutes=43.2))])
def test_a_burn_exhausts_the_month_in_the_printed_time(burn: float, lasts: timedelta) -> None:
    assert time_to_exhaust(MONTH, burn) == lasts


def test_one_failure_out_of_ten_requests_is_a_burn_of_a_hundred_at_three_nines() -> None:
    assert burn_rate(1 / 10, 0.999) == pytest.approx(100)


def test_nothing_that_remains_lasts_no_time_and_no_burn_lasts_for_ever() -> None:
    assert time_to_exhaust(MONTH, 5, remaining=-0.2) == timedelta(0)
    assert time_to_exhaust(MONTH, 0) is None
    assert time_to_exhaust(MONTH, 1e-300) is None


@given(targets, st.floats(1e-6, 1), spans, spans)
def test_the_identities_agree_with_each_other(target: float, error_ratio: float, looked_at: timedelta, period: timedelta) -> None:
    burn = burn_rate(error_ratio, target)
    used = budget_used(burn, looked_at, period)
    assert burn_threshold(used, looked_at, period) == pytest.approx(burn)
    lasts = time_to_exhaust(period, burn)
    if lasts is not None and lasts > timedelta(seconds=1):
        assert budget_used(burn, lasts, period) == pytest.approx(1, rel=1e-5)


@given(st.integers(0, 10**9), st.integers(0, 10**9), targets, st.floats(0.01, 1))
def test_what_is_used_and_what_remains_are_the_whole_budget(good: int, bad: int, target: float, share: float) -> None:
    found = measure(counted(good, good + bad, target, share))
    assert found.used[0] + found.remaining[0] == pytest.approx(1)
    if good + bad:
        expected = bad / (good + bad) / (1 - target) * share
        assert found.used[0] == pytest.approx(expected)


def test_what_remains_may_be_negative() -> None:
    assert measure(counted(9_970, 10_000)).remaining[0] == pytest.approx(-2)


def test_a_window_counted_in_part_has_used_a_part_of_the_whole_budget() -> None:
    assert measure(counted(998, 1_000, share=0.1)).used[0] == pytest.approx(0.2)


def test_where_nothing_was_counted_nothing_was_used_and_no_burn_is_said() -> None:
    found = measure(counted(0, 0))
    assert (found.used[0], found.remaining[0]) == (0, 1)
    assert np.isnan(found.burns[0, 0])


# Burn alerts.


def table(long_burn: float, short_burn: float, events: float = 100) -> list[int]:
    """Returns what the table says when windows of an hour and longer burn at one rate and shorter ones at another."""
    burns = np.array([[short_burn if window < HOUR else long_burn for window in WINDOWS]])
    return [int(each) for each in verdicts(burns, np.full_like(burns, events))[0]]


def test_a_row_speaks_only_when_both_windows_burn() -> None:
    assert table(14.4, 14.4)[0] == BurnVerdict.BURNING
    assert table(14.4, 14.3)[0] == BurnVerdict.QUIET
    assert table(14.3, 14.4)[0] == BurnVerdict.QUIET
    assert table(14.3, 14.3)[1] == BurnVerdict.BURNING


def test_too_few_events_are_said_to_be_too_few() -> None:
    assert table(100, 100, events=9) == [BurnVerdict.TOO_FEW] * 4
    assert table(0.5, 0.5, events=9) == [BurnVerdict.QUIET] * 4


def test_no_events_at_all_are_quiet() -> None:
    assert table(float("nan"), float("nan"), events=0) == [BurnVerdict.QUIET] * 4


# Windows.


def test_a_rolling_window_ends_now() -> None:
    assert window_at(RollingWindow(28 * DAY), NOW) == Span(NOW - 28 * DAY, NOW)


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (datetime(2026, 3, 28, 12, tzinfo=UTC), 24),
        (datetime(2026, 3, 29, 12, tzinfo=UTC), 23),  # Berlin's clocks go forward
        (datetime(2026, 10, 25, 12, tzinfo=UTC), 25),  # and back
    ],
)
def test_a_calendar_day_is_as_long_as_the_clocks_make_it(now: datetime, hours: int) -> None:
    found = window_at(calendar(CalendarUnit.DAY, datetime(2026, 1, 1), "Europe/Berlin"), now)
    assert found.length == timedelta(hours=hours)
    assert found.starts_at <= now < found.ends_at


@pytest.mark.parametrize(("month", "days"), [(1, 31), (2, 28), (4, 30)])
def test_a_calendar_month_is_as_long_as_it_is(month: int, days: int) -> None:
    found = window_at(calendar(CalendarUnit.MONTH, datetime(2025, 1, 1)), datetime(2026, month, 15, tzinfo=UTC))
    assert (found.starts_at, found.length) == (datetime(2026, month, 1, tzinfo=UTC), timedelta(days=days))


def test_months_from_the_31st_begin_on_the_last_day_of_shorter_ones() -> None:
    monthly = calendar(CalendarUnit.MONTH, datetime(2026, 1, 31))
    assert window_at(monthly, datetime(2026, 3, 1, tzinfo=UTC)) == Span(
        datetime(2026, 2, 28, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC)
    )


def test_a_quarter_is_three_months_and_two_weeks_are_fourteen_days() -> None:
    quarter = window_at(calendar(CalendarUnit.QUARTER, datetime(2026, 1, 1)), datetime(2026, 5, 5, tzinfo=UTC))
    assert quarter == Span(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
    weeks = window_at(calendar(CalendarUnit.WEEK, datetime(2026, 1, 5), count=2), datetime(2026, 1, 20, tzinfo=UTC))
    assert weeks == Span(datetime(2026, 1, 19, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC))


def test_hours_and_minutes_are_elapsed_time_whatever_the_clocks_do() -> None:
    hourly = calendar(CalendarUnit.HOUR, datetime(2026, 3, 29), "Europe/Berlin", count=2)
    assert window_at(hourly, datetime(2026, 3, 29, 1, 30, tzinfo=UTC)) == Span(
        datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 3, 29, 3, tzinfo=UTC)
    )
    assert window_at(calendar(CalendarUnit.MINUTE, datetime(2026, 3, 2), count=90), NOW).length == 1.5 * HOUR


def test_before_its_start_a_calendar_window_is_the_first_one() -> None:
    assert window_at(calendar(CalendarUnit.YEAR, datetime(2027, 1, 1)), NOW).starts_at == datetime(2027, 1, 1, tzinfo=UTC)


@given(
    st.sampled_from(CalendarUnit),
    st.integers(1, 4),
    st.datetimes(datetime(2020, 1, 1), datetime(2026, 1, 1)),
    st.datetimes(datetime(2026, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
def test_every_moment_lies_in_its_calendar_window(unit: CalendarUnit, count: int, start: datetime, now: datetime, zone: str) -> None:
    window = calendar(unit, start, zone, count)
    found = window_at(window, now)
    assert found.starts_at <= now or found.starts_at == window_at(window, datetime(2019, 1, 1, tzinfo=UTC)).starts_at
    assert now < found.ends_at
    assert window_at(window, found.ends_at).starts_at == found.ends_at


def test_overlapping_spans_count_once() -> None:
    hours = [NOW + HOUR * number for number in range(6)]
    assert united([Span(hours[3], hours[4]), Span(hours[0], hours[2]), Span(hours[1], hours[3])]) == [Span(hours[0], hours[4])]


# Adjustments.


def adjustment(amount: float, unit: AdjustmentUnit = AdjustmentUnit.PERCENT, **more: object) -> BudgetAdjustment:
    values: dict[str, object] = {
        "id": UUID(int=7),
        "slo": "slos/a",
        "objective": 0,
        "reason": "the load balancer's fault",
        "approver": "grace",
        "author": "ada",
        "valid_from": NOW,
        "valid_until": NOW + DAY,
        "created_at": NOW,
    }
    return BudgetAdjustment(amount=amount, unit=unit, **(values | more))  # type: ignore[arg-type]


def test_an_adjustment_is_a_share_of_the_budget_in_any_unit() -> None:
    assert share_of(adjustment(-25), 0.999, MONTH, 0) == -0.25
    assert share_of(adjustment(43.2, AdjustmentUnit.MINUTES), 0.999, MONTH, 0) == pytest.approx(1)
    assert share_of(adjustment(500, AdjustmentUnit.EVENTS), 0.999, MONTH, 1_000_000) == pytest.approx(0.5)


def test_an_adjustment_counts_only_while_it_is_in_force() -> None:
    given_back = [adjustment(10), adjustment(20, valid_from=NOW + HOUR)]
    assert total_share(given_back, 0.999, MONTH, 0, NOW) == pytest.approx(0.1)
    assert total_share(given_back, 0.999, MONTH, 0, NOW + HOUR) == pytest.approx(0.3)
    assert total_share(given_back, 0.999, MONTH, 0, NOW + DAY) == 0


def test_a_wrong_adjustment_names_every_field_at_fault() -> None:
    wrong = adjustment(0, reason=" ", approver="Ada", valid_until=NOW, objective=2)
    with pytest.raises(AdjustmentRefused) as refused:
        check_adjustment(wrong, objectives=1, share=0)
    assert {each.field for each in refused.value.violations} == {"objective", "amount", "reason", "approver", "valid_until"}


def test_steps_look_at_burns_over_the_whole_window_and_only_where_enough_came_to_tell() -> None:
    burns, totals = np.array([[100.0, 1.8, 2.0, 3.0]]), np.array([[1.0, 1_110.0, 10.0, 9.0]])
    known = np.array([[1.0, 21 / (28 * 1_440), 1.0, 1.0]])
    assert burns_to_act_on(burns, totals, known) == pytest.approx(np.array([[np.nan, 1.8 * 21 / 40_320, 2.0, np.nan]]), nan_ok=True)


def test_an_adjustment_that_is_over_before_it_is_made_is_refused() -> None:
    with pytest.raises(AdjustmentRefused, match=r"valid_until: would be .* past"):
        check_adjustment(adjustment(5, valid_from=NOW - DAY, valid_until=NOW), objectives=1, share=0.05)
    check_adjustment(adjustment(5, valid_from=NOW - DAY, valid_until=NOW + HOUR), objectives=1, share=0.05)


@pytest.mark.parametrize(
    ("amount", "unit", "share", "told"),
    [
        (1_001, AdjustmentUnit.PERCENT, 10.01, "is 1,001 percent of the error budget; at most 1,000 percent"),
        (-500, AdjustmentUnit.MINUTES, -5_000, "is 500 minutes, 500,000 percent of the error budget; at most 1,000 percent"),
        (1_000, AdjustmentUnit.EVENTS, 100, "is 1,000 events, 10,000 percent of the error budget; at most 1,000 percent"),
        (2e15, AdjustmentUnit.EVENTS, 0, "is beyond 1,000,000,000,000,000"),
    ],
)
def test_an_adjustment_beyond_ten_budgets_is_refused_in_its_own_unit(amount: float, unit: AdjustmentUnit, share: float, told: str) -> None:
    with pytest.raises(AdjustmentRefused, match=f"amount: {told}"):
        check_adjustment(adjustment(amount, unit), objectives=1, share=share)
