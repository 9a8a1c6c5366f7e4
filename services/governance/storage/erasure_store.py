"""Erasing contents in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, select, text

from services.governance.domain.arrival import Arrival
from services.governance.domain.erasure import ERASURE_TYPE, Whole
from services.governance.storage.ledger_store import EntryFilter, conditions
from services.governance.storage.record_store import RecordStore, prepared
from services.governance.storage.tables import log_entry
from shared.storage.database import Database

_ERASE = text(
    """
    update log_entry set erased_at = :now, salt = null, principal = null, reason = null, payload = null
    where sequence = any(cast(:sequences as bigint[])) and erased_at is null
    """
)


class ErasureStore:
    """Contents and the records of their end."""

    def __init__(self, database: Database, records: RecordStore) -> None:
        self._database = database
        self._records = records

    async def whole(self, sequences: Sequence[int], wanted: EntryFilter, limit: int) -> list[Whole]:
        """Returns up to `limit` entries that still have their content, by position; records of erasures are never among them."""
        chosen = log_entry.c.sequence.in_(sequences) if sequences else and_(*conditions(wanted))
        statement = (
            select(log_entry.c.sequence, log_entry.c.subject)
            .where(chosen, log_entry.c.erased_at.is_(None), log_entry.c.type != ERASURE_TYPE)
            .order_by(log_entry.c.sequence)
            .limit(limit)
        )
        async with self._database.transaction() as connection:
            return [Whole(row.sequence, row.subject) for row in await connection.execute(statement)]

    async def erase(self, chosen: Sequence[Whole], records: Sequence[Arrival], now: datetime) -> None:
        """Erases the contents and appends their records, all or nothing. Raises LedgerHeadMissing."""
        async with self._database.transaction() as connection:
            await self._records.append(prepared(records), now)
            await connection.execute(_ERASE, {"now": now, "sequences": [each.sequence for each in chosen]})
