"""Capacity: terms that sum, additive over time, never raised by leave, right on days when the clocks change."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.allocation.domain.calendar import WorkCalendar, WorkingDay, check_calendars, hours_between, shifts
from services.allocation.domain.capacity import Presence, capacity_between, members_between, parts_between
from services.allocation.domain.errors import PersonOverallocated, TimeZoneUnknown, WorkingDayInvalid
from services.allocation.domain.leave import Leave
from services.allocation.domain.member import Member
from services.allocation.domain.person import check_persons
from services.allocation.domain.rule import decide
from services.allocation.domain.sprint import Sprint
from services.allocation.domain.staffing import Crew
from tests.support.allocation import FIRST, FORTNIGHT, boundary, item, moment, policy, situation, split, team

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")


def calendar(*days: int, zone: str = "Europe/Berlin", begins: time = time(9), hours: float = 8, **more: Any) -> WorkCalendar:
    working = tuple(WorkingDay(day, begins, hours * HOUR) for day in days or range(5))
    return WorkCalendar("calendars/c", "", zone, working, **more)


def member(**changes: Any) -> Member:
    return replace(Member("ada", 40, 1.0), **changes)


def leave(first: date, last: date | None = None, hours: float = 0, name: str = "l") -> Leave:
    return Leave(f"teams/web/leaves/{name}", "teams/web", "ada", first, last or first, Decimal(str(hours)))


def capacity(of: Member, begin: datetime, end: datetime, *leaves: Leave, calendars: tuple[WorkCalendar, ...] = ()) -> Decimal:
    return capacity_between([of], Presence(calendars, leaves), begin, end)


def test_a_week_by_a_calendar_has_the_weekly_hours() -> None:
    assert capacity(member(calendar="calendars/c"), FIRST, FIRST + 7 * DAY, calendars=(calendar(),)) == 40


def test_weekly_hours_below_those_of_the_calendar_shorten_each_day() -> None:
    part_time = member(weekly_hours=20, calendar="calendars/c")
    assert capacity(part_time, FIRST, FIRST + DAY, calendars=(calendar(),)) == 4


def test_a_holiday_on_a_weekend_takes_nothing_and_one_on_a_working_day_takes_it() -> None:
    found = calendar(holidays=(date(2026, 1, 6), date(2026, 1, 10)))
    assert capacity(member(calendar="calendars/c"), FIRST, FIRST + 7 * DAY, calendars=(found,)) == 32


def test_clocks_that_spring_forward_take_an_hour_of_the_night_shift_and_give_it_back_in_autumn() -> None:
    # Europe/Berlin changes in the nights before Sunday 29 March and Sunday 25 October 2026, each at 01:00 UTC.
    night = calendar(5, begins=time(22), hours=8)
    for saturday, hours in ((date(2026, 3, 28), 7), (date(2026, 10, 24), 9), (date(2026, 4, 4), 8)):
        begin = datetime.combine(saturday, time(), UTC)
        assert hours_between(night, begin, begin + 2 * DAY)[0] == hours * HOUR


def test_working_hours_follow_the_clock_on_the_wall_through_summer_time() -> None:
    found = [
        shifts(calendar(), datetime(2026, month, day, tzinfo=UTC), datetime(2026, month, day + 1, tzinfo=UTC))
        for month, day in ((3, 27), (3, 30))
    ]
    assert [each[0].begin_at.hour for each in found] == [8, 7]


def test_round_the_clock_days_neither_overlap_nor_leave_gaps_in_any_zone_in_any_year() -> None:
    for zone in ZONES:
        whole = calendar(*range(7), zone=zone, begins=time(), hours=24)
        begin = datetime(2011, 12, 1, tzinfo=UTC)  # Apia had no 30 December in that year
        total = hours_between(whole, begin, begin + 400 * DAY)[0]
        assert total == 400 * DAY, zone


def test_leave_takes_the_working_days_it_covers_and_no_others() -> None:
    ada = member(calendar="calendars/c", focus_factor=0.5)
    friday_to_monday = leave(date(2026, 1, 9), date(2026, 1, 12))
    assert capacity(ada, FIRST, FIRST + FORTNIGHT, friday_to_monday, calendars=(calendar(),)) == Decimal(80 - 16) / 2


def test_part_days_take_hours_of_the_persons_day() -> None:
    half = member(weekly_hours=20, calendar="calendars/c")
    for hours, left in ((1, 3), (4, 0), (6, 0)):
        assert capacity(half, FIRST, FIRST + DAY, leave(FIRST.date(), hours=hours), calendars=(calendar(),)) == left


def test_a_day_on_which_two_teams_know_of_leave_is_taken_once() -> None:
    ada = member(calendar="calendars/c")
    told = leave(FIRST.date(), hours=6), leave(FIRST.date(), hours=6, name="other")
    assert capacity(ada, FIRST, FIRST + 2 * DAY, *told, calendars=(calendar(),)) == 8


def test_a_team_has_its_share_of_a_person_and_focus_of_that() -> None:
    assert capacity(member(focus_factor=0.5, share=0.25), FIRST, FIRST + FORTNIGHT) == 10


def test_without_a_calendar_leave_takes_its_part_of_the_weekdays() -> None:
    assert capacity(member(), FIRST, FIRST + FORTNIGHT, leave(date(2026, 1, 5), date(2026, 1, 11))) == 40
    assert capacity(member(), FIRST, FIRST + FORTNIGHT, leave(date(2026, 1, 10), date(2026, 1, 11))) == 80
    assert capacity(member(), FIRST, FIRST + FORTNIGHT, leave(date(2026, 1, 5), hours=4)) == 76
    weekend = FIRST + 5 * DAY
    assert capacity(member(weekly_hours=70), weekend, weekend + 2 * DAY, leave(date(2026, 1, 10))) == 10


@given(st.lists(st.tuples(st.integers(0, 80), st.integers(1, 100)), min_size=1, max_size=8), st.integers(1, 90))
def test_a_team_that_gives_only_weekly_hours_has_the_capacity_it_ever_had(people: list[tuple[int, int]], days: int) -> None:
    members = tuple(Member(f"m{place}", hours, focus / 100) for place, (hours, focus) in enumerate(people))
    built = team(members=members, sprint_length=days * DAY)
    told = Fraction(sum(Fraction(hours) * Fraction(focus, 100) for hours, focus in people)) * Fraction(days, 7)
    expected = Decimal(told.numerator) / Decimal(told.denominator)
    sprint = built.cadence.sprint(3)
    assert built.capacity_in(sprint) == built.capacity_hours
    assert abs(built.capacity_hours - expected) <= Decimal("0.0000005")
    assert capacity_between(members, Presence(), sprint.begin_at, sprint.end_at) == built.capacity_hours


calendars_ = st.builds(
    lambda days, zone, begins, hours, off: calendar(
        *sorted(days), zone=zone, begins=begins, hours=hours, holidays=tuple(sorted(FIRST.date() + timedelta(days=each) for each in off))
    ),
    st.sets(st.integers(0, 6), min_size=1),
    st.sampled_from(ZONES),
    st.times(),
    st.floats(0.5, 24),
    st.sets(st.integers(0, 400), max_size=6),
)
spans = st.tuples(st.integers(0, 400), st.integers(0, 30), st.sampled_from([0, 1, 3.5, 8, 24]))
members_ = st.builds(
    lambda hours, focus, share, joined, stays: member(
        weekly_hours=hours,
        focus_factor=focus / 100,
        share=share / 100,
        joined_at=FIRST + joined * HOUR if joined else None,
        left_at=FIRST + (joined + stays) * HOUR if stays else None,
    ),
    st.integers(0, 80),
    st.integers(1, 100),
    st.integers(1, 100),
    st.integers(0, 4000),
    st.integers(0, 4000),
)


def leaves_of(told: list[tuple[int, int, float]]) -> tuple[Leave, ...]:
    first = FIRST.date()
    return tuple(
        leave(first + timedelta(days=begin), first + timedelta(days=begin + days), hours, f"l{place}")
        for place, (begin, days, hours) in enumerate(told)
    )


@settings(deadline=None)
@given(
    st.lists(members_, min_size=1, max_size=3),
    st.none() | calendars_,
    st.lists(spans, max_size=4),
    st.integers(0, 9000),
    st.integers(1, 2200),
)
def test_terms_sum_to_each_members_capacity_and_those_to_the_teams(
    built: list[Member], by: WorkCalendar | None, told: list[tuple[int, int, float]], begin: int, length: int
) -> None:
    people = [replace(each, id=f"m{place}", calendar=by.name if by else "") for place, each in enumerate(built)]
    leaves = tuple(replace(each, member=f"m{place % len(people)}") for place, each in enumerate(leaves_of(told)))
    presence = Presence((by,) if by else (), leaves)
    span = FIRST + begin * HOUR, FIRST + (begin + length) * HOUR
    found = members_between(people, presence, *span)
    assert sum(each.hours for each in found) == capacity_between(people, presence, *span)
    for each in found:
        assert sum(term.hours for term in each.terms) == each.hours
        assert each.hours >= 0
        assert all(term.hours <= Decimal("0.000001") for term in each.terms[1:])
    parts = parts_between(people, presence, *span)
    assert sum(parts) in {0, 1}


@settings(deadline=None)
@given(members_, calendars_, st.lists(spans, max_size=4), st.integers(0, 9000), st.integers(1, 1000), st.integers(1, 1000))
def test_capacity_by_a_calendar_is_additive_over_stretches_that_follow_one_another(
    built: Member, by: WorkCalendar, told: list[tuple[int, int, float]], begin: int, first: int, second: int
) -> None:
    built = replace(built, calendar=by.name)
    a, b, c = (FIRST + (begin + each) * HOUR for each in (0, first, first + second))
    leaves = leaves_of(told)
    whole = capacity(built, a, c, *leaves, calendars=(by,))
    parts = capacity(built, a, b, *leaves, calendars=(by,)) + capacity(built, b, c, *leaves, calendars=(by,))
    assert abs(whole - parts) <= Decimal("0.000002")  # each is rounded to a millionth


@settings(deadline=None)
@given(members_, st.none() | calendars_, st.lists(spans, max_size=4), spans, st.integers(0, 9000), st.integers(1, 2200))
def test_leave_never_raises_capacity_and_leave_of_all_days_leaves_nothing(
    built: Member, by: WorkCalendar | None, told: list[tuple[int, int, float]], more: tuple[int, int, float], begin: int, length: int
) -> None:
    built, calendars = replace(built, calendar=by.name if by else ""), (by,) if by else ()
    span = FIRST + begin * HOUR, FIRST + (begin + length) * HOUR
    leaves = leaves_of(told)
    before = capacity(built, *span, *leaves, calendars=calendars)
    assert capacity(built, *span, *leaves, *leaves_of([more]), calendars=calendars) <= before
    always = leave(span[0].date() - 2 * DAY, span[1].date() + 2 * DAY)
    assert capacity(built, *span, always, calendars=calendars) == 0


def test_two_members_whose_share_is_away_leave_the_skills_to_the_others() -> None:
    members = (member(id="ada", skills=("ios",)), member(id="bob"))
    built = team(members=members, presence=Presence((), (leave(date(2026, 1, 5), date(2026, 1, 18)),)))
    assert [share for _, share in built.people_in(built.cadence.sprint(1))] == [0, 1]
    assert [share for _, share in built.people_in(built.cadence.sprint(2))] == [Decimal("0.5")] * 2
    crew = Crew(
        (Decimal(80), Decimal(240)), people=built.people, people_by_sprint=tuple(built.people_in(built.cadence.sprint(n)) for n in (1, 2))
    )
    assert crew.hours(frozenset({"ios"})) == (0, 80_000_000)


def test_a_decision_with_nobody_there_keeps_its_share_and_says_so() -> None:
    away = Presence((), (leave(date(2026, 1, 19), date(2026, 2, 1)),))
    alone = team(members=(member(),), presence=away)
    made = decide(situation(team=alone, policy=policy(), split=split(400_000), items=(item("a"),)), boundary(2))
    assert made.after.capacity_hours == 0
    assert "Nobody works in this sprint" in made.explanation


def test_plans_have_the_hours_of_each_sprint() -> None:
    away = Presence((), (leave(date(2026, 1, 19), date(2026, 2, 1)),))
    alone = team(members=(member(),), presence=away)
    assert [alone.capacity_in(alone.cadence.sprint(number)) for number in (1, 2, 3)] == [80, 0, 80]
    assert alone.capacity_in(Sprint(0, moment(2, 7), moment(3, 7))) == 40


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (calendar(zone="Mars/Olympus"), TimeZoneUnknown),
        (WorkCalendar("calendars/c", "", "UTC", (WorkingDay(0, time(9), 8 * HOUR),) * 2), WorkingDayInvalid),
        (WorkCalendar("calendars/c", "", "UTC", (WorkingDay(0, time(20), 20 * HOUR), WorkingDay(1, time(9), HOUR))), WorkingDayInvalid),
        (WorkCalendar("calendars/c", "", "UTC", (WorkingDay(6, time(20), 20 * HOUR), WorkingDay(0, time(9), HOUR))), WorkingDayInvalid),
    ],
)
def test_a_calendar_that_cannot_be_is_refused(broken: WorkCalendar, error: type[Exception]) -> None:
    with pytest.raises(error):
        check_calendars([broken])


def test_shares_of_a_person_may_sum_to_one_at_any_time_and_no_more() -> None:
    def having(name: str, share: float, joined: datetime | None = None, left: datetime | None = None) -> Any:
        return team(name=name, members=(member(person="people/ada", share=share, joined_at=joined, left_at=left),))

    check_persons([having("teams/a", 0.5), having("teams/b", 0.5)], [])
    check_persons([having("teams/a", 1, left=moment(3))], [having("teams/b", 1, joined=moment(3))])
    check_persons([having("teams/a", 0.5)], [having("teams/a", 1)])  # what is replaced counts no more
    with pytest.raises(PersonOverallocated) as refused:
        check_persons([having("teams/a", 0.6)], [having("teams/b", 0.5, joined=moment(3))])
    assert refused.value.violations[0].field == "teams[0].members[0].allocation_share"
    assert moment(3).isoformat() in refused.value.violations[0].description
