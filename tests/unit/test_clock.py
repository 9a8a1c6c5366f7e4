"""Clocks: one that runs and one that stands still until told."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.clock import RealClock, SimulatedClock

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_the_real_clock_tells_the_present_in_utc() -> None:
    before = datetime.now(UTC)
    told = RealClock().now()
    assert before <= told <= datetime.now(UTC)
    assert told.tzinfo is UTC


def test_a_simulated_clock_stands_still() -> None:
    clock = SimulatedClock(START)
    assert clock.now() == clock.now() == START


def test_a_simulated_clock_moves_to_where_it_is_told() -> None:
    clock = SimulatedClock(START)
    clock.advance(START + timedelta(days=14))
    assert clock.now() == START + timedelta(days=14)
    clock.advance(clock.now())
    assert clock.now() == START + timedelta(days=14)


def test_a_simulated_clock_never_goes_back() -> None:
    clock = SimulatedClock(START)
    with pytest.raises(ValueError, match="a clock does not go back"):
        clock.advance(START - timedelta(microseconds=1))
    assert clock.now() == START


def test_times_of_other_zones_are_told_in_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    clock = SimulatedClock(datetime(2026, 3, 2, 18, 0, tzinfo=tokyo))
    assert (clock.now(), clock.now().tzinfo) == (START, UTC)
    clock.advance(datetime(2026, 3, 2, 19, 0, tzinfo=tokyo))
    assert clock.now().tzinfo is UTC
