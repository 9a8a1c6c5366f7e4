"""Drifts under way, in PostgreSQL: an event for each that begins, however many replicas look."""

from collections.abc import Callable

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from services.triage.domain.events import Event
from services.triage.storage.calibration_tables import drift
from shared.events.outbox import Outbox
from shared.storage.database import Database


class DriftStore:
    """Whether each subject had drifted when it was last looked at."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def note(self, subject: str, drifted: bool, begun: Callable[[int], Event]) -> bool:
        """Notes what was seen; returns whether a drift began with it, whose event is then recorded. Safe to repeat.

        `begun` makes the event, of the number of drifts of this subject so far.
        """
        async with self._database.transaction() as connection:
            fresh = insert(drift).values(subject=subject, drifted=False, onsets=0)
            await connection.execute(fresh.on_conflict_do_nothing())
            row = (await connection.execute(select(drift).where(drift.c.subject == subject).with_for_update())).one()
            begins = drifted and not row.drifted
            if drifted != row.drifted:
                values = {"drifted": drifted, "onsets": row.onsets + begins}
                await connection.execute(update(drift).where(drift.c.subject == subject).values(values))
            if begins:
                await self._outbox.record(connection, [begun(row.onsets + 1)])
        return begins
