"""Storms: when one begins, when it is over, and how new alerts are counted."""

from collections import deque
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.incident import IncidentKind, IncidentState
from services.intake.domain.storm import Gauge, Storm, StormRule, is_beginning, is_over, summary_of

ZERO = datetime(2026, 3, 2, 9, tzinfo=UTC)
RULE = StormRule(enter_count=5_000, leave_count=1_000, window=timedelta(seconds=10), calm=timedelta(seconds=30))


def at(second: float) -> datetime:
    return ZERO + timedelta(seconds=second)


def storm(last_high: float) -> Storm:
    return Storm(UUID(int=1), UUID(int=2), at(0), None, at(last_high), 6_000, 5_000)


def test_a_gauge_counts_what_came_within_the_window() -> None:
    gauge = Gauge(RULE.window)
    assert [gauge.add(count, at(second)) for second, count in ((0, 3), (4, 2), (9.9, 1))] == [3, 5, 6]
    assert gauge.at(at(10)) == 3
    assert gauge.at(at(14)) == 1
    assert gauge.at(at(100)) == 0


def test_a_gauge_counts_nothing_at_first() -> None:
    assert Gauge(RULE.window).at(at(0)) == 0
    assert Gauge(RULE.window).add(0, at(0)) == 0


arrivals = st.lists(st.tuples(st.floats(0, 3), st.integers(0, 50)), max_size=60)


@given(arrivals)
def test_a_gauge_is_at_most_a_step_behind_the_exact_count(told: list[tuple[float, int]]) -> None:
    gauge, exact, now = Gauge(RULE.window), deque[tuple[datetime, int]](), ZERO
    for pause, count in told:
        now += timedelta(seconds=pause)
        exact.append((now, count))
        found = gauge.add(count, now)
        within = sum(each for when, each in exact if now - when < RULE.window)
        without_a_step = sum(each for when, each in exact if now - when < RULE.window * 0.9)
        assert without_a_step <= found <= within


@given(arrivals)
def test_a_gauge_keeps_a_step_for_each_tenth_of_the_window_however_much_comes(told: list[tuple[float, int]]) -> None:
    gauge, now = Gauge(RULE.window), ZERO
    for pause, count in told:
        now += timedelta(seconds=pause / 100)
        gauge.add(count, now)
    assert len(gauge._steps) <= 10  # its size is what is promised


def test_a_storm_begins_at_the_stated_count() -> None:
    assert not is_beginning(RULE, 4_999)
    assert is_beginning(RULE, 5_000)


def test_a_storm_is_over_when_it_was_calm_for_as_long_as_stated() -> None:
    assert not is_over(RULE, storm(100), at(129.9))
    assert is_over(RULE, storm(100), at(130))


def test_the_summary_incident_says_why_it_is_there_and_holds_nothing_yet() -> None:
    made = summary_of(UUID(int=1), UUID(int=2), RULE, 5_123, at(0))
    assert (made.kind, made.state, made.alert_count, made.opened_at) == (IncidentKind.STORM, IncidentState.OPEN, 0, at(0))
    assert made.title == "Storm of alerts: 5,123 new ones within 10 s"
    assert "At least 5,000 new alerts came within 10 s" in made.summary
    assert made.group_key == f"storm:{UUID(int=1)}"
