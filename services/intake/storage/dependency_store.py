"""Who depends on whom, as the catalogue of components tells it, in PostgreSQL."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.intake.domain.dependency import ComponentGraph, graph_of
from services.intake.storage.grouping_tables import component_dependency
from services.intake.storage.routing_tables import BUMP, RoutingKind
from shared.storage.database import Database


class DependencyStore:
    """The dependencies of every component heard of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def graph(self) -> ComponentGraph:
        async with self._database.transaction() as connection:
            rows = await connection.execute(select(component_dependency.c.component, component_dependency.c.dependencies))
            return graph_of({row.component: row.dependencies for row in rows})

    async def put(self, component: str, dependencies: Sequence[str], version: int) -> bool:
        """Keeps what a component needs at this version of it; returns False for a version not newer than the one held.

        Moves the version of the dependencies on only when they changed, so that what was read of them stays in use.
        """
        values = {"component": component, "dependencies": sorted(set(dependencies)), "version": version}
        statement = insert(component_dependency).values(values)
        upsert = statement.on_conflict_do_update(
            index_elements=["component"],
            set_={"dependencies": statement.excluded.dependencies, "version": statement.excluded.version},
            where=component_dependency.c.version < statement.excluded.version,
        )
        async with self._database.transaction() as connection:
            held = select(component_dependency.c.dependencies).where(component_dependency.c.component == component).with_for_update()
            before = (await connection.execute(held)).scalar()
            if (await connection.execute(upsert.returning(component_dependency.c.component))).first() is None:
                return False
            if before != values["dependencies"] and (before or values["dependencies"]):
                await connection.execute(BUMP, {"kind": RoutingKind.DEPENDENCY})
        return True
