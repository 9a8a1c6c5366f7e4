"""When other services were last heard of, in PostgreSQL."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from services.allocation.storage.heard_tables import heard
from shared.storage.database import Database

# So many events a second are no reason to write as often: nobody asks for the minute.
_COARSE = timedelta(minutes=1)


class HeardStore:
    """The newest event of each service, by when it told it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, source: str, told_at: datetime) -> None:
        """Notes that a service told something then. Within a minute of the newest that is known, it stays as it was."""
        newer = update(heard).where(heard.c.source == source, heard.c.heard_at < told_at - _COARSE).values(heard_at=told_at)
        async with self._database.transaction() as connection:
            if not (await connection.execute(newer)).rowcount:
                await connection.execute(insert(heard).values(source=source, heard_at=told_at).on_conflict_do_nothing())

    async def newest(self, source: str) -> datetime | None:
        async with self._database.transaction() as connection:
            return (await connection.execute(select(heard.c.heard_at).where(heard.c.source == source))).scalar_one_or_none()
