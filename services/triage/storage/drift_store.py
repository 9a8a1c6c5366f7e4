"""Drifts under way, in PostgreSQL: an event for each that begins, however many replicas look."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from services.triage.domain.events import Event
from services.triage.storage.calibration_tables import drift
from shared.events.outbox import Outbox
from shared.storage.database import Database


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether a subject has drifted, and the event that tells of it: made of the number of drifts of this subject so far."""

    subject: str  # drifts/{feature}, or drifts/calibration
    drifted: bool
    begun: Callable[[int], Event]


class DriftStore:
    """Whether each subject had drifted when it was last looked at."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def note(self, seen: Sequence[Seen]) -> list[str]:
        """Notes what was seen, with an event for each drift that begins: all or nothing. Returns those subjects. Safe to repeat."""
        fresh = insert(drift).values([{"subject": each.subject, "drifted": False, "onsets": 0} for each in seen])
        # In the order of their names, so that two replicas wait for each other and never for good.
        locked = select(drift).order_by(drift.c.subject).with_for_update()
        async with self._database.transaction() as connection:
            await connection.execute(fresh.on_conflict_do_nothing())
            held = {row.subject: row for row in await connection.execute(locked)}
            changed = [each for each in seen if each.drifted != held[each.subject].drifted]
            for each in changed:
                values = {"drifted": each.drifted, "onsets": held[each.subject].onsets + each.drifted}
                await connection.execute(update(drift).where(drift.c.subject == each.subject).values(values))
            begun = [each for each in changed if each.drifted]
            await self._outbox.record(connection, [each.begun(held[each.subject].onsets + 1) for each in begun])
        return [each.subject for each in begun]
