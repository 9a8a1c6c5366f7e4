"""Published events in PostgreSQL: what each became, so that a repeat of it is told so."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from services.intake.domain.publication import Became, Disposition, EventKey
from services.intake.storage import signal_statements as statements
from shared.storage.database import Database

RETENTION = timedelta(days=14)


class PublishedStore:
    """Events taken lately, by source and id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, keys: Sequence[EventKey]) -> dict[EventKey, Became]:
        """Returns what those of these events that were taken before became."""
        if not keys:
            return {}
        async with self._database.transaction() as connection:
            rows = await connection.execute(
                statements.KNOWN_EVENTS, {"sources": [each.source for each in keys], "ids": [each.id for each in keys]}
            )
            return {EventKey(row.source, row.id): Became(Disposition(row.disposition), row.resource) for row in rows}

    async def remember(self, taken: Mapping[EventKey, Became]) -> set[EventKey]:
        """Notes what events became; returns those that nobody had noted before. Of two calls at once with one event, one gets it."""
        if not taken:
            return set()
        values = {
            "sources": [each.source for each in taken],
            "ids": [each.id for each in taken],
            "dispositions": [each.disposition.value for each in taken.values()],
            "resources": [each.resource for each in taken.values()],
        }
        async with self._database.transaction() as connection:
            return {EventKey(row.source, row.id) for row in await connection.execute(statements.REMEMBER_EVENTS, values)}

    async def forget(self) -> None:
        """Deletes what is older than the retention; such an event sent again is taken again, and changes nothing by its content."""
        async with self._database.transaction() as connection:
            await connection.execute(statements.FORGET_EVENTS, {"retention": RETENTION})
