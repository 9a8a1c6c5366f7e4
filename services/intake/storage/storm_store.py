"""Storms in PostgreSQL: at most one under way, whichever replica found it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, text, tuple_, update

from services.intake.domain.events import IncidentChanged, IncidentOpened
from services.intake.domain.incident import Incident, IncidentChange, IncidentState, TimelineEntry, TimelineKind
from services.intake.domain.incident_life import resolve
from services.intake.domain.storm import Storm
from services.intake.storage.rows import entry_to_row, incident_from_row, incident_to_row
from services.intake.storage.tables import incident, incident_group, storm, timeline_entry
from shared.events.outbox import Outbox
from shared.ids import new_id
from shared.paging import Page, PageQuery
from shared.storage.database import Database

_BUMP = text("update routing_version set version = version + 1 where kind = 'storm'")
_JOINED = select(storm, incident.c.alert_count).join(incident, incident.c.id == storm.c.incident_id)


class StormStore:
    """The storms there were."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def under_way(self) -> Storm | None:
        async with self._database.transaction() as connection:
            row = (await connection.execute(_JOINED.where(storm.c.ended_at.is_(None)))).first()
        return _storm(row) if row is not None else None

    async def enter(self, begun: Storm, summary: Incident) -> bool:
        """Stores the storm with its summary incident, and tells all replicas; False where another one was first."""
        async with self._database.transaction() as connection:
            # Held until the end: two replicas that enter at once take turns here, and the second finds the first's.
            await connection.execute(_BUMP)
            if (await connection.execute(select(storm.c.id).where(storm.c.ended_at.is_(None)))).first() is not None:
                return False
            await connection.execute(insert(incident).values(incident_to_row(summary)))
            await connection.execute(insert(incident_group).values(group_key=summary.group_key, incident_id=summary.id))
            await connection.execute(
                insert(storm).values(
                    id=begun.id,
                    incident_id=begun.incident_id,
                    started_at=begun.started_at,
                    last_high_at=begun.last_high_at,
                    entered_count=begun.entered_count,
                )
            )
            await connection.execute(insert(timeline_entry).values(entry_to_row(_line(summary.id, begun.started_at, summary.title))))
            await self._outbox.record(connection, [IncidentOpened(summary, ())])
        return True

    async def keep_high(self, storm_id: UUID, now: datetime) -> None:
        """Notes that a replica still sees a storm."""
        async with self._database.transaction() as connection:
            await connection.execute(update(storm).where(storm.c.id == storm_id).values(last_high_at=now))

    async def leave(self, over: Storm, now: datetime) -> bool:
        """Ends the storm and tells all replicas; False where it ended, or went on, meanwhile."""
        async with self._database.transaction() as connection:
            still = (storm.c.id == over.id) & storm.c.ended_at.is_(None) & (storm.c.last_high_at == over.last_high_at)
            if (await connection.execute(update(storm).where(still).values(ended_at=now))).rowcount == 0:
                return False
            line = f"the storm is over; {over.alert_count:,} alerts came to this incident, which ends when the last of them does"
            await connection.execute(insert(timeline_entry).values(entry_to_row(_line(over.incident_id, now, line))))
            await connection.execute(_BUMP)
            found = select(incident).where(incident.c.id == over.incident_id).with_for_update()
            summary = incident_from_row((await connection.execute(found)).one())
            if not summary.firing_count and summary.state is not IncidentState.RESOLVED:
                ended = resolve(summary, now, now, force=False)
                await connection.execute(update(incident).where(incident.c.id == ended.id).values(incident_to_row(ended)))
                await self._outbox.record(connection, [IncidentChanged(ended, IncidentChange.RESOLVED, (), "system")])
        return True

    async def page(self, query: PageQuery) -> Page[Storm]:
        """Returns a page of storms, the latest first."""
        statement = _JOINED.order_by(storm.c.started_at.desc(), storm.c.id.desc()).limit(query.limit)
        if query.cursor:
            place = (datetime.fromisoformat(query.cursor[0]), UUID(query.cursor[1]))
            statement = statement.where(tuple_(storm.c.started_at, storm.c.id) < place)
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([_storm(row) for row in rows], [(row.started_at.isoformat(), str(row.id)) for row in rows])


def _storm(row: Any) -> Storm:
    return Storm(row.id, row.incident_id, row.started_at, row.ended_at, row.last_high_at, row.alert_count, row.entered_count)


def _line(incident_id: UUID, at: datetime, line: str) -> TimelineEntry:
    return TimelineEntry(new_id(at), incident_id, at, "system", TimelineKind.NOTE, line, "", at)
