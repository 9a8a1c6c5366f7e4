"""Manifests: what a service says of its own outbox, so that whoever keeps its events can tell that none is missing and none was added."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.events.v1.outbox_manifest_pb2 import OutboxManifest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.events.event import EncodedEvent
from shared.events.outbox import Outbox
from shared.storage.database import Database

MANIFEST_TYPE = OutboxManifest.DESCRIPTOR.full_name
LARGEST = 1000  # events
# An idle service says once what it recorded, a busy one not with every event.
LONGEST_UNSAID = timedelta(minutes=5)

_LOCK = text("select pg_advisory_xact_lock(hashtextextended('outbox manifest', 7100))")
# Ordered by the column, named with its table: the bare name would be that of the text beside it, in which 1000 comes before 999.
# By the clock of the database, as the outbox's own times are: a simulated clock knows nothing of deliveries.
_UNSAID = text(
    """
    with last as (
        select aggregate_version as number, headers ->> 'throughtransaction' as transaction, headers ->> 'throughposition' as position
        from outbox where type = :type order by outbox.position desc limit 1
    )
    select transaction_id::text as transaction_id, outbox.position, id, payload, type, coalesce(last.number, 0) as number,
           recorded_at < clock_timestamp() - cast(:longest as interval) as is_due
    from outbox left join last on true
    where (transaction_id, outbox.position) > (coalesce(last.transaction, '0')::xid8, coalesce(last.position, '0')::bigint)
      and transaction_id < pg_snapshot_xmin(pg_current_snapshot())
    order by outbox.transaction_id, outbox.position limit :batch
    """
)


@dataclass(frozen=True, slots=True)
class _Manifest:
    """A manifest about to be recorded, and the place in the outbox that it reaches."""

    message: OutboxManifest
    through: tuple[str, int]


class Manifests:
    """Says of every event of one service, in the order of its outbox and once, that it was recorded."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def tick(self, now: datetime) -> None:
        """Says what has not been said for five minutes, or fills a whole manifest."""
        while await self.write(now, LONGEST_UNSAID):
            pass

    async def write(self, now: datetime, longest_unsaid: timedelta = timedelta()) -> bool:
        """Records one manifest where it is due; returns whether there may be more to say. Safe in several replicas at once.

        An event is final once every transaction older than its own has ended; what is not is left for the next manifest. Manifests
        alone are no reason for another one, or it would never end.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK)
            rows = await self._unsaid(connection, longest_unsaid)
            is_due = len(rows) == LARGEST or any(row.is_due for row in rows)
            if not is_due or all(row.type == MANIFEST_TYPE for row in rows):
                return False
            manifest = _manifest_of(rows)
            encoded = EncodedEvent(f"outboxManifests/{manifest.message.number}", manifest.message.number, manifest.message, now)
            headers = {"throughtransaction": manifest.through[0], "throughposition": str(manifest.through[1])}
            await self._outbox.record(connection, [encoded], [headers])
        return len(rows) == LARGEST

    async def _unsaid(self, connection: AsyncConnection, longest_unsaid: timedelta) -> Sequence[Any]:
        values = {"type": MANIFEST_TYPE, "batch": LARGEST, "longest": longest_unsaid}
        return list(await connection.execute(_UNSAID, values))


def _manifest_of(rows: Sequence[Any]) -> _Manifest:
    data = [CloudEvent.FromString(row.payload).proto_data.value for row in rows]
    message = OutboxManifest(
        number=rows[0].number + 1,
        event_ids=b"".join(row.id.bytes for row in rows),
        data_hashes=b"".join(hashlib.sha256(each).digest() for each in data),
    )
    return _Manifest(message, (rows[-1].transaction_id, rows[-1].position))
