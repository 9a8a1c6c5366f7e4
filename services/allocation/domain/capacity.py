"""Capacity: the hours that members have for sprint work in a stretch of time, as terms that sum.

A member with a calendar works the calendar's hours, in proportion to the weekly hours; leave takes them day by day, so capacity is
additive: that of two stretches that follow one another is that of both together. Without a calendar the weekly hours are spread evenly
over all time, as if nobody knew when in the week they lie, and leave takes them in proportion: the part of the stretch's weekdays (of
all its days, where it has no weekday) that it covers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from services.allocation.domain.calendar import WorkCalendar, WorkingDay, hours_between, shifts
from services.allocation.domain.leave import Leave, part_away
from services.allocation.domain.member import Member, exact
from services.allocation.domain.quantity import counted, figure, hours, percent

_HOUR, _DAY, _WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
_WHOLE_DAYS = tuple(WorkingDay(day, time(), _DAY) for day in range(7))
# When leave is counted of somebody of whom only weekly hours are known.
_WEEKDAYS = WorkCalendar("", "", "UTC", _WHOLE_DAYS[:5])
_ALL_DAYS = WorkCalendar("", "", "UTC", _WHOLE_DAYS)
_NOTHING = Fraction(0)

WORKING_HOURS, HOLIDAYS, NOT_A_MEMBER, LEAVE, FOCUS, OTHER_TEAMS = (
    "working_hours",
    "holidays",
    "not_a_member",
    "leave",
    "focus",
    "other_teams",
)


@dataclass(frozen=True)
class Presence:
    """What is known of when a team's members work: their calendars, and their leave under the ids they have in this team."""

    calendars: tuple[WorkCalendar, ...] = ()
    leaves: tuple[Leave, ...] = ()

    def calendar_of(self, member: Member) -> WorkCalendar | None:
        return next((each for each in self.calendars if each.name == member.calendar), None)

    def leaves_of(self, member: Member) -> tuple[Leave, ...]:
        return self._by_member.get(member.id, ())

    @cached_property
    def _by_member(self) -> dict[str, tuple[Leave, ...]]:
        found: dict[str, tuple[Leave, ...]] = {}
        for leave in self.leaves:
            found[leave.member] = (*found.get(leave.member, ()), leave)
        return found


@dataclass(frozen=True, slots=True)
class CapacityTerm:
    """One addend of a member's capacity."""

    term: str
    hours: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class MemberCapacity:
    """What a member adds to the capacity of a sprint; the terms sum to the hours, in whole millionths."""

    member: Member
    terms: tuple[CapacityTerm, ...]
    hours: Decimal


@dataclass(frozen=True, slots=True)
class _Stages:
    """Hours left after each step, exactly: none is more than the one before."""

    working: Fraction
    open: Fraction  # without holidays
    member: Fraction
    present: Fraction  # without leave
    focused: Fraction
    own: Fraction  # of this team

    @property
    def all(self) -> tuple[Fraction, ...]:
        return self.working, self.open, self.member, self.present, self.focused, self.own


def capacity_between(members: Sequence[Member], presence: Presence, begin: datetime, end: datetime) -> Decimal:
    """Returns the person-hours for sprint work between the two."""
    return _rounded(sum((_stages(member, presence, begin, end).own for member in members), _NOTHING))


def parts_between(members: Sequence[Member], presence: Presence, begin: datetime, end: datetime) -> list[Fraction]:
    """Returns the share of the capacity that each member is; all zero where there is none."""
    own = [_stages(member, presence, begin, end).own for member in members]
    whole = sum(own, _NOTHING) or Fraction(1)
    return [each / whole for each in own]


def members_between(members: Sequence[Member], presence: Presence, begin: datetime, end: datetime) -> list[MemberCapacity]:
    """Returns each member's capacity with its terms; all together are exactly the capacity, to the millionth."""
    found, total, given = [], _NOTHING, Decimal(0)
    for member in members:
        stages = _stages(member, presence, begin, end)
        total += stages.own
        # By differences of rounded sums, so that what is lost to rounding is lost nowhere.
        share = _rounded(total) - given
        given += share
        found.append(MemberCapacity(member, _terms(member, presence, stages, share), share))
    return found


def _terms(member: Member, presence: Presence, stages: _Stages, own: Decimal) -> tuple[CapacityTerm, ...]:
    left = [own if each == stages.own else _rounded(each) for each in stages.all]
    changes = [after - before for before, after in pairwise(left)]
    first = CapacityTerm(WORKING_HOURS, left[0], _working_reason(member, presence))
    reasons = (
        (HOLIDAYS, f"Holidays of {member.calendar} fall on working days."),
        (NOT_A_MEMBER, _membership_reason(member)),
        (LEAVE, f"{counted(len(presence.leaves_of(member)), 'leave')} known, of which this lies in the sprint."),
        (FOCUS, f"{_percent(member.focus_factor)} of working hours go into sprint work."),
        (OTHER_TEAMS, f"This team has {_percent(member.share)} of {member.person or member.id}."),
    )
    rest = (CapacityTerm(term, change, reason) for change, (term, reason) in zip(changes, reasons, strict=True) if change)
    return (first, *rest)


def _stages(member: Member, presence: Presence, begin: datetime, end: datetime) -> _Stages:
    calendar = presence.calendar_of(member)
    since, until = member.during(begin, end)
    # A day wider to either side: where people are it may be another day.
    near, far = since.date() - _DAY, until.date() + _DAY
    leaves = [each for each in presence.leaves_of(member) if each.first_day <= far and each.last_day >= near]
    if calendar is None:
        weekly = exact(member.weekly_hours)
        working = weekly * _ratio(end - begin, _WEEK)
        inside = weekly * _ratio(until - since, _WEEK)
        present = inside * (1 - _spread_leave(weekly / 5, leaves, since, until)) if leaves and since < until else inside
        return _staged(member, working, working, inside, present)
    scale = exact(member.weekly_hours) / _ratio(calendar.week, _HOUR)
    everything, without_holidays = hours_between(calendar, begin, end)
    inside = scale * _ratio(hours_between(calendar, since, until)[1], _HOUR) if since < until else _NOTHING
    away = scale * _calendar_leave(calendar, scale, leaves, since, until) if leaves and since < until else _NOTHING
    return _staged(member, scale * _ratio(everything, _HOUR), scale * _ratio(without_holidays, _HOUR), inside, inside - away)


def _staged(member: Member, working: Fraction, open_: Fraction, inside: Fraction, present: Fraction) -> _Stages:
    focused = present * exact(member.focus_factor)
    return _Stages(working, open_, inside, present, focused, focused * exact(member.share))


def _calendar_leave(calendar: WorkCalendar, scale: Fraction, leaves: Sequence[Leave], begin: datetime, end: datetime) -> Fraction:
    """Returns the calendar's hours between the two that leave takes."""
    taken = _NOTHING
    for shift in shifts(calendar, begin, end):
        if not shift.is_holiday and (part := part_away(leaves, shift.day, scale * _ratio(shift.length, _HOUR))):
            taken += part * _ratio(shift.within(begin, end), _HOUR)
    return taken


def _spread_leave(day_hours: Fraction, leaves: Sequence[Leave], begin: datetime, end: datetime) -> Fraction:
    """Returns the part of the time between the two that leave takes of somebody whose hours lie nobody knows when."""
    for calendar in (_WEEKDAYS, _ALL_DAYS):
        whole = hours_between(calendar, begin, end)[1]
        if whole:
            parts = ((shift.within(begin, end), part_away(leaves, shift.day, day_hours)) for shift in shifts(calendar, begin, end))
            return sum((_ratio(some, whole) * part for some, part in parts if part), _NOTHING)
    return _NOTHING


def _ratio(some: timedelta, whole: timedelta) -> Fraction:
    microsecond = timedelta(microseconds=1)
    return Fraction(some // microsecond, whole // microsecond)


def _rounded(value: Fraction) -> Decimal:
    return hours(Decimal(value.numerator) / Decimal(value.denominator))


def _working_reason(member: Member, presence: Presence) -> str:
    calendar = presence.calendar_of(member)
    when = f"as {calendar.name} has them ({calendar.time_zone})" if calendar else "spread evenly over all time"
    return f"{figure(member.weekly_hours)} h a week, {when}."


def _membership_reason(member: Member) -> str:
    since = f" since {member.joined_at.isoformat()}" if member.joined_at else ""
    until = f" until {member.left_at.isoformat()}" if member.left_at else ""
    return f"A member only{since}{until}."


def _percent(value: float) -> str:
    return percent(int(exact(value) * 10**6))
