"""When teams' members work, read beside the teams: their calendars, and their leave in whatever team it was told."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.allocation.domain.calendar import WorkCalendar
from services.allocation.domain.capacity import Presence
from services.allocation.domain.leave import Leave
from services.allocation.domain.person import persons_of
from services.allocation.domain.team import Team
from services.allocation.storage.capacity_rows import calendar_from_row, leave_from_row
from services.allocation.storage.capacity_tables import calendar, leave
from services.allocation.storage.rows import team_from_row
from services.allocation.storage.tables import team

# Longer than any sprint: of the present one, leave at its beginning counts as well.
_LONGEST_SPRINT = timedelta(days=91)
_HAVING = "select * from team where members @> any(cast(cast(:wanted as text[]) as jsonb[])) order by name"


@dataclass(frozen=True, slots=True)
class _Shared:
    """Whose leave is whose: people by where they are members, and the ids that they have in each team."""

    person_of: dict[tuple[str, str], str]
    ids: dict[tuple[str, str], list[str]]

    @classmethod
    def of(cls, teams: Iterable[Team]) -> "_Shared":
        found = cls({}, {})
        for each in teams:
            for member in each.members:
                if member.person:
                    found.person_of[each.name, member.id] = member.person
                    found.ids.setdefault((each.name, member.person), []).append(member.id)
        return found

    def of_team(self, name: str, told: Leave) -> list[Leave]:
        """Returns the leave as that team has it, once for each id that the person has there."""
        person = self.person_of.get((told.team, told.member))
        ids = set(self.ids.get((name, person), ())) if person else set()
        if told.team == name:
            ids.add(told.member)
        return [replace(told, member=each) for each in sorted(ids)]


async def with_presence(connection: AsyncConnection, teams: Sequence[Team], now: datetime | None = None) -> list[Team]:
    """Returns the teams with what is known of when their members work; with `now`, only for the sprint of then and later ones."""
    people = persons_of(teams)
    others = await teams_having(connection, "person", people) if people else []
    shared = _Shared.of([*teams, *others])
    leaves = await _leaves(connection, {each.name for each in (*teams, *others)}, now)
    calendars = await calendars_of(connection, teams)
    return [replace(each, presence=_presence(each, calendars, leaves, shared)) for each in teams]


async def calendars_of(connection: AsyncConnection, teams: Sequence[Team]) -> dict[str, WorkCalendar]:
    """Returns the calendars that members of these teams work by, those that are stored."""
    names = {member.calendar for each in teams for member in each.members if member.calendar}
    if not names:
        return {}
    rows = await connection.execute(select(calendar).where(calendar.c.name.in_(names)))
    return {row.name: calendar_from_row(row) for row in rows}


async def teams_having(connection: AsyncConnection, field: str, values: Iterable[str]) -> list[Team]:
    """Returns the teams with a member whose `field` is one of the values, by name."""
    wanted = [json.dumps([{field: value}]) for value in values]
    return [team_from_row(row) for row in await connection.execute(text(_HAVING).columns(*team.columns), {"wanted": wanted})]


async def _leaves(connection: AsyncConnection, names: Iterable[str], now: datetime | None) -> list[Leave]:
    statement = select(leave).where(leave.c.team.in_(list(names)), ~leave.c.is_deleted).order_by(leave.c.team, leave.c.id)
    if now is not None:
        statement = statement.where(leave.c.last_day >= (now - _LONGEST_SPRINT).date())
    return [leave_from_row(row) for row in await connection.execute(statement)]


def _presence(of: Team, calendars: dict[str, WorkCalendar], leaves: Sequence[Leave], shared: _Shared) -> Presence:
    used = {member.calendar for member in of.members}
    own = (each for told in leaves for each in shared.of_team(of.name, told))
    return Presence(tuple(calendars[name] for name in sorted(used & calendars.keys())), tuple(own))
