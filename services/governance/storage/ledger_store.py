"""The ledger in PostgreSQL: reading it, for people, for proofs and for verification."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, or_, select, tuple_

from services.governance.domain.ledger import Content, LedgerEntry
from services.governance.domain.verification import IssuedCheckpoint, LedgerTip, StoredEntry
from services.governance.storage import statements
from services.governance.storage.rows import entry_from_row, stored_from_row
from services.governance.storage.tables import log_entry
from shared.paging import Page, PageQuery
from shared.storage.database import Database
from shared.transparency.merkle import Peaks
from shared.transparency.tiles import Tile, split


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries; an empty condition holds for all."""

    subject: str = ""
    type: str = ""
    trace_id: str = ""
    principal: str = ""
    source: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.subject or self.type or self.trace_id or self.principal or self.source)


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """An entry with its content; None once that is erased."""

    entry: LedgerEntry
    content: Content | None


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint as it was signed."""

    issued: IssuedCheckpoint
    note: str


class LedgerStore:
    """Entries as they stand in the tables, whether or not they fit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, wanted: EntryFilter, after: int, paging: PageQuery) -> Page[KeptEntry]:
        """Returns a page of entries after a sequence, in their order."""
        begin = int(paging.cursor[0]) if paging.cursor else after
        entries = await self.kept([wanted], (begin + 1, None), paging.limit)
        return paging.page(entries, [(str(each.entry.sequence),) for each in entries])

    async def kept(self, wanted: Sequence[EntryFilter], span: tuple[int, int | None], limit: int) -> list[KeptEntry]:
        """Returns up to `limit` entries with sequences in `span`, both ends included, that fit one of the filters."""
        statement = _ENTRIES.where(log_entry.c.sequence >= span[0]).limit(limit)
        if span[1] is not None:
            statement = statement.where(log_entry.c.sequence <= span[1])
        if not any(each.is_empty for each in wanted):
            statement = statement.where(or_(*(and_(*conditions(each)) for each in wanted)))
        async with self._database.transaction() as connection:
            return [_kept_from_row(row) for row in await connection.execute(statement)]

    async def payloads(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
        """Returns the data of events by source and id; of those that are there and have not been erased."""
        columns = log_entry.c.source, log_entry.c.event_id, log_entry.c.payload
        statement = select(*columns).where(tuple_(*columns[:2]).in_(keys), columns[2].is_not(None))
        async with self._database.transaction() as connection:
            return {(row.source, row.event_id): row.payload for row in await connection.execute(statement)}

    async def tip(self) -> LedgerTip:
        """Returns where the ledger ends, in one snapshot."""
        (row,) = await self._database.ask(statements.TIP)
        return LedgerTip(None if row["size"] is None else Peaks(row["size"], tuple(split(row["peaks"]))), row["last_sequence"])

    async def stored_entries(self, first: int, last: int, limit: int) -> list[StoredEntry]:
        """Returns up to `limit` entries with sequences from `first` to `last`, by sequence."""
        values = {"first": first, "last": last, "limit": limit}
        async with self._database.transaction() as connection:
            return [stored_from_row(row) for row in await connection.execute(statements.STORED_ENTRIES, values)]

    async def tiles(self, wanted: Iterable[Tile]) -> dict[Tile, bytes]:
        """Returns those of the tiles that there are."""
        tiles = sorted(wanted)
        found = await self._database.ask(statements.TILES, [level for level, _ in tiles], [index for _, index in tiles])
        return {(row["level"], row["index"]): row["hashes"] for row in found}

    async def checkpoints(self, after: int, last: int) -> list[SignedCheckpoint]:
        """Returns what was signed of sizes above `after`, up to `last`, by size."""
        async with self._database.transaction() as connection:
            return [_checkpoint(row) for row in await connection.execute(statements.CHECKPOINTS, {"after": after, "last": last})]

    async def last_checkpoint(self) -> SignedCheckpoint | None:
        async with self._database.transaction() as connection:
            row = (await connection.execute(statements.LAST_CHECKPOINT)).one_or_none()
        return None if row is None else _checkpoint(row)

    async def keep_checkpoint(self, signed: SignedCheckpoint, verifier_key: str, now: datetime) -> None:
        """Keeps what was signed, and the key it was signed with; safe to repeat."""
        values = {
            "size": signed.issued.size,
            "root": signed.issued.root,
            "note": signed.note,
            "signed_at": now,
            "verifier_key": verifier_key,
        }
        async with self._database.transaction() as connection:
            await connection.execute(statements.KEEP_CHECKPOINT, values)

    async def sealed_through(self) -> int:
        """Returns the last sequence that was sealed and of whose seal there is a record; 0 where nothing was."""
        async with self._database.transaction() as connection:
            return int((await connection.execute(statements.SEALED_THROUGH)).scalar_one())

    async def verifier_keys(self) -> list[str]:
        """Returns every key that a checkpoint was signed with, the first used first."""
        async with self._database.transaction() as connection:
            return [row.verifier_key for row in await connection.execute(statements.VERIFIER_KEYS)]


# Of what is sealed nothing is left to show.
_ENTRIES: Select[Any] = (
    select(log_entry.c.leaf, log_entry.c.salt, log_entry.c.principal, log_entry.c.reason, log_entry.c.payload)
    .where(log_entry.c.leaf.is_not(None))
    .order_by(log_entry.c.sequence)
)


def conditions(wanted: EntryFilter) -> list[Any]:
    columns = {
        log_entry.c.subject: wanted.subject,
        log_entry.c.type: wanted.type,
        log_entry.c.trace_id: wanted.trace_id,
        log_entry.c.principal: wanted.principal,
        log_entry.c.source: wanted.source,
    }
    return [column == value for column, value in columns.items() if value]


def _kept_from_row(row: Row[Any]) -> KeptEntry:
    content = None if row.salt is None else Content(row.salt, row.principal, row.payload, row.reason)
    return KeptEntry(entry_from_row(row), content)


def _checkpoint(row: Row[Any]) -> SignedCheckpoint:
    return SignedCheckpoint(IssuedCheckpoint(row.size, row.root), row.note)
