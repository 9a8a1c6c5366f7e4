"""Shaping incidents in PostgreSQL: merges, splits and reopenings, each in one transaction that alone works on its incidents."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.errors import IncidentNotFound
from services.intake.domain.incident import Incident, TimelineEntry
from services.intake.domain.shaping import Tally
from services.intake.storage import alert_moves
from services.intake.storage.incident_locks import lock_for_shaping
from services.intake.storage.incident_writes import write
from services.intake.storage.rows import incident_from_row
from services.intake.storage.tables import incident, incident_group
from shared.events.outbox import Outbox
from shared.storage.database import Database

_SET_CURRENT = text(
    """
    insert into incident_group (group_key, incident_id) values (:group_key, :id)
    on conflict (group_key) do update set incident_id = excluded.incident_id
    """
)


class Shaping:
    """A shaping under way: it holds the locks of its incidents and their groups until the transaction ends."""

    def __init__(self, connection: AsyncConnection, outbox: Outbox, incidents: Mapping[UUID, Incident], *, preview: bool) -> None:
        self.incidents = incidents
        self._connection = connection
        self._outbox = outbox
        self._preview = preview

    async def current(self, group_key: str) -> Incident | None:
        """Returns the current incident of a group, not locked."""
        statement = select(incident).join(incident_group, incident_group.c.incident_id == incident.c.id)
        row = (await self._connection.execute(statement.where(incident_group.c.group_key == group_key))).first()
        return incident_from_row(row) if row else None

    async def make_current(self, held: Incident) -> None:
        """Makes the incident the current one of its own group."""
        await self._connection.execute(_SET_CURRENT, {"group_key": held.group_key, "id": held.id})

    async def take_over(self, from_ids: Sequence[UUID], to_id: UUID) -> None:
        """Moves all alerts of these incidents, and the groups that lead to them, to another."""
        await alert_moves.move_all(self._connection, from_ids, to_id)
        moved = update(incident_group).where(incident_group.c.incident_id.in_(list(from_ids))).values(incident_id=to_id)
        await self._connection.execute(moved)

    async def move(self, alert_ids: Sequence[UUID], from_id: UUID, to_id: UUID) -> set[UUID]:
        """Moves alerts; returns those that were in the incident they should come from."""
        return await alert_moves.move_some(self._connection, alert_ids, from_id, to_id)

    async def tally(self, incident_id: UUID, component_label: str) -> Tally:
        return await alert_moves.tally(self._connection, incident_id, component_label)

    async def save(self, incidents: Sequence[Incident], entries: Sequence[TimelineEntry], events: Sequence[object]) -> None:
        """Stores incidents with their time-lines and events; in a preview, nothing."""
        if not self._preview:
            await write(self._connection, self._outbox, incidents, entries, events)


class ShapingStore:
    """Opens shapings."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    @asynccontextmanager
    async def shaping(self, ids: Sequence[UUID], *, preview: bool = False) -> AsyncIterator[Shaping]:
        """Opens a transaction that alone works on these incidents. Commits everything done through it, or nothing; a preview nothing.

        Raises IncidentNotFound naming all that do not exist.
        """
        async with self._database.transaction() as connection, connection.begin_nested() as savepoint:
            incidents = await lock_for_shaping(connection, ids)
            unknown = [f"incidents/{each}" for each in ids if each not in incidents]
            if unknown:
                raise IncidentNotFound(*unknown)
            yield Shaping(connection, self._outbox, incidents, preview=preview)
            if preview:
                await savepoint.rollback()
