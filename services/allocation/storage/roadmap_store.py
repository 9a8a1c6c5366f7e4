"""Roadmap items in PostgreSQL."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import insert as plain_insert
from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.allocation.domain.errors import RoadmapItemNotFound, TeamNotFound
from services.allocation.domain.events import RoadmapItemChanged
from services.allocation.domain.roadmap import RoadmapItem, check_items, revise, sift_items
from services.allocation.domain.work import WorkRecord
from services.allocation.storage.roadmap_tables import roadmap_item_revision
from services.allocation.storage.rows import item_from_row, item_to_row
from services.allocation.storage.tables import roadmap_item, team
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.principal import current_principal_name
from shared.storage.database import Database
from shared.storage.etags import check_etag


class RoadmapStore:
    """Roadmap items, by name."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def upsert(self, items: Sequence[RoadmapItem], etags: Mapping[str, str], now: datetime) -> list[RoadmapItem]:
        """Stores items with the events of those that changed: all or none. Safe to repeat: what is the same stays as it is.

        Raises TeamNotFound, Conflict when an item is not at its etag, and what `check_items` raises.
        """
        async with self._database.transaction() as connection:
            await _lock_teams(connection, {item.team for item in items})
            held = await _items(connection, {item.team for item in items}, {item.name for item in items})
            held |= await _awaited(connection, [name for item in items for name in item.details.cross_team_dependencies])
            check_items(items, held.values())
            for name, etag in etags.items():
                check_etag(name, held[name].version if name in held else 0, etag)
            after = [revise(item, held.get(item.name), now) for item in items]
            await self._write(connection, [item for item in after if held.get(item.name) != item])
        return after

    async def get(self, name: str) -> RoadmapItem:
        """Raises RoadmapItemNotFound."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(roadmap_item).where(roadmap_item.c.name == name))).first()
        if row is None:
            raise RoadmapItemNotFound(name)
        return item_from_row(row)

    async def page(self, of_team: str, query: PageQuery) -> Page[RoadmapItem]:
        """Returns a page of items by name, of one team or of all."""
        statement = select(roadmap_item).order_by(roadmap_item.c.name).limit(query.limit)
        if of_team:
            statement = statement.where(roadmap_item.c.team == of_team)
        if query.cursor:
            statement = statement.where(roadmap_item.c.name > query.cursor[0])
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([item_from_row(row) for row in rows], [(row.name,) for row in rows])

    async def import_items(
        self, items: Sequence[RoadmapItem], now: datetime, *, validate_only: bool
    ) -> tuple[list[RoadmapItem], dict[str, str], dict[str, RoadmapItem]]:
        """Stores the good ones of a team's items, all at once; returns them, why the others are refused, and what was held, by name.

        Safe to repeat. Raises TeamNotFound.
        """
        async with self._database.transaction() as connection:
            await _lock_teams(connection, {item.team for item in items})
            held = await _items(connection, {item.team for item in items}, {item.name for item in items})
            held |= await _awaited(connection, [name for item in items for name in item.details.cross_team_dependencies])
            good, refused = sift_items(items, held.values())
            after = [revise(item, held.get(item.name), now) for item in good]
            if not validate_only:
                await self._write(connection, [item for item in after if held.get(item.name) != item])
        return after, refused, held

    async def team_exists(self, name: str) -> None:
        """Raises TeamNotFound."""
        async with self._database.transaction() as connection:
            if (await connection.execute(select(team.c.name).where(team.c.name == name))).first() is None:
                raise TeamNotFound(name)

    async def revisions(self, name: str, query: PageQuery) -> Page[tuple[RoadmapItem, str]]:
        """Returns a page of an item's versions with their authors, newest first. Raises RoadmapItemNotFound."""
        await self.get(name)
        table = roadmap_item_revision
        statement = select(table).where(table.c.name == name).order_by(table.c.version.desc()).limit(query.limit)
        if query.cursor:
            statement = statement.where(table.c.version < int(query.cursor[0]))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([(item_from_row(row), row.author) for row in rows], [(str(row.version),) for row in rows])

    async def ground(self, connection: AsyncConnection, teams: Iterable[str], names: Iterable[str]) -> dict[str, RoadmapItem]:
        """Locks teams in the caller's transaction, and returns these items. Raises TeamNotFound."""
        await _lock_teams(connection, teams)
        return await _items(connection, (), names)

    async def work_on(
        self, connection: AsyncConnection, records: Iterable[WorkRecord], items: Mapping[str, RoadmapItem], now: datetime
    ) -> None:
        """Takes the hours of records off the items they name, with the events."""
        await self._write(connection, _worked_on(records, items, now))

    async def _write(self, connection: AsyncConnection, changed: Sequence[RoadmapItem]) -> None:
        if not changed:
            return
        statement = insert(roadmap_item)
        kept = {"name", "created_at"}
        rest = {column.name: statement.excluded[column.name] for column in roadmap_item.columns if column.name not in kept}
        upsert = statement.on_conflict_do_update(index_elements=["name"], set_=rest)
        rows = [item_to_row(item) for item in changed]
        await connection.execute(upsert, rows)
        author = current_principal_name()
        await connection.execute(plain_insert(roadmap_item_revision), [row | {"author": author} for row in rows])
        await self._outbox.record(connection, [RoadmapItemChanged(item) for item in changed])


def _worked_on(records: Iterable[WorkRecord], items: Mapping[str, RoadmapItem], now: datetime) -> list[RoadmapItem]:
    hours: dict[str, Decimal] = {}
    for record in records:
        if record.roadmap_item:
            hours[record.roadmap_item] = hours.get(record.roadmap_item, Decimal(0)) + record.hours
    return [
        replace(items[name], recorded_hours=items[name].recorded_hours + more, version=items[name].version + 1, updated_at=now)
        for name, more in hours.items()
    ]


async def _lock_teams(connection: AsyncConnection, names: Iterable[str]) -> None:
    """Locks teams, in order: a team's row is the turnstile of all that changes its roadmap or its split. Raises TeamNotFound."""
    wanted = sorted(names)
    rows = await connection.execute(select(team.c.name).where(team.c.name.in_(wanted)).order_by(team.c.name).with_for_update())
    found = {row.name for row in rows}
    for name in wanted:
        if name not in found:
            raise TeamNotFound(name)


async def _awaited(connection: AsyncConnection, names: Sequence[str]) -> dict[str, RoadmapItem]:
    """Returns these items and all that they wait for in turn, of whatever team: a cycle may lead through any of them."""
    found: dict[str, RoadmapItem] = {}
    wanted = set(names)
    while wanted:
        new = await _items(connection, (), wanted)
        found |= new
        wanted = {name for item in new.values() for name in item.awaited} - set(found)
    return found


async def _items(connection: AsyncConnection, teams: Iterable[str], names: Iterable[str]) -> dict[str, RoadmapItem]:
    chosen = or_(roadmap_item.c.team.in_(list(teams)), roadmap_item.c.name.in_(list(names)))
    return {row.name: item_from_row(row) for row in await connection.execute(select(roadmap_item).where(chosen))}
