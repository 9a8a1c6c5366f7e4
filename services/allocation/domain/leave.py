"""Leave: days on which a member does not work, or not all day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from services.allocation.domain.calendar import WorkCalendar, check_day
from services.allocation.domain.errors import FieldRefused, LeaveOutsideMembership, LeaveOverlaps, LeaveReversed, MemberNotFound
from services.allocation.domain.member import Member


@dataclass(frozen=True, slots=True)
class Leave:
    """From the first day to the last, both in it; `hours_per_day` away of those worked on a day, zero for whole days."""

    name: str
    team: str
    member: str
    first_day: date
    last_day: date
    hours_per_day: Decimal = Decimal(0)
    note: str = ""
    version: int = 0
    updated_at: datetime | None = None

    def holds(self, day: date) -> bool:
        return self.first_day <= day <= self.last_day

    def overlaps(self, other: "Leave") -> bool:
        return self.member == other.member and self.first_day <= other.last_day and other.first_day <= self.last_day

    def part(self, day_hours: Fraction) -> Fraction:
        """Returns how much of a working day of so many hours it takes."""
        if not self.hours_per_day or not day_hours:
            return Fraction(1)
        return min(Fraction(self.hours_per_day) / day_hours, Fraction(1))


def part_away(leaves: Sequence[Leave], day: date, day_hours: Fraction) -> Fraction:
    """Returns how much of that day all leave together takes, at most all of it."""
    return min(sum((leave.part(day_hours) for leave in leaves if leave.holds(day)), Fraction(0)), Fraction(1))


@dataclass(frozen=True, slots=True)
class LeaveGround:
    """What leave is checked against: the team's members and calendars, and the leave held, by name."""

    members: Sequence[Member]
    calendars: Mapping[str, WorkCalendar]
    held: Mapping[str, Leave]


def check_leaves(team: str, leaves: Sequence[Leave], ground: LeaveGround) -> None:
    """Raises MemberNotFound, LeaveReversed, LeaveOverlaps, LeaveOutsideMembership, DayInvalid or FieldRefused, naming the field."""
    members = {member.id: member for member in ground.members}
    names = [leave.name for leave in leaves]
    known = [leave for leave in ground.held.values() if leave.name not in names]
    for index, leave in enumerate(leaves):
        field = f"leaves[{index}]"
        if leave.team != team:
            raise FieldRefused.at(f"{field}.name", f"{leave.name} is not of {team}; name it {team}/leaves/…")
        if leave.name in names[:index]:
            raise FieldRefused.at(f"{field}.name", f"repeats {leave.name}; name each leave once")
        if leave.member not in members:
            raise MemberNotFound(f"{field}.member", leave.member, team)
        check_day(f"{field}.first_day", leave.first_day)
        check_day(f"{field}.last_day", leave.last_day)
        if leave.last_day < leave.first_day:
            rule = f"{leave.last_day} is before the first day, {leave.first_day}; send them the other way about"
            raise LeaveReversed.at(f"{field}.last_day", rule)
        _check_membership(field, leave, members[leave.member], ground.calendars)
        if other := next((each for each in known if each.overlaps(leave)), None):
            rule = f"{leave.first_day} to {leave.last_day} overlaps {other.name} of {leave.member}, {other.first_day} to {other.last_day}"
            raise LeaveOverlaps.at(f"{field}.first_day", f"{rule}; change that one, or leave out the days it has", other=other.name)
        known.append(leave)


def _check_membership(field: str, leave: Leave, member: Member, calendars: Mapping[str, WorkCalendar]) -> None:
    zone = ZoneInfo(calendars[member.calendar].time_zone) if member.calendar in calendars else UTC
    first = member.joined_at.astimezone(zone).date() if member.joined_at else date.min
    last = (member.left_at - timedelta(microseconds=1)).astimezone(zone).date() if member.left_at else date.max
    for name, day in (("first_day", leave.first_day), ("last_day", leave.last_day)):
        if not first <= day <= last:
            known = f"from {first}" if last == date.max else f"until {last}" if first == date.min else f"from {first} to {last}"
            rule = f"{day} lies outside of the membership of {member.id}, {known}; leave out the days outside"
            raise LeaveOutsideMembership.at(f"{field}.{name}", rule)


def revise_leave(sent: Leave, held: Leave | None, now: datetime, last: int = 0) -> Leave:
    """Returns the leave as it is to be stored: `held` itself when nothing changes, else its next version.

    `last` is the version at which one of its name was taken back.
    """
    if held is not None and replace(sent, version=held.version, updated_at=held.updated_at) == held:
        return held
    return replace(sent, version=(held.version if held else last) + 1, updated_at=now)
