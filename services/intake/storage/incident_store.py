"""Incidents and their time-lines in PostgreSQL."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.errors import IncidentNotFound, OrderByInvalid
from services.intake.domain.incident import Incident, IncidentState, TimelineEntry
from services.intake.storage.rows import entry_from_row, entry_to_row, incident_from_row, incident_to_row
from services.intake.storage.tables import incident, timeline_entry
from shared.errors import Violation
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.storage.database import Database
from shared.storage.etags import check_etag

_ORDERS = {"opened_at": incident.c.opened_at, "update_time": incident.c.updated_at, "alert_count": incident.c.alert_count}

Change = Callable[[Incident], tuple[Incident, Sequence[TimelineEntry], Sequence[object]]]


@dataclass(frozen=True, slots=True)
class IncidentQuery:
    """Which incidents to list, and in which order; empty conditions hold for all."""

    states: tuple[IncidentState, ...] = ()
    components: tuple[str, ...] = ()
    opened_from: datetime | None = None
    opened_before: datetime | None = None
    order_by: str = "opened_at desc"


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
        column, descending = _order(query.order_by)
        statement = _filtered(query).limit(paging.limit)
        key = tuple_(column, incident.c.id)
        statement = statement.order_by(column.desc(), incident.c.id.desc()) if descending else statement.order_by(column, incident.c.id)
        if paging.cursor:
            value = int(paging.cursor[0]) if column is incident.c.alert_count else datetime.fromisoformat(paging.cursor[0])
            place = (value, UUID(paging.cursor[1]))
            statement = statement.where(key < place if descending else key > place)
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        cursors = [(str(getattr(row, column.name)), str(row.id)) for row in rows]
        return paging.page([incident_from_row(row) for row in rows], cursors)

    async def change(self, incident_id: UUID, etag: str, change: Change) -> Incident:
        """Applies `change` to the incident, locked, with its time-line entries and events: all of it or nothing.

        Raises IncidentNotFound, Conflict when the etag is old, and what `change` raises.
        """
        async with self._database.transaction() as connection:
            before = await _found(connection, select(incident).where(incident.c.id == incident_id).with_for_update(), incident_id)
            check_etag(before.name, before.version, etag)
            after, entries, events = change(before)
            if after != before:
                await connection.execute(update(incident).where(incident.c.id == incident_id).values(incident_to_row(after)))
            if entries:
                await connection.execute(insert(timeline_entry), [entry_to_row(each) for each in entries])
            await self._outbox.record(connection, events)
        return after

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


async def _found(connection: AsyncConnection, statement: "Select[tuple[object, ...]]", incident_id: UUID) -> Incident:
    row = (await connection.execute(statement)).first()
    if row is None:
        raise IncidentNotFound(f"incidents/{incident_id}")
    return incident_from_row(row)


def _filtered(query: IncidentQuery) -> "Select[tuple[object, ...]]":
    statement = select(incident)
    if query.states:
        statement = statement.where(incident.c.state.in_([state.value for state in query.states]))
    if query.components:
        statement = statement.where(incident.c.components.overlap(list(query.components)))
    if query.opened_from is not None:
        statement = statement.where(incident.c.opened_at >= query.opened_from)
    if query.opened_before is not None:
        statement = statement.where(incident.c.opened_at < query.opened_before)
    return statement


def _order(order_by: str) -> tuple["incident.c.opened_at.__class__", bool]:  # type: ignore[name-defined]
    name, _, direction = (order_by or "opened_at desc").partition(" ")
    if name not in _ORDERS or direction not in {"", "asc", "desc"}:
        description = f"{order_by!r} is no order; use one of {', '.join(_ORDERS)}, with ` desc` if wanted"
        raise OrderByInvalid(f"order_by: {description}", [Violation("order_by", description)])
    return _ORDERS[name], direction == "desc"
