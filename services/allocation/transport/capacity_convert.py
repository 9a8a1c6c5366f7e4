"""Members, calendars, leave and capacity to protobuf and back."""

from collections.abc import Sequence
from datetime import date, time, timedelta
from decimal import Decimal

from ballast.allocation.v1 import calendar_pb2, capacity_pb2, team_pb2
from google.type.date_pb2 import Date
from google.type.timeofday_pb2 import TimeOfDay

from services.allocation.domain.calendar import WorkCalendar, WorkingDay
from services.allocation.domain.capacity import MemberCapacity
from services.allocation.domain.errors import DayInvalid, WorkingDayInvalid
from services.allocation.domain.leave import Leave
from services.allocation.domain.member import Member
from services.allocation.domain.quantity import hours
from services.allocation.domain.sprint import Sprint, sprint_name
from services.allocation.domain.team import Team
from shared.rpc.wellknown import time_from_pb, time_to_pb
from shared.storage.etags import etag_of


def member_from_pb(member: team_pb2.Member) -> Member:
    return Member(
        id=member.id,
        weekly_hours=member.weekly_hours,
        focus_factor=member.focus_factor,
        skills=tuple(member.skills),
        calendar=member.calendar,
        person=member.person,
        share=member.allocation_share if member.HasField("allocation_share") else 1.0,
        joined_at=time_from_pb(member, "joined_at"),
        left_at=time_from_pb(member, "left_at"),
    )


def member_to_pb(member: Member) -> team_pb2.Member:
    return team_pb2.Member(
        id=member.id,
        weekly_hours=member.weekly_hours,
        focus_factor=member.focus_factor,
        skills=member.skills,
        calendar=member.calendar,
        person=member.person,
        allocation_share=member.share if member.share != 1 else None,
        joined_at=time_to_pb(member.joined_at),
        left_at=time_to_pb(member.left_at),
    )


def calendar_from_pb(calendar: calendar_pb2.WorkCalendar, field: str) -> WorkCalendar:
    """Raises DayInvalid or WorkingDayInvalid for what is no date, no time of day, or no whole number of seconds."""
    days = [_day_from_pb(each, f"{field}.days[{index}]") for index, each in enumerate(calendar.days)]
    holidays = {date_from_pb(each, f"{field}.holidays[{index}]") for index, each in enumerate(calendar.holidays)}
    return WorkCalendar(
        name=calendar.name,
        display_name=calendar.display_name,
        time_zone=calendar.time_zone,
        days=tuple(sorted(days, key=lambda each: each.day)),
        holidays=tuple(sorted(holidays)),
    )


def calendar_to_pb(calendar: WorkCalendar) -> calendar_pb2.WorkCalendar:
    return calendar_pb2.WorkCalendar(
        name=calendar.name,
        display_name=calendar.display_name,
        time_zone=calendar.time_zone,
        days=[
            calendar_pb2.WorkingDay(
                day=each.day + 1,  # Monday is 1 in google.type.DayOfWeek
                begins=TimeOfDay(hours=each.begins.hour, minutes=each.begins.minute),
                hours=each.length / timedelta(hours=1),
            )
            for each in calendar.days
        ],
        holidays=[date_to_pb(day) for day in calendar.holidays],
        etag=etag_of(calendar.version),
        update_time=time_to_pb(calendar.updated_at),
    )


def leave_from_pb(leave: calendar_pb2.Leave, field: str) -> Leave:
    """Raises DayInvalid for what is no date."""
    return Leave(
        name=leave.name,
        team=leave.name.partition("/leaves/")[0],
        member=leave.member,
        first_day=date_from_pb(leave.first_day, f"{field}.first_day"),
        last_day=date_from_pb(leave.last_day, f"{field}.last_day"),
        hours_per_day=hours(leave.hours_per_day) if leave.hours_per_day else Decimal(0),
        note=leave.note,
    )


def leave_to_pb(leave: Leave) -> calendar_pb2.Leave:
    return calendar_pb2.Leave(
        name=leave.name,
        member=leave.member,
        first_day=date_to_pb(leave.first_day),
        last_day=date_to_pb(leave.last_day),
        hours_per_day=float(leave.hours_per_day),
        note=leave.note,
        etag=etag_of(leave.version),
        update_time=time_to_pb(leave.updated_at),
    )


def capacity_to_pb(team: Team, sprint: Sprint) -> capacity_pb2.SprintCapacity:
    members = team.members_in(sprint)
    return capacity_pb2.SprintCapacity(
        sprint=sprint_name(team.name, sprint.number),
        number=sprint.number,
        begin_at=time_to_pb(sprint.begin_at),
        end_at=time_to_pb(sprint.end_at),
        capacity_hours=float(sum((each.hours for each in members), Decimal(0))),
        members=[_member_capacity_to_pb(each) for each in members],
        skill_hours=_skill_hours(members),
        notes=[] if any(each.hours for each in members) else ["Nobody works in this sprint: all are away, or members at another time."],
    )


def _member_capacity_to_pb(of: MemberCapacity) -> capacity_pb2.MemberCapacity:
    terms = [capacity_pb2.CapacityTerm(term=each.term, hours=float(each.hours), reason=each.reason) for each in of.terms]
    return capacity_pb2.MemberCapacity(member=of.member.id, person=of.member.person, terms=terms, capacity_hours=float(of.hours))


def _skill_hours(members: Sequence[MemberCapacity]) -> dict[str, float]:
    skills = sorted({skill for each in members for skill in each.member.skills})
    return {skill: float(sum((each.hours for each in members if skill in each.member.skills), Decimal(0))) for skill in skills}


def date_from_pb(message: Date, field: str) -> date:
    """Raises DayInvalid for what is no whole date of the calendar."""
    try:
        return date(message.year, message.month, message.day)
    except (ValueError, OverflowError):
        told = f"{message.year}-{message.month:02}-{message.day:02} is no day of the calendar; send year, month and day"
        raise DayInvalid.at(field, told) from None


def date_to_pb(day: date) -> Date:
    return Date(year=day.year, month=day.month, day=day.day)


def _day_from_pb(day: calendar_pb2.WorkingDay, field: str) -> WorkingDay:
    begins = day.begins
    if begins.seconds or begins.nanos or not (0 <= begins.hours <= 23 and 0 <= begins.minutes <= 59):
        raise WorkingDayInvalid.at(f"{field}.begins", "is no time of day in whole minutes; send hours from 0 to 23 and minutes")
    length = timedelta(minutes=round(day.hours * 60))
    if not length or abs(length / timedelta(hours=1) - day.hours) > 1e-9:
        raise WorkingDayInvalid.at(f"{field}.hours", f"{day.hours:g} are no whole minutes; send a multiple of a minute, as 7.5")
    return WorkingDay(day.day - 1, time(begins.hours, begins.minutes), length)
