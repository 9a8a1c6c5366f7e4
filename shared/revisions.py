"""Documents with versions: the newest counts, every older one stays readable, and a change says who made it and why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Generic

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Table, Text, func, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import Conflict, NotFound, check_reason
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.principal import SYSTEM, on_its_own
from shared.revision import Document, Revision
from shared.storage.database import Database
from shared.storage.etags import check_etag, etag_of

_LOCK = text("select pg_advisory_xact_lock(hashtextextended(:name, 7100))")


@dataclass(frozen=True, slots=True)
class Form(Generic[Document]):
    """How documents of one kind are stored and told of."""

    name: str  # for errors, such as `severityMatrix`
    field: str  # where a request that changes it has it, such as `matrix`
    default: Document  # the first version
    to_json: Callable[[Document], Any]
    from_json: Callable[[Any], Document]
    event: Callable[[Revision[Document]], object]  # what is recorded when there is a new version
    missing: Callable[[int], NotFound]  # what is raised for a version that there is not


def revision_table(name: str, metadata: MetaData) -> Table:
    """Returns the table that a RevisionStore needs."""
    return Table(
        name,
        metadata,
        Column("revision", BigInteger, primary_key=True, autoincrement=False),
        Column("document", JSONB, nullable=False),
        Column("author", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False),
    )


class RevisionStore(Generic[Document]):
    """The versions of one document."""

    def __init__(self, database: Database, outbox: Outbox, table: Table, form: Form[Document]) -> None:
        self._database = database
        self._outbox = outbox
        self._table = table
        self._form = form
        self._number = select(func.max(table.c.revision))  # made once: to put a statement together takes longer than to run it
        self._held: Revision[Document] | None = None

    async def newest(self, now: datetime) -> Revision[Document]:
        """Returns the newest version; makes the first one, dated `now`, when there is none."""
        async with self._database.transaction() as connection:
            found = await self._newest(connection)
            if found is None:
                await connection.execute(_LOCK, {"name": self._table.name})
                found = await self._newest(connection)
            if found is None:
                with on_its_own():
                    found = await self._make(connection, Revision(1, self._form.default, SYSTEM, "The default.", now))
        return found

    def at_hand(self, revision: int | None) -> Revision[Document] | None:
        """Returns this version where it is the one held in memory, without asking the database; a version never changes."""
        return self._held if self._held is not None and self._held.revision == revision else None

    async def get(self, revision: int) -> Revision[Document]:
        """Raises NotFound, as the form says."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(self._table).where(self._table.c.revision == revision))).first()
        if row is None:
            raise self._form.missing(revision)
        return self._from_row(row)

    async def page(self, query: PageQuery) -> Page[Revision[Document]]:
        """Returns a page of versions, newest first."""
        statement = select(self._table).order_by(self._table.c.revision.desc()).limit(query.limit)
        if query.cursor:
            statement = statement.where(self._table.c.revision < int(query.cursor[0]))
        async with self._database.transaction() as connection:
            rows: Sequence[Any] = list(await connection.execute(statement))
        return query.page([self._from_row(row) for row in rows], [(str(row.revision),) for row in rows])

    async def replace(self, etag: str, made: Revision[Document], *, validate_only: bool, event: object | None = None) -> Revision[Document]:
        """Makes `made` the newest version, with its event, or nothing; returns the newest when it already says the same.

        `event` tells more of it than the form's own would.

        Raises InvalidInput when nobody says why, Conflict when `etag` is not that of the version before it.
        """
        check_reason(f"{self._form.field}.reason", made.reason)
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK, {"name": self._table.name})
            newest = await self._newest(connection)
            assert newest is not None
            if not etag:
                now = etag_of(newest.revision)
                raise Conflict(f"{self._form.field}.etag: is empty; read it and send its etag, which is {now} now")
            check_etag(self._form.name, newest.revision, etag)
            if newest.document == made.document:
                return newest
            return made if validate_only else await self._make(connection, made, event)

    async def _make(self, connection: AsyncConnection, made: Revision[Document], event: object | None = None) -> Revision[Document]:
        values = {
            "revision": made.revision,
            "document": self._form.to_json(made.document),
            "author": made.author,
            "reason": made.reason,
            "created_at": made.create_time,
        }
        await connection.execute(insert(self._table).values(values))
        await self._outbox.record(connection, [event or self._form.event(made)])
        return made

    async def _newest(self, connection: AsyncConnection) -> Revision[Document] | None:
        number: int | None = (await connection.execute(self._number)).scalar_one()
        if number is None:
            return None
        # A version never changes, so the one held is read again only when there is a newer one, or this one was taken back.
        if self._held is None or self._held.revision != number:
            found = self._from_row((await connection.execute(select(self._table).where(self._table.c.revision == number))).one())
            self._database.after_commit(partial(self._hold, found))  # not before: the transaction may have made it itself
            return found
        return self._held

    async def _hold(self, found: Revision[Document]) -> None:
        self._held = found

    def _from_row(self, row: Any) -> Revision[Document]:
        return Revision(row.revision, self._form.from_json(row.document), row.author, row.reason, row.created_at)
