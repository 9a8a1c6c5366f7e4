"""Maintenance windows: when they are in force, across changes of the clocks, edits and cancellations."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.errors import MaintenanceWindowOver, MatchersRefused, MutingRefused, RecurrenceRefused
from services.intake.domain.maintenance_window import (
    MaintenanceWindow,
    Occurrence,
    Schedule,
    WindowChange,
    WindowEdit,
    WindowState,
    cancel,
    check_window,
    edit,
    is_zone,
    occurrence_at,
    occurrences_between,
    state_of,
    upcoming,
)
from tests.conftest import START
from tests.support.muting import window

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WEEKLY = "FREQ=WEEKLY;COUNT=4"
TEN = START + HOUR


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_window_without_a_rule_is_in_force_once() -> None:
    one = window()
    assert [occurrence_at(one, TEN + each) is not None for each in (-MINUTE, 0 * HOUR, HOUR, 2 * HOUR - MINUTE, 2 * HOUR, 7 * DAY)] == [
        False, True, True, True, False, False,
    ]  # fmt: skip
    assert occurrence_at(one, TEN) == Occurrence(TEN, TEN + 2 * HOUR)
    assert one.ends_at == TEN + 2 * HOUR


def test_a_recurring_window_is_in_force_at_each_of_its_times() -> None:
    one = window(WEEKLY)
    assert [occurrence_at(one, TEN + each * DAY) is not None for each in (-7, 0, 6, 7, 14, 21, 28)] == [
        False, True, False, True, True, True, False,
    ]  # fmt: skip
    assert upcoming(one, TEN + HOUR, 2) == (Occurrence(TEN, TEN + 2 * HOUR), Occurrence(TEN + 7 * DAY, TEN + 7 * DAY + 2 * HOUR))
    assert len(upcoming(one, START, 10)) == 4
    assert upcoming(one, one.ends_at, 10) == ()


def test_where_occurrences_overlap_the_one_that_ends_last_counts() -> None:
    one = window("FREQ=DAILY;COUNT=3", hours=30)
    assert occurrence_at(one, TEN + 25 * HOUR) == Occurrence(TEN + DAY, TEN + DAY + 30 * HOUR)


@pytest.mark.parametrize(
    ("zone", "start", "before", "after"),
    [
        ("Europe/Berlin", "2026-03-22T03:00", "2026-03-22T02:00", "2026-03-29T01:00"),
        ("America/New_York", "2026-03-01T03:00", "2026-03-01T08:00", "2026-03-08T07:00"),
        ("Europe/Berlin", "2026-10-18T03:00", "2026-10-18T01:00", "2026-10-25T02:00"),
        ("America/New_York", "2026-10-25T03:00", "2026-10-25T07:00", "2026-11-01T08:00"),
        ("Asia/Kolkata", "2026-03-22T03:00", "2026-03-21T21:30", "2026-03-28T21:30"),
    ],
)
def test_the_wall_time_of_a_window_holds_when_the_clocks_change(zone: str, start: str, before: str, after: str) -> None:
    one = window("FREQ=WEEKLY;COUNT=2", local(start), time_zone=zone)
    assert [each.starts_at for each in upcoming(one, utc("2026-01-01T00:00"), 9)] == [utc(before), utc(after)]


@pytest.mark.parametrize(
    ("zone", "start", "begin", "end"),
    [
        # The night has no 02:30: it begins when the clocks show 03:30, and lasts as long as it should.
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:30", "2026-03-29T03:30"),
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:30", "2026-03-08T09:30"),
        # The night has 02:30 (01:30) twice: it begins at the first.
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30", "2026-10-25T02:30"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30", "2026-11-01T07:30"),
        # It spans the change: two hours of elapsed time, whatever the clocks show.
        ("Europe/Berlin", "2026-03-29T01:30", "2026-03-29T00:30", "2026-03-29T02:30"),
        ("Europe/Berlin", "2026-10-25T01:30", "2026-10-24T23:30", "2026-10-25T01:30"),
    ],
)
def test_a_wall_time_skipped_or_doubled_has_one_meaning_and_the_duration_is_elapsed_time(
    zone: str, start: str, begin: str, end: str
) -> None:
    one = window("", local(start), time_zone=zone)
    assert upcoming(one, utc("2026-01-01T00:00"), 1) == (Occurrence(utc(begin), utc(end)),)


SCHEDULES = st.builds(
    Schedule,
    starts_at=st.datetimes(local("2026-01-01T00:00"), local("2026-12-31T23:59")).map(lambda each: each.replace(microsecond=0, second=0)),
    time_zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "UTC"]),
    duration=st.integers(1, 48 * 60).map(lambda minutes: timedelta(minutes=minutes)),
    rrule=st.sampled_from(
        ["", "FREQ=DAILY;COUNT=9", "FREQ=HOURLY;INTERVAL=5;COUNT=20", "FREQ=MONTHLY;BYDAY=-1SU;COUNT=4", "FREQ=WEEKLY;COUNT=3"]
    ),
)


@given(SCHEDULES, st.integers(-3 * 24 * 60, 40 * 24 * 60))
def test_a_window_is_in_force_exactly_within_the_occurrences_it_lists(schedule: Schedule, minutes: int) -> None:
    one = replace(window(), schedule=schedule)
    listed = upcoming(one, utc("2000-01-01T00:00"), 100)
    when = utc("2026-01-01T00:00") + timedelta(minutes=minutes) + (listed[0].starts_at - utc("2026-01-01T00:00"))
    covering = [each for each in listed if each.starts_at <= when < each.ends_at]
    assert occurrence_at(one, when) == max(covering, key=lambda each: each.ends_at, default=None)
    assert upcoming(one, when, 100) == tuple(each for each in listed if each.ends_at > when)
    held = replace(one, created_at=listed[0].starts_at, updated_at=listed[0].starts_at)
    assert [each.occurrence for each in occurrences_between([held], listed[0].starts_at, listed[-1].ends_at)] == list(listed)


@given(SCHEDULES)
def test_every_occurrence_begins_at_the_wall_time_that_was_planned_unless_the_clocks_skip_it(schedule: Schedule) -> None:
    one = replace(window(), schedule=replace(schedule, rrule="FREQ=DAILY;COUNT=200"))
    zone = ZoneInfo(schedule.time_zone)
    planned = schedule.starts_at.time()
    for each in upcoming(one, utc("2000-01-01T00:00"), 200):
        begin = each.starts_at.astimezone(zone)
        skipped = begin.replace(hour=planned.hour, minute=planned.minute, fold=0)
        assert begin.time() == planned or skipped.astimezone(UTC).astimezone(zone).time() != planned
        assert begin.fold == 0


def test_states_follow_the_time() -> None:
    one = window(WEEKLY)
    states = [state_of(one, TEN + each) for each in (-HOUR, HOUR, DAY, 21 * DAY + HOUR, 22 * DAY)]
    pending, in_force, between, over = WindowState.PENDING, WindowState.IN_FORCE, WindowState.BETWEEN, WindowState.OVER
    assert states == [pending, in_force, between, in_force, over]


def test_cancelling_ends_it_with_the_occurrence_under_way() -> None:
    one = cancel(window(WEEKLY), "postponed", "grace", TEN + HOUR)
    assert (one.version, one.change, one.changed_by, one.change_reason) == (2, WindowChange.CANCELLED, "grace", "postponed")
    assert occurrence_at(one, TEN + MINUTE) == Occurrence(TEN, TEN + HOUR)
    assert occurrence_at(one, TEN + HOUR) is None
    assert occurrence_at(one, TEN + 7 * DAY) is None
    assert upcoming(one, TEN, 9) == (Occurrence(TEN, TEN + HOUR),)
    assert state_of(one, TEN + HOUR) is WindowState.OVER
    assert cancel(one, "again", "ada", TEN + 2 * HOUR) is one


def test_what_is_over_cannot_be_cancelled() -> None:
    with pytest.raises(MaintenanceWindowOver):
        cancel(window(), "", "ada", TEN + DAY)


def test_an_edit_makes_the_next_version_with_its_own_approver() -> None:
    one = window(WEEKLY)
    after = edit(one, WindowEdit(duration=3 * HOUR, rrule="", approver="linus"), "longer", "ada", TEN + HOUR)
    assert (after.version, after.change, after.changed_by, after.change_reason, after.approver) == (
        2, WindowChange.EDITED, "ada", "longer", "linus",
    )  # fmt: skip
    assert after.schedule == replace(one.schedule, duration=3 * HOUR, rrule="")
    assert (after.author, after.reason, after.created_at, after.updated_at) == ("ada", one.reason, START, TEN + HOUR)


def test_an_edit_that_changes_nothing_makes_no_version() -> None:
    one = window(WEEKLY)
    assert edit(one, WindowEdit(one.matchers, time_zone="UTC", reason=one.reason), "?", "grace", TEN) is one


@pytest.mark.parametrize("approver", [None, "ada", " ada ", ""])
def test_a_changed_plan_must_be_approved_anew_by_somebody_else(approver: str | None) -> None:
    with pytest.raises(MutingRefused) as error:
        edit(window(WEEKLY), WindowEdit(duration=HOUR, approver=approver), "", "ada", TEN)
    assert [each.field for each in error.value.violations] == ["approver"]


def test_a_better_reason_needs_no_new_approval() -> None:
    assert edit(window(WEEKLY), WindowEdit(reason="the database is upgraded"), "", "grace", TEN).approver == "grace"


def test_an_edit_is_checked_like_a_new_one_and_what_is_over_stays() -> None:
    with pytest.raises(RecurrenceRefused):
        edit(window(WEEKLY), WindowEdit(rrule="FREQ=DAILY", approver="linus"), "", "ada", TEN)
    with pytest.raises(MaintenanceWindowOver):
        edit(window(), WindowEdit(reason="?"), "", "ada", TEN + DAY)


def test_a_reason_for_no_change_and_a_plan_that_is_over_already_are_refused() -> None:
    for changed, field in ((WindowEdit(), "change_reason"), (WindowEdit(duration=timedelta(minutes=1), approver="linus"), "duration")):
        with pytest.raises(MutingRefused) as error:
            edit(window(), changed, "it is done", "ada", TEN + HOUR / 2)
        assert [each.field for each in error.value.violations] == [field]


# What lay between two times.


def told(versions: list[MaintenanceWindow], after: datetime, before: datetime) -> list[tuple[int, str, str]]:
    return [
        (each.window.version, f"{each.occurrence.starts_at:%d %H:%M}", f"{each.occurrence.ends_at:%d %H:%M}")
        for each in occurrences_between(versions, after, before)
    ]


def test_occurrences_between_two_times_are_those_that_touch_them() -> None:
    one = window("FREQ=DAILY;COUNT=9")
    assert told([one], TEN + DAY + HOUR, TEN + 3 * DAY) == [(1, "03 10:00", "03 12:00"), (1, "04 10:00", "04 12:00")]
    assert told([one], TEN + DAY + 2 * HOUR, TEN + 2 * DAY) == []


def test_an_edit_changes_nothing_that_has_passed() -> None:
    first = window("FREQ=DAILY;COUNT=4")
    second = replace(first, version=2, schedule=replace(first.schedule, duration=HOUR * 5), updated_at=TEN + DAY + HOUR)
    assert told([first, second], TEN + DAY + 90 * MINUTE, TEN + DAY + 2 * HOUR) == [(2, "03 11:00", "03 15:00")]
    assert told([first, second], START, START + 9 * DAY) == [
        (1, "02 10:00", "02 12:00"),
        (1, "03 10:00", "03 11:00"),  # under way when it was edited
        (2, "03 11:00", "03 15:00"),
        (2, "04 10:00", "04 15:00"),
        (2, "05 10:00", "05 15:00"),
    ]


def test_a_window_made_afterwards_plans_nothing() -> None:
    late = replace(window("FREQ=DAILY;COUNT=3"), created_at=TEN + DAY + HOUR, updated_at=TEN + DAY + HOUR)
    assert told([late], START, START + 9 * DAY) == [(1, "03 11:00", "03 12:00"), (1, "04 10:00", "04 12:00")]


def test_a_cancelled_window_keeps_what_was_held() -> None:
    first = window("FREQ=DAILY;COUNT=3")
    assert told([first, cancel(first, "", "ada", TEN + DAY + HOUR)], START, START + 9 * DAY) == [
        (1, "02 10:00", "02 12:00"),
        (1, "03 10:00", "03 11:00"),
    ]


# What is refused.


@pytest.mark.parametrize(
    ("built", "field", "error"),
    [
        ({"hours": 0}, "duration", MutingRefused),
        ({"hours": 168.1}, "duration", MutingRefused),
        ({"time_zone": "Mars/Olympus"}, "time_zone", MutingRefused),
        ({"time_zone": ""}, "time_zone", MutingRefused),
        ({"starts_at": local("1999-12-31T23:59")}, "starts_at", MutingRefused),
        ({"starts_at": local("2200-01-01T00:00")}, "starts_at", MutingRefused),
        ({"approver": ""}, "approver", MutingRefused),
        ({"approver": "ada"}, "approver", MutingRefused),
        ({"approver": " Ada "}, "approver", MutingRefused),
        ({"matchers": "{}"}, "matchers", MatchersRefused),
        ({"matchers": 'a=~"("'}, "matchers[0]", MatchersRefused),
        ({"rrule": "FREQ=WEEKLY"}, "rrule", RecurrenceRefused),
        ({"rrule": "FREQ=DAILY;UNTIL=20990101"}, "rrule", RecurrenceRefused),
    ],
)
def test_a_window_out_of_bounds_is_refused_by_field(built: dict[str, Any], field: str, error: type[MutingRefused]) -> None:
    with pytest.raises(error) as refused:
        check_window(window(**built), "ada")
    assert [each.field for each in refused.value.violations] == [field]


def test_a_good_window_is_not_refused() -> None:
    check_window(window(WEEKLY, time_zone="Europe/Berlin", hours=168), "ada")


@pytest.mark.parametrize("name", ["Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires"])
def test_zones_are_those_of_the_iana_database(name: str) -> None:
    assert is_zone(name)


@pytest.mark.parametrize("name", ["", "localtime", "posixrules", "../etc/passwd", "europe/berlin", "CEST", "+02:00", "Europe", "a\0"])
def test_what_is_no_zone_of_the_iana_database_is_none(name: str) -> None:
    assert not is_zone(name)
