"""Sealing segments in PostgreSQL."""

from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.dialects.postgresql import insert

from services.governance.domain.arrival import Arrival
from services.governance.domain.segment import Segment
from services.governance.storage.record_store import RecordStore, prepared
from services.governance.storage.tables import log_segment
from shared.paging import Page, PageQuery
from shared.storage.database import Database

# What finds an entry stays: an event delivered again is still known, and the next about a subject still names the one before.
_SEAL = text(
    """
    update log_entry set leaf = null, salt = null, principal = null, reason = null, payload = null
    where sequence between :first and :last and leaf is not null
    """
)


class SegmentStore:
    """Segments, and the entries they take away."""

    def __init__(self, database: Database, records: RecordStore) -> None:
        self._database = database
        self._records = records

    async def seal(self, segment: Segment, record: Arrival) -> None:
        """Takes leaves and contents away and appends the record of it, all or nothing. Raises LedgerHeadMissing."""
        values = {
            "first_sequence": segment.first,
            "last_sequence": segment.last,
            "root": segment.root,
            "author": segment.author,
            "reason": segment.reason,
            "sealed_at": segment.sealed_at,
        }
        async with self._database.transaction() as connection:
            await self._records.append(prepared([record]), segment.sealed_at)
            await connection.execute(insert(log_segment).values(values))
            await connection.execute(_SEAL, {"first": segment.first, "last": segment.last})

    async def over(self, first: int, last: int) -> list[Segment]:
        """Returns the segments with any of these entries, the oldest first."""
        statement = (
            select(log_segment)
            .where(log_segment.c.last_sequence >= first, log_segment.c.first_sequence <= last)
            .order_by(log_segment.c.last_sequence)
        )
        async with self._database.transaction() as connection:
            return [_segment(row) for row in await connection.execute(statement)]

    async def page(self, paging: PageQuery) -> Page[Segment]:
        """Returns a page of segments, the oldest first."""
        statement = select(log_segment).order_by(log_segment.c.last_sequence).limit(paging.limit)
        if paging.cursor:
            statement = statement.where(log_segment.c.last_sequence > int(paging.cursor[0]))
        async with self._database.transaction() as connection:
            segments = [_segment(row) for row in await connection.execute(statement)]
        return paging.page(segments, [(str(each.last),) for each in segments])


def _segment(row: Row[Any]) -> Segment:
    return Segment(row.first_sequence, row.last_sequence, row.root, row.author, row.reason, row.sealed_at)
