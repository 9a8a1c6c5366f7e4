"""The catalogue in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.triage.domain.component import Component, StoredComponent, revise
from services.triage.domain.dependency import check_acyclic
from services.triage.domain.errors import ComponentNotFound
from services.triage.domain.events import ComponentChanged
from services.triage.domain.inputs import Surroundings
from services.triage.storage.rows import component_from_row, component_to_row
from services.triage.storage.tables import component
from shared.events.outbox import Outbox
from shared.ids import name_of
from shared.paging import Page, PageQuery
from shared.storage.database import Database
from shared.storage.etags import check_etag

# Two changes of the catalogue at once could each be without a cycle and together make one: they take turns.
_LOCK = text("select pg_advisory_xact_lock(hashtextextended('component', 7102))")

# `union` drops what was reached before, so it ends on any graph.
_DEPENDENTS = text(
    """
    with recursive hurt(name) as (
        select unnest(cast(:names as text[])) collate "C"
        union
        select component.name from component join hurt on component.dependencies @> array[hurt.name]
    )
    select count(*) from hurt where name <> all(cast(:names as text[]))
    """
)

_NEEDED = text(
    """
    with recursive needed(name) as (
        select unnest(dependencies) from component where name = :name
        union
        select unnest(component.dependencies) from component join needed on component.name = needed.name
    )
    select name from needed where name <> :name
    """
)


class ComponentStore:
    """Components, by name."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def upsert(self, components: Sequence[Component], etags: Mapping[str, str], now: datetime) -> list[StoredComponent]:
        """Stores components with the events of those that changed: all or none. Safe to repeat: what is the same stays as it is.

        Raises Conflict when a component is not at its etag, DependencyCycle when the whole catalogue would have one.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK)
            known = await _known(connection, [each.name for each in components])
            for name, etag in etags.items():
                check_etag(name, known[name].version if name in known else 0, etag)
            after = [revise(each, known.get(each.name), now) for each in components]
            changed = [stored for stored in after if known.get(stored.component.name) != stored]
            if changed:
                rows = await connection.execute(select(component.c.name, component.c.dependencies))
                check_acyclic({row.name: row.dependencies for row in rows} | {each.name: each.dependencies for each in components})
                await _write(connection, changed)
                await self._outbox.record(connection, [ComponentChanged(stored) for stored in changed])
        return after

    async def get(self, name: str) -> StoredComponent:
        """Raises ComponentNotFound."""
        async with self._database.transaction() as connection:
            known = await _known(connection, [name])
        if name not in known:
            raise ComponentNotFound(name)
        return known[name]

    async def page(self, owner_team: str, query: PageQuery) -> Page[StoredComponent]:
        """Returns a page of components by name, of one team or of all."""
        statement = select(component).order_by(component.c.name).limit(query.limit)
        if owner_team:
            statement = statement.where(component.c.owner_team == owner_team)
        if query.cursor:
            statement = statement.where(component.c.name > query.cursor[0])
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([component_from_row(row) for row in rows], [(row.name,) for row in rows])

    async def surroundings(self, ids: Sequence[str]) -> Surroundings:
        """Returns what the catalogue knows of these components, and how many others need them, directly or through others."""
        names = sorted({name_of("components", each) for each in ids})
        if not names:
            return Surroundings()
        async with self._database.transaction() as connection:
            known = await _known(connection, names)
            dependents = (await connection.execute(_DEPENDENTS, {"names": names})).scalar_one()
        return Surroundings(tuple(known[name].component for name in names if name in known), dependents)

    async def needed_by(self, name: str) -> list[str]:
        """Returns what a component needs, directly or through others."""
        async with self._database.transaction() as connection:
            return list((await connection.execute(_NEEDED, {"name": name})).scalars())


async def _known(connection: AsyncConnection, names: Sequence[str]) -> dict[str, StoredComponent]:
    rows = await connection.execute(select(component).where(component.c.name.in_(names)))
    return {row.name: component_from_row(row) for row in rows}


async def _write(connection: AsyncConnection, changed: Sequence[StoredComponent]) -> None:
    statement = insert(component)
    rest = {column.name: statement.excluded[column.name] for column in component.columns if column.name not in {"name", "created_at"}}
    upsert = statement.on_conflict_do_update(index_elements=["name"], set_=rest)
    await connection.execute(upsert, [component_to_row(stored) for stored in changed])
