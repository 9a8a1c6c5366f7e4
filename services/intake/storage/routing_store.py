"""The versions of what decides where alerts go, in PostgreSQL."""

from collections.abc import Mapping

from sqlalchemy import select

from services.intake.storage.routing_tables import routing_version
from shared.storage.database import Database


class RoutingStore:
    """Versions, by kind; each moves on in the transaction of the change it tells of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def versions(self) -> Mapping[str, int]:
        async with self._database.transaction() as connection:
            return {row.kind: row.version for row in await connection.execute(select(routing_version))}
