"""Business hours: wall time where people are, summer time and holidays included, and the line in which they are written."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.inputs import Surroundings, inputs_of
from shared.business_hours import BusinessHours
from shared.business_hours_text import TextRefused, holidays_from_text, hours_from_text, text_from_hours
from tests.support.triage import component, incident

BERLIN = hours_from_text("Mon-Fri 09:00-17:30 Europe/Berlin")
NIGHTS = hours_from_text("Fri,Sat 22:00-04:00 America/New_York")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-03-27 07:59", False),  # a Friday, two days before clocks go forward: 08:59 in Berlin
        ("2026-03-27 08:00", True),
        ("2026-03-30 06:59", False),  # the Monday after: 08:59 in Berlin, an hour earlier in UTC
        ("2026-03-30 07:00", True),
        ("2026-03-30 15:29", True),
        ("2026-03-30 15:30", False),
        ("2026-03-28 10:00", False),  # a Saturday
        ("2026-10-23 07:00", True),  # before clocks go back
        ("2026-10-26 07:59", False),  # after
        ("2026-10-26 08:00", True),
    ],
)
def test_hours_follow_the_clocks_of_the_place(at: str, is_open: bool) -> None:
    assert BERLIN.hold(utc(at)) is is_open


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-07-04 02:30", True),  # Friday 22:30 in New York
        ("2026-07-04 07:59", True),  # Saturday 03:59, of Friday's hours
        ("2026-07-04 08:00", False),
        ("2026-07-03 07:00", False),  # Friday 03:00, of Thursday's, which has none
        ("2026-07-06 03:00", False),  # Sunday 23:00
        ("2026-07-05 07:00", True),  # Sunday 03:00, of Saturday's
    ],
)
def test_hours_past_midnight_belong_to_the_day_they_began(at: str, is_open: bool) -> None:
    assert NIGHTS.hold(utc(at)) is is_open


def test_a_holiday_does_not_open_and_takes_its_night_with_it() -> None:
    closed = hours_from_text("Mon-Sun 22:00-04:00 UTC", holidays_from_text("2026-12-25"))
    assert not closed.hold(utc("2026-12-25 23:00"))
    assert not closed.hold(utc("2026-12-26 03:00"))
    assert closed.hold(utc("2026-12-25 03:00"))


def test_round_the_clock_is_written_as_equal_times_or_as_midnight_to_midnight() -> None:
    for text in ("Mon-Sun 00:00-24:00 UTC", "Mon-Sun 08:00-08:00 UTC"):
        always = hours_from_text(text)
        assert all(always.hold(utc(f"2026-03-0{day} {hour:02}:15")) for day in (1, 2) for hour in range(24))


@pytest.mark.parametrize(
    ("text", "days"),
    [("Mon", (0,)), ("mon,WED,Fri", (0, 2, 4)), ("Sat-Mon", (0, 5, 6)), ("Mon-Sun", tuple(range(7))), ("Tue-Tue", (1,))],
)
def test_weekdays_are_named_one_by_one_and_as_ranges_that_may_pass_sunday(text: str, days: tuple[int, ...]) -> None:
    assert hours_from_text(f"{text} 8:00 - 18:00 UTC").days == days


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no line of business hours"),
        ("Mon-Fri 9-17 UTC", "no line of business hours"),
        ("Mon-Fri 09:00-17:00", "no line of business hours"),
        ("Mon-Fri 09:00-17:00 Berlin", "no time zone of the IANA database"),
        ("Mon-Fri 09:00-17:00 ../../etc/passwd", "no time zone of the IANA database"),
        ("Mon-Fry 09:00-17:00 UTC", "no weekdays"),
        ("Mon,,Fri 09:00-17:00 UTC", "no weekdays"),
        ("Mon 09:60-17:00 UTC", "no time of day"),
        ("Mon 09:00-25:00 UTC", "no time of day"),
    ],
)
def test_a_line_that_is_none_is_refused_with_what_to_write(text: str, why: str) -> None:
    with pytest.raises(TextRefused, match=why):
        hours_from_text(text)


def test_holidays_are_dates_with_commas_or_blanks_each_once() -> None:
    assert holidays_from_text("2026-12-26, 2026-12-25 2026-12-25,") == (date(2026, 12, 25), date(2026, 12, 26))
    for text in ("", "25.12.2026", "2026-02-30"):
        with pytest.raises(TextRefused, match="is no date"):
            holidays_from_text(text)
    with pytest.raises(TextRefused, match="400 are allowed"):
        holidays_from_text(" ".join(date.fromordinal(738_000 + day).isoformat() for day in range(401)))


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        hours = hours_from_text(text)
    except TextRefused:
        return
    assert not hours.violations("hours")


def test_what_no_hours_can_be_is_told_by_field() -> None:
    wrong = BusinessHours("Mars/Phobos", (), time(9), time(17))
    assert [each.field for each in wrong.violations("component.business_hours")] == [
        "component.business_hours.time_zone",
        "component.business_hours.days",
    ]


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("hours", "begin", "span", "end"),
    [
        (BERLIN, "2026-03-02 08:00", 2 * HOUR, "2026-03-02 10:00"),  # a Monday, 09:00 in Berlin
        (BERLIN, "2026-03-02 06:00", 2 * HOUR, "2026-03-02 10:00"),  # before it opens
        (BERLIN, "2026-03-06 16:00", 2 * HOUR, "2026-03-09 09:30"),  # half an hour on Friday, the rest on Monday
        (BERLIN, "2026-03-27 16:00", HOUR, "2026-03-30 07:30"),  # clocks go forward in between
        (BERLIN, "2026-03-02 08:00", 17 * HOUR, "2026-03-03 16:30"),  # two whole days end as the second closes
        (NIGHTS, "2026-07-04 04:00", 5 * HOUR, "2026-07-05 03:00"),  # 4 h of Friday's night are left
        (BERLIN, "2026-03-07 12:00", 0 * HOUR, "2026-03-07 12:00"),
    ],
)
def test_a_wait_counts_only_business_hours(hours: BusinessHours, begin: str, span: timedelta, end: str) -> None:
    assert hours.after(utc(begin), span) == utc(end)


def test_a_wait_leaves_holidays_out_and_two_whole_days_skip_the_weekend() -> None:
    closed = hours_from_text("Mon-Fri 00:00-24:00 UTC", holidays_from_text("2026-03-09"))
    assert closed.after(utc("2026-03-06 12:00"), 48 * HOUR) == utc("2026-03-11 12:00")


def test_a_wait_for_hours_that_hardly_ever_open_is_refused() -> None:
    with pytest.raises(ValueError, match="not open for so long"):
        hours_from_text("Mon 09:00-09:01 UTC").after(utc("2026-03-02 09:00"), 24 * HOUR)


@given(st.integers(0, 1_000_000), st.integers(1, 10_000), st.integers(1, 10_000))
def test_two_waits_one_after_the_other_are_one_wait(begin: int, first: int, second: int) -> None:
    minute = timedelta(minutes=1)
    at = utc("2025-01-01 00:00") + begin * minute
    assert BERLIN.after(BERLIN.after(at, first * minute), second * minute) == BERLIN.after(at, (first + second) * minute)


@pytest.mark.parametrize("text", ["Mon-Fri 09:00-17:30 Europe/Berlin", "Mon,Wed-Fri,Sun 22:00-24:00 UTC", "Tue 08:00-08:00 UTC"])
def test_hours_are_written_as_they_are_read(text: str) -> None:
    assert text_from_hours(hours_from_text(text)) == text


def open_for(at: str, *hours: BusinessHours | None) -> object:
    known = tuple(component(f"c{index}", business_hours=each) for index, each in enumerate(hours))
    happened = incident(*(f"c{index}" for index in range(len(hours))), opened_at=utc(at))
    return inputs_of(happened, Surroundings(known), "USD").readings["business_hours"].value


def test_the_score_reads_the_hours_of_the_components_and_the_models_for_those_without() -> None:
    night, noon = "2026-07-04 02:30", "2026-03-30 12:00"  # a Friday night in New York; a Monday at noon
    assert open_for(night, None) is False
    assert open_for(night, NIGHTS) is True
    assert open_for(night, None, NIGHTS) is True
    assert open_for(noon, NIGHTS) is False
    assert open_for(noon, NIGHTS, None) is True
    assert open_for(noon) is True
