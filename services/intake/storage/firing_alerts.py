"""Firing alerts by their labels: the one place that reads them for a preview of a silence."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from uuid import UUID

import orjson
from sqlalchemy import text

from shared.storage.database import Database

_PAGE = 2000
_READ = text(
    """
    select id, labels from alert
    where state = 1 and labels::jsonb @> cast(:equal as jsonb) and id > :last order by id limit :page
    """
)


@dataclass(frozen=True, slots=True)
class FiringAlert:
    """An alert that fires, and its labels."""

    id: UUID
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"alerts/{self.id}"


class FiringAlerts:
    """Reads alerts that fire, some at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def having(self, equal: Mapping[str, str]) -> AsyncIterator[list[FiringAlert]]:
        """Yields those with these labels and values, by thousands, in the order they were received; each part as it stands then."""
        values = {"equal": orjson.dumps(dict(equal)).decode(), "page": _PAGE, "last": UUID(int=0)}
        while True:
            async with self._database.transaction() as connection:
                rows = list(await connection.execute(_READ, values))
            yield [FiringAlert(row.id, orjson.loads(row.labels)) for row in rows]
            if len(rows) < _PAGE:
                return
            values["last"] = rows[-1].id
