"""Rows of calendars and leave to domain values and back."""

from datetime import date, time, timedelta
from typing import Any

from services.allocation.domain.calendar import WorkCalendar, WorkingDay
from services.allocation.domain.leave import Leave


def calendar_from_row(row: Any) -> WorkCalendar:
    return WorkCalendar(
        name=row.name,
        display_name=row.display_name,
        time_zone=row.time_zone,
        days=tuple(
            WorkingDay(each["day"], time.fromisoformat(each["begins"]), timedelta(seconds=each["length_seconds"])) for each in row.days
        ),
        holidays=tuple(date.fromisoformat(day) for day in row.holidays),
        version=row.version,
        updated_at=row.updated_at,
    )


def calendar_to_row(calendar: WorkCalendar) -> dict[str, Any]:
    return {
        "name": calendar.name,
        "display_name": calendar.display_name,
        "time_zone": calendar.time_zone,
        "days": [
            {"day": each.day, "begins": each.begins.isoformat(), "length_seconds": each.length.total_seconds()} for each in calendar.days
        ],
        "holidays": [day.isoformat() for day in calendar.holidays],
        "version": calendar.version,
        "updated_at": calendar.updated_at,
    }


def leave_from_row(row: Any) -> Leave:
    return Leave(
        name=f"{row.team}/leaves/{row.id}",
        team=row.team,
        member=row.member,
        first_day=row.first_day,
        last_day=row.last_day,
        hours_per_day=row.hours_per_day,
        note=row.note,
        version=row.version,
        updated_at=row.updated_at,
    )


def leave_to_row(leave: Leave) -> dict[str, Any]:
    return {
        "team": leave.team,
        "id": leave_id(leave.name),
        "member": leave.member,
        "first_day": leave.first_day,
        "last_day": leave.last_day,
        "hours_per_day": leave.hours_per_day,
        "note": leave.note,
        "version": leave.version,
        "updated_at": leave.updated_at,
        "is_deleted": False,
    }


def leave_id(name: str) -> str:
    return name.rpartition("/")[2]
