"""The ledger in PostgreSQL: reading it, for people and for verification."""

from dataclasses import dataclass

from sqlalchemy import select

from services.governance.domain.ledger import LedgerEntry, LedgerHead
from services.governance.domain.verification import LedgerTip, StoredEntry
from services.governance.storage import statements
from services.governance.storage.rows import entry_from_row
from services.governance.storage.tables import ledger_entry
from shared.paging import Page, PageQuery
from shared.storage.database import Database


@dataclass(frozen=True, slots=True)
class LedgerQuery:
    """Which entries to list; an empty condition holds for all."""

    subject: str = ""
    type: str = ""
    trace_id: str = ""


class LedgerStore:
    """Entries as they stand in the table, whether or not they fit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, query: LedgerQuery, paging: PageQuery) -> Page[LedgerEntry]:
        """Returns a page of entries, by sequence."""
        statement = select(ledger_entry).order_by(ledger_entry.c.sequence).limit(paging.limit)
        for column, value in ((ledger_entry.c.subject, query.subject), (ledger_entry.c.type, query.type)):
            if value:
                statement = statement.where(column == value)
        if query.trace_id:
            statement = statement.where(ledger_entry.c.trace_id == query.trace_id.lower())
        if paging.cursor:
            statement = statement.where(ledger_entry.c.sequence > int(paging.cursor[0]))
        async with self._database.transaction() as connection:
            entries = [entry_from_row(row) for row in await connection.execute(statement)]
        return paging.page(entries, [(str(each.sequence),) for each in entries])

    async def tip(self) -> LedgerTip:
        """Returns where the ledger ends, in one snapshot."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(statements.TIP)).one()
        head = None if row.entry_count is None else LedgerHead(row.entry_count, row.hash)
        return LedgerTip(head, row.last_sequence)

    async def stored_entries(self, first: int, last: int, limit: int) -> list[StoredEntry]:
        """Returns up to `limit` entries with sequences from `first` to `last`, by sequence."""
        values = {"first": first, "last": last, "limit": limit}
        async with self._database.transaction() as connection:
            rows = await connection.execute(statements.STORED_ENTRIES, values)
            return [StoredEntry(entry_from_row(row), row.kept_payload_hash) for row in rows]
