"""All that mutes alerts, read at once, and the version that tells when to read it again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.inhibition import InhibitRules
from services.intake.domain.muting import Subject
from services.intake.storage.muting_rows import rules_from_row, silence_from_row, window_from_row
from services.intake.storage.muting_tables import inhibit_rules, maintenance_window, silence
from services.intake.storage.routing_tables import routing_version
from shared.storage.database import Database

MUTES = "mutes"
# What ended a moment ago still answers for an alert that comes late, and explains why one is no longer muted.
KEPT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class MuteInputs:
    """What a MuteSet is made of."""

    version: int
    subjects: tuple[Subject, ...]
    rules: InhibitRules | None


class MuteStore:
    """Silences, windows and inhibit rules, as the path of every alert needs them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self) -> int:
        """Returns the version; every change of what mutes adds to it in its own transaction."""
        async with self._database.transaction() as connection:
            return await _version(connection)

    async def load(self, now: datetime) -> MuteInputs:
        """Returns all that is in force or will be, and what ended within the last hour.

        The version is read first: a change between the two reads is then read again, where the other order would miss it.
        """
        async with self._database.transaction() as connection:
            version = await _version(connection)
            since = now - KEPT
            silences = await connection.execute(select(silence).where(silence.c.ends_at > since).order_by(silence.c.id))
            windows = await connection.execute(
                select(maintenance_window).where(maintenance_window.c.ends_at > since).order_by(maintenance_window.c.id)
            )
            rules = (await connection.execute(select(inhibit_rules).order_by(inhibit_rules.c.revision.desc()).limit(1))).first()
        subjects: list[Subject] = [silence_from_row(row) for row in silences]
        subjects += [window_from_row(row) for row in windows]
        return MuteInputs(version, tuple(subjects), rules_from_row(rules) if rules else None)


async def mutes_changed(connection: AsyncConnection) -> None:
    """Adds to the version, in the transaction of the change. Changes of what mutes wait for one another here."""
    mutes = routing_version.c.kind == MUTES
    await connection.execute(update(routing_version).where(mutes).values(version=routing_version.c.version + 1))


async def _version(connection: AsyncConnection) -> int:
    statement = select(routing_version.c.version).where(routing_version.c.kind == MUTES)
    return int((await connection.execute(statement)).scalar_one())
