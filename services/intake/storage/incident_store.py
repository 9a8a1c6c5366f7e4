"""Incidents and their time-lines in PostgreSQL."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.errors import IncidentNotFound
from services.intake.domain.events import IncidentChanged
from services.intake.domain.incident import Incident, IncidentChange, TimelineEntry, TimelineKind
from services.intake.storage.incident_pages import IncidentQuery, few_statement, order_of, page_statement
from services.intake.storage.incident_writes import write
from services.intake.storage.rows import entry_from_row, incident_from_row
from services.intake.storage.tables import incident, timeline_entry
from shared.events.outbox import Outbox
from shared.ids import new_id
from shared.paging import Page, PageQuery
from shared.principal import SYSTEM
from shared.storage.database import Database
from shared.storage.etags import check_etag

Change = Callable[[Incident], tuple[Incident, Sequence[TimelineEntry], Sequence[object]]]


class IncidentStore:
    """Incidents and what happened to them."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def get(self, incident_id: UUID) -> Incident:
        """Raises IncidentNotFound."""
        async with self._database.transaction() as connection:
            return await _found(connection, select(incident).where(incident.c.id == incident_id), incident_id)

    async def page(self, query: IncidentQuery, paging: PageQuery) -> Page[Incident]:
        """Returns a page of incidents. Raises OrderByInvalid."""
        order = order_of(query.order_by)
        async with self._database.transaction() as connection:
            few = few_statement(query, order)
            is_few = few is not None and bool((await connection.execute(few)).scalar_one())
            rows = list(await connection.execute(page_statement(query, order, paging, few=is_few)))
        cursors = [(order.cursor(row), str(row.id)) for row in rows]
        return paging.page([incident_from_row(row) for row in rows], cursors)

    async def add(self, opened: Incident, entries: Sequence[TimelineEntry], events: Sequence[object]) -> None:
        """Stores a new incident with its time-line and events: all of it or nothing. Not safe to repeat."""
        async with self._database.transaction() as connection:
            await write(connection, self._outbox, [opened], entries, events)

    async def change(self, incident_id: UUID, etag: str, change: Change) -> Incident:
        """Applies `change` to the incident, locked, with its time-line entries and events: all of it or nothing.

        Raises IncidentNotFound, Conflict when the etag is old, and what `change` raises.
        """
        async with self._database.transaction() as connection:
            before = await _found(connection, select(incident).where(incident.c.id == incident_id).with_for_update(), incident_id)
            check_etag(before.name, before.version, etag)
            after, entries, events = change(before)
            await write(connection, self._outbox, [after] if after != before else [], entries, events)
        return after

    async def tell_untold(self, limit: int) -> int:
        """Tells of incidents that changed since their last event, also on their time-lines; returns how many, at most `limit`."""
        statement = select(incident).where(incident.c.untold).limit(limit).with_for_update(skip_locked=True)
        async with self._database.transaction() as connection:
            before = [incident_from_row(row) for row in await connection.execute(statement)]
            now = max((each.updated_at for each in before), default=None)
            if now is not None:
                after = [replace(each, version=each.version + 1, untold=False) for each in before]
                lines = [_counted(each, now) for each in after]
                events = [IncidentChanged(each, IncidentChange.ALERTS, (), SYSTEM) for each in after]
                await write(connection, self._outbox, after, lines, events)
        return len(before)

    async def timeline(self, incident_id: UUID, paging: PageQuery) -> Page[TimelineEntry]:
        """Returns a page of the time-line, in the order things happened. Raises IncidentNotFound."""
        await self.get(incident_id)
        key = tuple_(timeline_entry.c.occurred_at, timeline_entry.c.id)
        statement = select(timeline_entry).where(timeline_entry.c.incident_id == incident_id).order_by(key).limit(paging.limit)
        if paging.cursor:
            statement = statement.where(key > (datetime.fromisoformat(paging.cursor[0]), UUID(paging.cursor[1])))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return paging.page([entry_from_row(row) for row in rows], [(row.occurred_at.isoformat(), str(row.id)) for row in rows])


def _counted(told: Incident, now: datetime) -> TimelineEntry:
    line = f"{told.alert_count:,} alerts so far, {told.firing_count:,} firing"
    return TimelineEntry(new_id(now), told.id, told.updated_at, SYSTEM, TimelineKind.ALERTS, line, "", now)


async def _found(connection: AsyncConnection, statement: "Select[tuple[object, ...]]", incident_id: UUID) -> Incident:
    row = (await connection.execute(statement)).first()
    if row is None:
        raise IncidentNotFound(f"incidents/{incident_id}")
    return incident_from_row(row)
