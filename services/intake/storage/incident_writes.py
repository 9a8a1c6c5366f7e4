"""Writing incidents with their time-lines and events, within a transaction that somebody else opened."""

from collections.abc import Sequence

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.incident import Incident, TimelineEntry
from services.intake.storage.rows import entry_to_row, incident_to_row
from services.intake.storage.tables import incident, incident_group, timeline_entry
from shared.events.outbox import Outbox


async def write(
    connection: AsyncConnection, outbox: Outbox, incidents: Sequence[Incident], entries: Sequence[TimelineEntry], events: Sequence[object]
) -> None:
    """Stores incidents, new or changed, adds to time-lines, and records the events. A new incident becomes its group's current one."""
    if incidents:
        statement = insert(incident)
        changed = {column.name: statement.excluded[column.name] for column in incident.columns if column.name not in {"id", "created_at"}}
        rows = [incident_to_row(each) for each in incidents]
        await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed), rows)
    for each in incidents:
        if each.version == 1:
            await connection.execute(insert(incident_group).values(group_key=each.group_key, incident_id=each.id))
    if entries:
        await connection.execute(insert(timeline_entry), [entry_to_row(each) for each in entries])
    await outbox.record(connection, events)
