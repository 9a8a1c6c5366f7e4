"""Calendars and leave in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.allocation.domain.calendar import WorkCalendar, revise_calendar
from services.allocation.domain.errors import CalendarNotFound, TeamNotFound
from services.allocation.domain.events import CalendarChanged, LeaveChanged
from services.allocation.domain.leave import Leave, LeaveGround, check_leaves, revise_leave
from services.allocation.domain.person import persons_of
from services.allocation.domain.team import Team
from services.allocation.storage.capacity_rows import calendar_from_row, calendar_to_row, leave_from_row, leave_to_row
from services.allocation.storage.capacity_tables import calendar, leave
from services.allocation.storage.presences import calendars_of, teams_having
from services.allocation.storage.rows import team_from_row
from services.allocation.storage.tables import team
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.storage.database import Database
from shared.storage.etags import check_etag

_LOCK = text("select pg_advisory_xact_lock(hashtextextended('calendar', 7103))")


class CapacityStore:
    """Calendars by name, and leave by team and name."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def upsert_calendars(
        self, calendars: Sequence[WorkCalendar], etags: Mapping[str, str], now: datetime
    ) -> tuple[list[WorkCalendar], list[str]]:
        """Stores calendars with the events of those that changed: all or none. Returns them, and the teams that work by one that changed.

        Safe to repeat: what is the same stays as it is. Raises Conflict when one is not at its etag.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK)
            rows = await connection.execute(select(calendar).where(calendar.c.name.in_([each.name for each in calendars])))
            held = {row.name: calendar_from_row(row) for row in rows}
            for name, etag in etags.items():
                check_etag(name, held[name].version if name in held else 0, etag)
            after = [revise_calendar(each, held.get(each.name), now) for each in calendars]
            changed = [each for each in after if held.get(each.name) != each]
            if not changed:
                return after, []
            statement = insert(calendar)
            rest = {column.name: statement.excluded[column.name] for column in calendar.columns if column.name != "name"}
            upsert = statement.on_conflict_do_update(index_elements=["name"], set_=rest)
            await connection.execute(upsert, [calendar_to_row(each) for each in changed])
            await self._outbox.record(connection, [CalendarChanged(each) for each in changed])
            users = await teams_having(connection, "calendar", [each.name for each in changed])
        return after, [each.name for each in users]

    async def calendar(self, name: str) -> WorkCalendar:
        """Raises CalendarNotFound."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(calendar).where(calendar.c.name == name))).first()
        if row is None:
            raise CalendarNotFound(name)
        return calendar_from_row(row)

    async def calendar_page(self, query: PageQuery) -> Page[WorkCalendar]:
        """Returns a page of calendars by name."""
        statement = select(calendar).order_by(calendar.c.name).limit(query.limit)
        if query.cursor:
            statement = statement.where(calendar.c.name > query.cursor[0])
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([calendar_from_row(row) for row in rows], [(row.name,) for row in rows])

    async def upsert_leaves(
        self, of_team: str, leaves: Sequence[Leave], etags: Mapping[str, str], now: datetime
    ) -> tuple[list[Leave], list[str]]:
        """Stores leave with the events of what changed: all or none. Returns it, and the teams in which it counts.

        Safe to repeat. Raises TeamNotFound, Conflict when one is not at its etag, and what `check_leaves` raises.
        """
        async with self._database.transaction() as connection:
            found, concerned = await _locked(connection, of_team)
            rows = await connection.execute(select(leave).where(leave.c.team == of_team))
            ever = {each.name: (each, row.is_deleted) for each, row in ((leave_from_row(row), row) for row in rows)}
            held = {name: each for name, (each, is_deleted) in ever.items() if not is_deleted}
            check_leaves(of_team, leaves, LeaveGround(found.members, await calendars_of(connection, [found]), held))
            for name, etag in etags.items():
                check_etag(name, held[name].version if name in held else 0, etag)
            versions = {name: each.version for name, (each, is_deleted) in ever.items() if is_deleted}
            after = [revise_leave(each, held.get(each.name), now, versions.get(each.name, 0)) for each in leaves]
            changed = [each for each in after if held.get(each.name) != each]
            if changed:
                statement = insert(leave)
                rest = {column.name: statement.excluded[column.name] for column in leave.columns if column.name not in {"team", "id"}}
                upsert = statement.on_conflict_do_update(index_elements=["team", "id"], set_=rest)
                await connection.execute(upsert, [leave_to_row(each) for each in changed])
                await self._outbox.record(connection, [LeaveChanged(each, now) for each in changed])
        return after, concerned if changed else []

    async def delete_leave(self, of_team: str, named: str, now: datetime) -> tuple[Leave | None, list[str]]:
        """Takes leave back, with its event. Returns it as it was, None where there is none; and the teams in which it counted.

        Safe to repeat. Raises TeamNotFound.
        """
        async with self._database.transaction() as connection:
            _, concerned = await _locked(connection, of_team)
            alive = leave.c.team == of_team, leave.c.id == named, ~leave.c.is_deleted
            gone = (
                update(leave).where(*alive).values(is_deleted=True, version=leave.c.version + 1, updated_at=now).returning(*leave.columns)
            )
            row = (await connection.execute(gone)).first()
            if row is None:
                return None, []
            last = leave_from_row(row)
            await self._outbox.record(connection, [LeaveChanged(last, now, deleted=True)])
        return last, concerned

    async def leave_page(self, of_team: str, member: str, query: PageQuery) -> Page[Leave]:
        """Returns a page of the leave told in a team, by name; of one member or of all."""
        statement = select(leave).where(leave.c.team == of_team, ~leave.c.is_deleted).order_by(leave.c.id).limit(query.limit)
        if member:
            statement = statement.where(leave.c.member == member)
        if query.cursor:
            statement = statement.where(leave.c.id > query.cursor[0])
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([leave_from_row(row) for row in rows], [(row.id,) for row in rows])


async def _locked(connection: AsyncConnection, name: str) -> tuple[Team, list[str]]:
    """Locks a team and those that share people with it, in order: in all of them leave may count. Raises TeamNotFound."""
    row = (await connection.execute(select(team).where(team.c.name == name))).first()
    if row is None:
        raise TeamNotFound(name)
    people = persons_of([team_from_row(row)])
    names = sorted({name, *(each.name for each in await teams_having(connection, "person", people))}) if people else [name]
    rows = await connection.execute(select(team).where(team.c.name.in_(names)).order_by(team.c.name).with_for_update())
    locked = {each.name: each for each in map(team_from_row, rows)}
    return locked[name], names
