"""Teams, their capacity and their sprints."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.allocation.domain.errors import CapacityZero, FieldRefused, MemberDuplicate
from services.allocation.domain.member import Member
from services.allocation.domain.sprint import Cadence
from services.allocation.domain.team import check_teams
from tests.support.allocation import FIRST, FORTNIGHT, moment, team


def test_capacity_is_members_times_hours_times_focus_times_weeks() -> None:
    built = team(members=(Member("a", 40, 0.8), Member("b", 32, 0.5)), sprint_length=timedelta(days=21))
    assert built.capacity_hours == Decimal(144)


def test_capacity_is_exact_where_floats_are_not() -> None:
    assert team(members=(Member("a", 0.1, 0.1), Member("b", 0.2, 0.1)), sprint_length=FORTNIGHT).capacity_hours == Decimal("0.06")


def test_a_team_without_capacity_is_refused_by_field() -> None:
    with pytest.raises(CapacityZero) as refused:
        check_teams([team(), team(name="teams/idle", members=(Member("a", 0, 1),))])
    assert refused.value.violations[0].field == "teams[1].members"


def test_a_member_named_twice_is_refused() -> None:
    with pytest.raises(MemberDuplicate) as refused:
        check_teams([team(members=(Member("a", 40, 1), Member("b", 40, 1), Member("a", 8, 1)))])
    assert refused.value.violations[0].field == "teams[0].members[2].id"


def test_a_sprint_of_half_days_is_refused() -> None:
    with pytest.raises(FieldRefused, match="whole days"):
        check_teams([team(sprint_length=timedelta(days=13.5))])


def test_a_team_named_twice_in_a_request_is_refused() -> None:
    with pytest.raises(FieldRefused, match="repeats teams/web"):
        check_teams([team(), team()])


def test_a_first_sprint_outside_the_calendar_is_refused() -> None:
    with pytest.raises(FieldRefused, match="first_sprint_at"):
        check_teams([team(first_sprint_at=FIRST.replace(year=9999))])


def test_the_end_of_a_sprint_belongs_to_the_next() -> None:
    cadence = team().cadence
    assert cadence.number_at(moment(2, 0)) == 2
    assert cadence.number_at(moment(2, 0) - timedelta(microseconds=1)) == 1
    assert cadence.number_at(FIRST - timedelta(microseconds=1)) == 0


@given(st.integers(-(10**6), 10**6), st.integers(1, 90))
def test_every_moment_lies_in_exactly_one_sprint(minutes: int, days: int) -> None:
    cadence, at = Cadence(FIRST, timedelta(days=days)), FIRST + timedelta(minutes=minutes)
    number = cadence.number_at(at)
    assert [other for other in (number - 1, number, number + 1) if cadence.sprint(other).holds(at)] == [number]
