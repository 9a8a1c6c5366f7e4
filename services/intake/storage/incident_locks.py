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
# The same locks as batches of alerts take, in the same order.
_LOCK_GROUPS = text(
    """
    select pg_advisory_xact_lock(hashtextextended(key, 7101)) from (
        select group_key as key from incident_group where incident_id = any(cast(:ids as uuid[]))
        union select group_key from incident where id = any(cast(:ids as uuid[])) order by 1
    ) sorted
    """
)
_LOCK_INCIDENTS = text("select * from incident where id = any(cast(:ids as uuid[])) order by id for update")


async def lock_for_shaping(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, Incident]:
    """Locks these incidents and every group that leads to one of them, until the transaction ends; returns those that exist."""
    await connection.execute(_LOCK_SHAPING)
    await connection.execute(_LOCK_GROUPS, {"ids": list(ids)})
    rows = await connection.execute(_LOCK_INCIDENTS, {"ids": list(ids)})
    return {row.id: incident_from_row(row) for row in rows}
