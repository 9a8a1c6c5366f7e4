"""How far streams of reports were taken, in PostgreSQL."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from services.intake.domain.errors import StreamOfAnother
from services.intake.storage.tables import alert_stream
from shared.storage.database import Database


class StreamStore:
    """One row for each stream that may resume."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def taken(self, stream_id: UUID, source: str) -> int:
        """Returns the last batch taken. Raises StreamOfAnother."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(alert_stream).where(alert_stream.c.id == stream_id))).first()
        if row is not None and row.source != source:
            raise StreamOfAnother(str(stream_id), row.source)
        return row.sequence if row is not None else 0

    async def take(self, stream_id: UUID, source: str, sequence: int, now: datetime) -> None:
        """Notes a batch; a lower number than the one held changes nothing."""
        statement = insert(alert_stream).values(id=stream_id, source=source, sequence=sequence, updated_at=now)
        highest = func.greatest(alert_stream.c.sequence, statement.excluded.sequence)
        async with self._database.transaction() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"sequence": highest, "updated_at": now}))

    async def forget(self, before: datetime) -> None:
        """Deletes streams that took nothing since then."""
        async with self._database.transaction() as connection:
            await connection.execute(delete(alert_stream).where(alert_stream.c.updated_at < before))
