"""Inhibit rules in PostgreSQL: every revision there ever was."""

from datetime import UTC, datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.errors import InhibitRulesNotFound
from services.intake.domain.inhibition import InhibitRules
from services.intake.domain.muting_events import InhibitRulesChanged
from services.intake.storage.mute_store import mutes_changed
from services.intake.storage.muting_rows import rules_from_row, rules_to_row
from services.intake.storage.muting_tables import inhibit_rules
from shared.errors import Conflict
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.storage.database import Database
from shared.storage.etags import check_etag, etag_of

NAME = "inhibitRules"
_NEVER_SET = InhibitRules(0, (), "", "", datetime.fromtimestamp(0, UTC))


class InhibitStore:
    """Revisions of the one set of inhibit rules."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def get(self, revision: int) -> InhibitRules:
        """Returns that revision, the newest for 0, which is an empty one where none was ever set. Raises InhibitRulesNotFound."""
        async with self._database.transaction() as connection:
            if not revision:
                return await _newest(connection)
            row = (await connection.execute(select(inhibit_rules).where(inhibit_rules.c.revision == revision))).first()
        if row is None:
            raise InhibitRulesNotFound(revision)
        return rules_from_row(row)

    async def page(self, query: PageQuery) -> Page[InhibitRules]:
        """Returns a page of revisions, newest first."""
        statement = select(inhibit_rules).order_by(inhibit_rules.c.revision.desc()).limit(query.limit)
        if query.cursor:
            statement = statement.where(inhibit_rules.c.revision < int(query.cursor[0]))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([rules_from_row(row) for row in rows], [(str(row.revision),) for row in rows])

    async def replace(self, made: InhibitRules, etag: str, *, validate_only: bool) -> InhibitRules:
        """Makes `made` the next revision, with its event; returns the newest when it already has these rules.

        With `validate_only` stores nothing. Raises Conflict when the etag is not that of the newest revision, or is missing.
        """
        async with self._database.transaction() as connection:
            if not validate_only:
                await mutes_changed(connection)
            newest = await _newest(connection)
            if newest.revision and not etag:
                raise Conflict(
                    f"{NAME} is at etag {etag_of(newest.revision)}, and the request has none; read it, and send the etag you then see",
                    metadata={"name": NAME, "etag": etag_of(newest.revision)},
                )
            check_etag(NAME, newest.revision, etag)
            if newest.revision and newest.rules == made.rules:
                return newest
            numbered = InhibitRules(newest.revision + 1, made.rules, made.author, made.reason, made.created_at)
            if not validate_only:
                await connection.execute(insert(inhibit_rules).values(rules_to_row(numbered)))
                await self._outbox.record(connection, [InhibitRulesChanged(numbered)])
        return numbered


async def _newest(connection: AsyncConnection) -> InhibitRules:
    row = (await connection.execute(select(inhibit_rules).order_by(inhibit_rules.c.revision.desc()).limit(1))).first()
    return rules_from_row(row) if row else _NEVER_SET
