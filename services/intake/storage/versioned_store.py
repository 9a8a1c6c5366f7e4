"""Things that mute alerts for a time, in PostgreSQL: the newest version of each, and every version there ever was."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Table, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.errors import TooManyInForce
from services.intake.storage.mute_store import mutes_changed
from shared.errors import NotFound
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.storage.database import Database
from shared.storage.etags import check_etag


class Versioned(Protocol):
    """What has versions and an end."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...


Thing = TypeVar("Thing", bound=Versioned)


@dataclass(frozen=True, slots=True)
class Shape(Generic[Thing]):
    """How one kind is stored, told of, and not found; and how many of it may be in force or ahead at once."""

    collection: str
    newest: Table
    versions: Table
    from_row: Callable[[Any], Thing]
    to_row: Callable[[Thing], dict[str, Any]]
    event: Callable[[Thing], object]
    not_found: Callable[[str], NotFound]
    most: int


class VersionedStore(Generic[Thing]):
    """Every change is one transaction: the version, its event, and a new version of all that mutes."""

    def __init__(self, database: Database, outbox: Outbox, shape: Shape[Thing]) -> None:
        self._database = database
        self._outbox = outbox
        self._shape = shape

    async def add(self, made: Thing, now: datetime) -> None:
        """Stores the first version. Raises TooManyInForce."""
        newest = self._shape.newest
        async with self._database.transaction() as connection:
            await mutes_changed(connection)  # first: it makes others wait, so that the count below is true
            count = (await connection.execute(select(func.count()).select_from(newest).where(newest.c.ends_at > now))).scalar_one()
            if count >= self._shape.most:
                raise TooManyInForce(self._shape.collection, self._shape.most)
            await connection.execute(insert(newest).values(self._shape.to_row(made)))
            await self._record(connection, made)

    async def get(self, identifier: UUID) -> Thing:
        """Raises the shape's NotFound."""
        async with self._database.transaction() as connection:
            return await self._found(connection, identifier)

    async def change(self, identifier: UUID, etag: str, change: Callable[[Thing], Thing]) -> Thing:
        """Applies `change` to the newest version, locked. Where it returns what it was given nothing is stored.

        Raises the shape's NotFound, Conflict when the etag is old, and what `change` raises.
        """
        newest = self._shape.newest
        async with self._database.transaction() as connection:
            before = await self._found(connection, identifier, lock=True)
            check_etag(before.name, before.version, etag)
            after = change(before)
            if after.version != before.version:
                await mutes_changed(connection)
                await connection.execute(update(newest).where(newest.c.id == identifier).values(self._shape.to_row(after)))
                await self._record(connection, after)
        return after

    async def preview(self, identifier: UUID, etag: str, change: Callable[[Thing], Thing]) -> Thing:
        """Returns what `change` would make, and stores nothing. Raises as `change` does."""
        before = await self.get(identifier)
        check_etag(before.name, before.version, etag)
        return change(before)

    async def page(self, condition: ColumnElement[bool], query: PageQuery) -> Page[Thing]:
        """Returns a page of those for which the condition on the table of newest versions holds, newest first."""
        newest = self._shape.newest
        statement = select(newest).where(condition).order_by(newest.c.id.desc()).limit(query.limit)
        if query.cursor:
            statement = statement.where(newest.c.id < UUID(query.cursor[0]))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([self._shape.from_row(row) for row in rows], [(str(row.id),) for row in rows])

    async def versions(self, identifier: UUID, query: PageQuery) -> Page[Thing]:
        """Returns a page of versions, newest first. Raises the shape's NotFound."""
        versions = self._shape.versions
        statement = select(versions).where(versions.c.id == identifier).order_by(versions.c.version.desc()).limit(query.limit)
        if query.cursor:
            statement = statement.where(versions.c.version < int(query.cursor[0]))
        async with self._database.transaction() as connection:
            await self._found(connection, identifier)
            rows = list(await connection.execute(statement))
        return query.page([self._shape.from_row(row) for row in rows], [(str(row.version),) for row in rows])

    async def _found(self, connection: AsyncConnection, identifier: UUID, *, lock: bool = False) -> Thing:
        newest = self._shape.newest
        statement = select(newest).where(newest.c.id == identifier)
        row = (await connection.execute(statement.with_for_update() if lock else statement)).first()
        if row is None:
            raise self._shape.not_found(f"{self._shape.collection}/{identifier}")
        return self._shape.from_row(row)

    async def _record(self, connection: AsyncConnection, made: Thing) -> None:
        await connection.execute(insert(self._shape.versions).values(self._shape.to_row(made)))
        await self._outbox.record(connection, [self._shape.event(made)])
