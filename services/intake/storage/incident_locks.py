"""The locks of those who shape incidents: nobody else moves their alerts, and no batch of alerts joins them, meanwhile."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.incident import Incident
from services.intake.storage.rows import incident_from_row

# Shaping is rare and done by people, so one at a time costs nothing; and only shapers move a group from one incident to another,
# so that the groups read next are all there are.
_LOCK_SHAPING = text("select pg_advisory_xact_lock(hashtextextended('shaping', 7102))")
# In the order in which batches of alerts lock: alerts, groups, incidents. Any other order would have the two wait for each other.
_LOCK_ALERTS = text("select from alert where incident_id = any(cast(:ids as uuid[])) order by fingerprint for update")
_LOCK_GROUPS = text("select from incident_group where incident_id = any(cast(:ids as uuid[])) order by group_key for update")
_LOCK_INCIDENTS = text("select * from incident where id = any(cast(:ids as uuid[])) order by id for update")


async def lock_for_shaping(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, Incident]:
    """Locks these incidents, their alerts, and every group that leads to one of them, until the end; returns those that exist."""
    await connection.execute(_LOCK_SHAPING)
    await connection.execute(_LOCK_ALERTS, {"ids": list(ids)})
    await connection.execute(_LOCK_GROUPS, {"ids": list(ids)})
    rows = await connection.execute(_LOCK_INCIDENTS, {"ids": list(ids)})
    return {row.id: incident_from_row(row) for row in rows}
