"""Recurrence: the examples of RFC 5545 that planned work may follow, changes of the clocks, and rules that are refused."""

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from shared.recurrence import MOST_OCCURRENCES, Unusable, expand, read_rrule, utc_of

NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
NINE = datetime(1997, 9, 2, 9)  # noqa: DTZ001 - the wall time from which the examples of RFC 5545, section 3.8.5.3, count


def wall(rrule: str, starts_at: datetime = NINE, zone: ZoneInfo = NEW_YORK) -> list[str]:
    """Returns the occurrences as month-day hour of the zone's clocks."""
    return [f"{each.astimezone(zone):%m-%d %H:%M}" for each in expand(rrule, starts_at, zone)]


def days(rrule: str, starts_at: datetime = NINE) -> list[str]:
    return [f"{each.astimezone(NEW_YORK):%y-%m-%d}" for each in expand(rrule, starts_at, NEW_YORK)]


@pytest.mark.parametrize(
    ("rrule", "expected"),
    [
        ("FREQ=DAILY;COUNT=10", "09-02 09-03 09-04 09-05 09-06 09-07 09-08 09-09 09-10 09-11"),
        ("FREQ=DAILY;INTERVAL=10;COUNT=5", "09-02 09-12 09-22 10-02 10-12"),
        ("FREQ=WEEKLY;COUNT=5", "09-02 09-09 09-16 09-23 09-30"),
        ("FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH", "09-02 09-04 09-09 09-11 09-16 09-18 09-23 09-25 09-30 10-02"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", "09-02 09-04 09-16 09-18 09-30 10-02 10-14 10-16"),
        ("FREQ=MONTHLY;COUNT=4;BYMONTHDAY=2,15", "09-02 09-15 10-02 10-15"),
        ("FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "09-22 10-20 11-17 12-22 01-19 02-16"),
        ("FREQ=MONTHLY;COUNT=4;BYDAY=TU,WE,TH;BYSETPOS=3", "09-04 10-07 11-06 12-04"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=4", "09-29 10-30 11-27 12-30"),
        ("FREQ=MONTHLY;INTERVAL=18;COUNT=4;BYMONTHDAY=10,11", "09-10 09-11 03-10 03-11"),
        ("FREQ=YEARLY;COUNT=4;BYMONTH=6,7;BYMONTHDAY=2", "06-02 07-02 06-02 07-02"),
    ],
)
def test_the_examples_of_the_standard_come_out_as_it_says(rrule: str, expected: str) -> None:
    assert [each[:5] for each in wall(rrule)] == expected.split()


def test_the_day_a_week_begins_on_matters_as_the_standard_says() -> None:
    start = datetime(1997, 8, 5, 9)  # noqa: DTZ001 - a wall time
    assert days("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", start) == ["97-08-05", "97-08-10", "97-08-19", "97-08-24"]
    assert days("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", start) == ["97-08-05", "97-08-17", "97-08-19", "97-08-31"]


def test_friday_the_thirteenth_comes_when_it_comes() -> None:
    found = days("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=5")
    assert found == ["98-02-13", "98-03-13", "98-11-13", "99-08-13", "00-10-13"]


def test_hours_of_a_day_are_listed() -> None:
    found = wall("FREQ=DAILY;BYHOUR=9,10;BYMINUTE=0,20,40;COUNT=7")
    assert found == ["09-02 09:00", "09-02 09:20", "09-02 09:40", "09-02 10:00", "09-02 10:20", "09-02 10:40", "09-03 09:00"]
    assert wall("FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z") == ["09-02 09:00", "09-02 12:00", "09-02 15:00"]


def test_an_invalid_date_is_left_out() -> None:
    assert days("FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", datetime(2007, 1, 15, 9)) == [  # noqa: DTZ001
        "07-01-15", "07-01-30", "07-02-15", "07-03-15", "07-03-30",
    ]  # fmt: skip


def test_a_leap_day_comes_every_four_years() -> None:
    start = datetime(2024, 2, 29, 9)  # noqa: DTZ001
    assert days("FREQ=YEARLY;COUNT=3", start) == ["24-02-29", "28-02-29", "32-02-29"]
    assert days("FREQ=YEARLY;BYYEARDAY=-1;COUNT=2", start) == ["24-12-31", "25-12-31"]


def test_the_begin_is_an_occurrence_only_if_the_rule_gives_it() -> None:
    assert days("FREQ=WEEKLY;BYDAY=FR;COUNT=2") == ["97-09-05", "97-09-12"]


def test_the_end_is_included_to_the_second_and_may_be_utc_wall_time_or_a_day() -> None:
    assert days("FREQ=DAILY;UNTIL=19970904T130000Z")[-1] == "97-09-04"  # 09:00 in New York
    assert days("FREQ=DAILY;UNTIL=19970904T125959Z")[-1] == "97-09-03"
    assert days("FREQ=DAILY;UNTIL=19970904T090000")[-1] == "97-09-04"
    assert days("FREQ=DAILY;UNTIL=19970904")[-1] == "97-09-04"
    assert days("RRULE:freq=daily;until=19970904")[-1] == "97-09-04"


# Changes of the clocks.


@pytest.mark.parametrize(("zone", "start"), [(BERLIN, datetime(2026, 3, 22, 2, 30)), (NEW_YORK, datetime(2026, 3, 1, 2, 30))])  # noqa: DTZ001
def test_wall_time_holds_across_the_spring_change_and_a_time_skipped_moves_on_by_the_gap(zone: ZoneInfo, start: datetime) -> None:
    found = wall("FREQ=WEEKLY;COUNT=3", start, zone)
    assert [each[6:] for each in found] == ["02:30", "03:30", "02:30"]
    begins = expand("FREQ=WEEKLY;COUNT=3", start, zone)
    assert [later - earlier for earlier, later in pairwise(begins)] == [timedelta(days=7), timedelta(days=6, hours=23)]


def test_of_a_wall_time_that_comes_twice_the_first_is_meant() -> None:
    assert utc_of(datetime(2026, 10, 25, 2, 30), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # noqa: DTZ001
    assert utc_of(datetime(2026, 11, 1, 1, 30), NEW_YORK) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # noqa: DTZ001
    begins = expand("FREQ=DAILY;COUNT=3", datetime(2026, 10, 24, 2, 30), BERLIN)  # noqa: DTZ001
    assert [f"{each:%d %H:%M}" for each in begins] == ["24 00:30", "25 00:30", "26 01:30"]


def test_a_time_skipped_that_meets_another_occurrence_counts_once() -> None:
    begins = expand("FREQ=DAILY;BYHOUR=2,3;COUNT=4", datetime(2026, 3, 28, 2, 30), BERLIN)  # noqa: DTZ001
    assert [f"{each:%d %H:%M}" for each in begins] == ["28 01:30", "28 02:30", "29 01:30"]


# What is refused.


@pytest.mark.parametrize(
    ("rrule", "said"),
    [
        ("FREQ=WEEKLY", "needs an end"),
        ("FREQ=DAILY;COUNT=2;UNTIL=19991231", "needs an end, one of"),
        ("FREQ=SECONDLY;COUNT=3", "frequency SECONDLY"),
        ("FREQ=MINUTELY;COUNT=3", "frequency MINUTELY"),
        ("COUNT=3", "frequency none"),
        ("FREQ=DAILY;BYSECOND=0,1,2,3;COUNT=9", "BYSECOND, which is not among the parts known"),
        ("FREQ=YEARLY;BYEASTER=0;COUNT=1", "BYEASTER"),
        ("FREQ=DAILY;COUNT=1001", "COUNT=1001"),
        ("FREQ=DAILY;COUNT=0", "COUNT=0"),
        ("FREQ=DAILY;INTERVAL=0;COUNT=2", "INTERVAL=0"),
        ("FREQ=DAILY;UNTIL=20991231T000000Z", "more than 1,000 occurrences"),
        ("FREQ=DAILY;UNTIL=99991231T235959", "outside the years 1900 to 2299"),
        ("FREQ=DAILY;UNTIL=00010101T000000", "outside the years 1900 to 2299"),
        ("FREQ=HOURLY;UNTIL=19971231T000000Z", "more than 1,000 occurrences"),
        ("FREQ=DAILY;UNTIL=19970101T000000Z", "gives no occurrence"),
        ("FREQ=DAILY;UNTIL=19971301", "is no time"),
        ("FREQ=DAILY;UNTIL=tomorrow", "is no time"),
        ("FREQ=YEARLY;COUNT=12", "more than ten years"),
        ("FREQ=YEARLY;UNTIL=20200101T000000Z", "more than ten years"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=1", "gives no occurrence"),
        ("FREQ=DAILY;BYMONTH=13;COUNT=1", "not a number from 1 to 12"),
        ("FREQ=DAILY;BYHOUR=-1;COUNT=1", "not a number from 0 to 23"),
        ("FREQ=MONTHLY;BYMONTHDAY=0;COUNT=1", "not a number from 1 to 31"),
        ("FREQ=WEEKLY;BYDAY=XX;COUNT=1", "'XX' is no weekday"),
        ("FREQ=WEEKLY;BYDAY=1MO;COUNT=1", "goes with FREQ=MONTHLY"),
        ("FREQ=MONTHLY;BYDAY=54MO;COUNT=1", "numbered from 1 to 53"),
        ("FREQ=WEEKLY;BYMONTHDAY=1;COUNT=1", "does not go with FREQ=WEEKLY"),
        ("FREQ=DAILY;BYSETPOS=1;COUNT=1", "BYSETPOS without another"),
        ("FREQ=DAILY;WKST=8;COUNT=1", "WKST=8"),
        ("FREQ=DAILY;FREQ=DAILY;COUNT=1", "FREQ twice"),
        ("FREQ=DAILY;;COUNT=1", "no part of a rule"),
        ("every tuesday", "no part of a rule"),
        ("", "no part of a rule"),
        ("FREQ=DAILY;COUNT=1" + "0" * 600, "longer than 512"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_with_what_to_write(rrule: str, said: str) -> None:
    with pytest.raises(Unusable) as error:
        expand(rrule, NINE, NEW_YORK)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "rrule",
    [
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30;COUNT=1",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31;BYHOUR=1,2,3;BYMINUTE=0,1,2,3;COUNT=1000",
        "FREQ=DAILY;BYHOUR=1;BYSETPOS=366;COUNT=1",
        "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6;UNTIL=20060101",
    ],
)
def test_a_rule_that_never_comes_is_found_out_soon(rrule: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(Unusable, match="gives no occurrence"):
        expand(rrule, NINE, NEW_YORK)
    assert time.perf_counter() - begin < 3  # 0.3 s; without care the library counts days for the better part of a minute


def test_a_rule_may_give_as_many_as_are_allowed() -> None:
    assert len(expand(f"FREQ=DAILY;COUNT={MOST_OCCURRENCES}", NINE, NEW_YORK)) == MOST_OCCURRENCES
    assert read_rrule("RRULE:FREQ=DAILY;COUNT=2") == {"FREQ": "DAILY", "COUNT": "2"}
