"""Recording in PostgreSQL: the one place where ledger and lineage grow."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.governance.domain.arrival import Arrival, appendix_of
from services.governance.domain.errors import LedgerHeadMissing
from services.governance.domain.ledger import LedgerEntry
from services.governance.storage import statements
from services.governance.storage.rows import appendix_to_columns, head_from_row
from shared.storage.database import Database


class RecordStore:
    """Writes what arrives."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, arrivals: Sequence[Arrival], now: datetime) -> tuple[LedgerEntry, ...]:
        """Appends an entry for each event not yet in the ledger, and draws the lineage they show; returns the new entries.

        All of it commits, or nothing. Appends wait for each other until the transaction ends. Safe to repeat: what is in the
        ledger already is left out. Raises LedgerHeadMissing.
        """
        async with self._database.transaction() as connection:
            locked = (await connection.execute(statements.LOCK_HEAD)).one_or_none()
            if locked is None:
                raise LedgerHeadMissing
            known = await _known(connection, arrivals)
            appendix = appendix_of(head_from_row(locked), arrivals, known, now, secrets.token_bytes)
            if appendix.entries:
                await connection.execute(statements.APPEND, appendix_to_columns(appendix))
        return appendix.entries


async def _known(connection: AsyncConnection, arrivals: Sequence[Arrival]) -> set[tuple[str, str]]:
    keys = {"sources": [each.event.source for each in arrivals], "event_ids": [each.event.event_id for each in arrivals]}
    return {(row.source, row.event_id) for row in await connection.execute(statements.KNOWN_EVENTS, keys)}
