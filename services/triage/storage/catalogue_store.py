"""What an import brings, in PostgreSQL: components, systems and groups landed together, and the latter two listed."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import Table, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.triage.domain.catalogue_import import Gathered, ImportSummary, Stored
from services.triage.domain.component import Change, StoredComponent, revise
from services.triage.domain.dependency_cycle import circles_of
from services.triage.domain.entity import Group, System
from services.triage.storage import component_changes as changes
from services.triage.storage.catalogue_tables import organisation_group, system
from services.triage.storage.tables import component
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.storage.database import Database

Thing = TypeVar("Thing", System, Group)


@dataclass(frozen=True, slots=True)
class Dated(Generic[Thing]):
    """A system or group, since when it is known and since when it is as it is."""

    thing: Thing
    create_time: datetime
    update_time: datetime


class CatalogueStore:
    """Imports, systems and groups."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def land(self, gathered: Gathered, now: datetime, tell: changes.Tell, *, validate_only: bool) -> ImportSummary:
        """Stores all that was gathered with the events of the components that changed, all or none. Safe to repeat.

        Refuses, in `gathered`, what is held from another namespace. Never fails for a cycle. `tell` hears of components stored.
        """
        async with self._database.transaction() as connection:
            await changes.lock(connection)
            systems = await _held(connection, system, System, gathered.systems)
            groups = await _held(connection, organisation_group, Group, gathered.groups)
            known = await changes.known(connection, list(gathered.components))
            gathered.refuse_clashes([*systems.values(), *groups.values(), *(each.component for each in known.values())])
            after = await _revised(connection, gathered, known, now)
            needs = await _needs(connection, after)
            changed = [stored for stored in after if known.get(stored.component.name) != stored]
            fresh_systems = {name: each for name, each in gathered.systems.items() if systems.get(name) != each}
            fresh_groups = {name: each for name, each in gathered.groups.items() if groups.get(name) != each}
            if not validate_only:
                await _write(connection, system, fresh_systems, now)
                await _write(connection, organisation_group, fresh_groups, now)
                await changes.write(connection, self._outbox, changed, Change.IMPORTED, tell)
        return ImportSummary(
            gathered=gathered,
            components=_stored(gathered.components, {each.component.name for each in changed}, known),
            systems=_stored(gathered.systems, fresh_systems, systems),
            groups=_stored(gathered.groups, fresh_groups, groups),
            circles=circles_of(needs),
            missing=tuple(sorted({needed for several in needs.values() for needed in several} - needs.keys())),
        )

    async def systems(self, owner_team: str, query: PageQuery) -> Page[Dated[System]]:
        return await self._page(system, System, query, {"owner_team": owner_team} if owner_team else {})

    async def groups(self, query: PageQuery) -> Page[Dated[Group]]:
        return await self._page(organisation_group, Group, query, {})

    async def _page(self, table: Table, kind: type[Thing], query: PageQuery, wanted: Mapping[str, str]) -> Page[Dated[Thing]]:
        statement = select(table).order_by(table.c.name).limit(query.limit).filter_by(**wanted)
        if query.cursor:
            statement = statement.where(table.c.name > query.cursor[0])
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        found = [Dated(_thing(kind, row), row.created_at, row.updated_at) for row in rows]
        return query.page(found, [(row.name,) for row in rows])


async def _revised(
    connection: AsyncConnection, gathered: Gathered, known: Mapping[str, StoredComponent], now: datetime
) -> list[StoredComponent]:
    """Returns the components as they are to be stored."""
    last = await changes.last_versions(connection, [name for name in gathered.components if name not in known])
    after = []
    for name, draft in gathered.components.items():
        held = known.get(name)
        after.append(revise(draft.over(held.component if held else None), held, now, last.get(name, 0)))
    return after


async def _needs(connection: AsyncConnection, after: Iterable[StoredComponent]) -> dict[str, Sequence[str]]:
    """Returns what every component needs once these are stored."""
    rows = await connection.execute(select(component.c.name, component.c.dependencies))
    held: dict[str, Sequence[str]] = {row.name: row.dependencies for row in rows}
    return held | {each.component.name: each.component.dependencies for each in after}


async def _held(connection: AsyncConnection, table: Table, kind: type[Thing], names: Collection[str]) -> dict[str, Thing]:
    rows = await connection.execute(select(table).where(table.c.name == changes.NAMED), {"names": list(names)})
    return {row.name: _thing(kind, row) for row in rows}


async def _write(connection: AsyncConnection, table: Table, things: Mapping[str, System | Group], now: datetime) -> None:
    if not things:
        return
    names = [column.name for column in table.columns]
    kept = ", ".join(f"{name} = excluded.{name}" for name in names if name not in {"name", "created_at"})
    statement = f"""
        insert into {table.name} ({", ".join(names)})
        select {", ".join(names)} from jsonb_populate_recordset(null::{table.name}, cast(:rows as jsonb))
        on conflict (name) do update set {kept}
    """  # noqa: S608 - names of this schema
    rows = [asdict(thing) | {"created_at": now, "updated_at": now} for thing in things.values()]
    await connection.execute(text(statement), {"rows": orjson.dumps(rows).decode()})


def _thing(kind: Callable[..., Thing], row: Any) -> Thing:
    told = {name: value for name, value in row._mapping.items() if name not in {"created_at", "updated_at"}}  # noqa: SLF001 - public in SQLAlchemy
    return kind(**told)


def _stored(told: Collection[str], changed: Collection[str], held: Collection[str]) -> Stored:
    created = sum(name not in held for name in changed)
    return Stored(created, len(changed) - created, len(told) - len(changed))
