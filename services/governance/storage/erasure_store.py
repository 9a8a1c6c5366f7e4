"""Erasing contents in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, literal_column, or_, select, text

from services.governance.domain.arrival import Arrival
from services.governance.domain.erasure import ERASURE_TYPE, Kept, Left, LeftReason
from services.governance.domain.own_record import LEDGER_SOURCE
from services.governance.domain.segment import segment_name
from services.governance.storage.ledger_store import EntryFilter, conditions
from services.governance.storage.record_store import RecordStore, prepared
from services.governance.storage.statements import CONTENT_DIGEST
from services.governance.storage.tables import log_entry, log_segment
from shared.storage.database import Database

_ERASE = text(
    """
    update log_entry set erased_at = :now, salt = null, principal = null, reason = null, payload = null
    where sequence = any(cast(:sequences as bigint[])) and erased_at is null
    """
)
_UNKNOWN = text(
    """
    select min(asked.sequence) as first, (select size from log_head) as size from unnest(cast(:sequences as bigint[])) as asked(sequence)
    where not exists (select 1 from log_entry where sequence = asked.sequence)
    """
)
_RECORD = log_entry.alias("record")
_IS_RECORD = and_(log_entry.c.type == ERASURE_TYPE, log_entry.c.source == LEDGER_SOURCE)
_HAS_RECORD = exists().where(
    _RECORD.c.subject == func.concat("ledgerEntries/", log_entry.c.sequence),
    _RECORD.c.type == ERASURE_TYPE,
    _RECORD.c.source == LEDGER_SOURCE,
)
_WHY = case(
    (_HAS_RECORD, LeftReason.ERASED_BEFORE.value),
    (and_(log_entry.c.leaf.is_(None), log_segment.c.last_sequence.is_not(None)), LeftReason.SEALED.value),
    (_IS_RECORD, LeftReason.ERASURE_RECORD.value),
    else_=LeftReason.CONTENT_MISSING.value,
)


class ErasureStore:
    """Contents and the records of their end."""

    def __init__(self, database: Database, records: RecordStore) -> None:
        self._database = database
        self._records = records

    async def unknown(self, sequences: Sequence[int]) -> tuple[int, int] | None:
        """Returns the first of the positions at which there is no entry, and the ledger's size; None where all are there."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(_UNKNOWN, {"sequences": list(sequences)})).one()
        return None if row.first is None else (row.first, row.size or 0)

    async def kept(self, sequences: Sequence[int], wanted: EntryFilter, limit: int) -> list[Kept]:
        """Returns up to `limit` entries that still have a content, by position; records of erasures are never among them."""
        statement = (
            select(log_entry.c.sequence, log_entry.c.subject, log_entry.c.leaf, literal_column(CONTENT_DIGEST).label("digest"))
            .where(_chosen(sequences, wanted), log_entry.c.erased_at.is_(None), log_entry.c.leaf.is_not(None), ~_IS_RECORD)
            .order_by(log_entry.c.sequence)
            .limit(limit)
        )
        async with self._database.transaction() as connection:
            return [Kept(row.sequence, row.subject, row.leaf, row.digest) for row in await connection.execute(statement)]

    async def left(self, sequences: Sequence[int], wanted: EntryFilter, limit: int) -> list[Left]:
        """Returns up to `limit` entries that were meant and have no content to erase, by position, and why."""
        joined = log_entry.outerjoin(log_segment, log_entry.c.sequence.between(log_segment.c.first_sequence, log_segment.c.last_sequence))
        statement = (
            select(log_entry.c.sequence, _WHY.label("why"), log_segment.c.first_sequence, log_segment.c.last_sequence)
            .select_from(joined)
            .where(_chosen(sequences, wanted), or_(log_entry.c.erased_at.is_not(None), log_entry.c.leaf.is_(None), _IS_RECORD))
            .order_by(log_entry.c.sequence)
            .limit(limit)
        )
        async with self._database.transaction() as connection:
            return [_left(row) for row in await connection.execute(statement)]

    async def erase(self, sequences: Sequence[int], records: Sequence[Arrival], now: datetime) -> None:
        """Erases the contents and appends their records, all or nothing. Raises LedgerHeadMissing."""
        async with self._database.transaction() as connection:
            await self._records.append(prepared(records), now)
            await connection.execute(_ERASE, {"now": now, "sequences": list(sequences)})


def _chosen(sequences: Sequence[int], wanted: EntryFilter) -> ColumnElement[bool]:
    return log_entry.c.sequence.in_(sequences) if sequences else and_(*conditions(wanted))


def _left(row: Any) -> Left:
    reason = LeftReason(row.why)
    return Left(row.sequence, reason, segment_name(row.first_sequence, row.last_sequence) if reason is LeftReason.SEALED else "")
