"""Alerts in PostgreSQL: the batches of the alert path, lists, and what is done with them as they age."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy import Select, Table, select, text, tuple_, union_all

from services.intake.domain.alert import Alert
from services.intake.domain.errors import AlertNotFound
from services.intake.storage import statements
from services.intake.storage.alert_batch import AlertBatch, Contended
from services.intake.storage.rows import alert_from_row
from services.intake.storage.tables import alert, alert_history
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.storage.database import Database, raw

# Signals of a batch, counted at once; more in one statement would only keep its rows locked for longer.
_MOST_COUNTED = 5_000


class _TakenBack(Exception):
    """Ends a transaction that is to leave nothing."""


class AlertStore:
    """Alerts of all incidents, and those that are in none."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    @asynccontextmanager
    async def batch(self, now: datetime) -> AsyncIterator[AlertBatch]:
        """Opens a transaction of the alert path. Commits everything done through the batch, with its events, or nothing.

        Raises Contended when another transaction got in the way; it is then safe to start over.
        """
        try:
            async with self._database.transaction() as connection:
                yield AlertBatch(connection, self._outbox, now)
        except Exception as error:
            if _is_contention(error):
                raise Contended from error
            raise

    @asynccontextmanager
    async def trial(self, now: datetime) -> AsyncIterator[AlertBatch]:
        """Opens a transaction of the alert path of which nothing stays. Raises Contended as `batch` does."""
        with suppress(_TakenBack):
            async with self.batch(now) as batch:
                yield batch
                raise _TakenBack

    async def count_repeats(self, counts: Mapping[UUID, int], now: datetime) -> None:
        """Adds to how often these signals' current alerts were reported."""
        # In one order, so that two replicas that count the same alerts do not block each other for good.
        signals = sorted(counts)
        for begin in range(0, len(signals), _MOST_COUNTED):
            some = signals[begin : begin + _MOST_COUNTED]
            async with self._database.transaction() as connection:
                driver = await raw(connection)
                await driver.execute(statements.COUNT_REPEATS, some, [counts[each] for each in some], now)

    async def get(self, alert_id: UUID) -> Alert:
        """Returns an alert, current or past. Raises AlertNotFound."""
        statement = union_all(select(alert).where(alert.c.id == alert_id), select(alert_history).where(alert_history.c.id == alert_id))
        async with self._database.transaction() as connection:
            row = (await connection.execute(statement)).first()
        if row is None:
            raise AlertNotFound(f"alerts/{alert_id}")
        return alert_from_row(row)

    async def page(self, incident_id: UUID | None, query: PageQuery) -> Page[Alert]:
        """Returns a page of alerts, current and past, newest first."""

        def part(table: Table) -> "Select[tuple[object, ...]]":
            chosen = select(table).order_by(table.c.id.desc()).limit(query.limit)
            if incident_id is not None:
                chosen = chosen.where(table.c.incident_id == incident_id)
            if query.cursor:
                chosen = chosen.where(tuple_(table.c.id) < (UUID(query.cursor[0]),))
            return chosen

        merged = union_all(part(alert), part(alert_history)).subquery()
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(select(merged).order_by(merged.c.id.desc()).limit(query.limit)))
        return query.page([alert_from_row(row) for row in rows], [(str(row.id),) for row in rows])

    async def muted(self, after: UUID | None, limit: int) -> list[Alert]:
        """Returns muted alerts that fire, in the order of their ids, from after this one on."""
        statement = select(alert).where(alert.c.disposition == 2, alert.c.state == 1).order_by(alert.c.id).limit(limit)
        if after is not None:
            statement = statement.where(alert.c.id > after)
        async with self._database.transaction() as connection:
            return [alert_from_row(row) for row in await connection.execute(statement)]

    async def firing(self, after: UUID | None, limit: int) -> Sequence[tuple[UUID, UUID, str]]:
        """Returns (id, fingerprint, labels as JSON) of alerts that fire, in the order of their ids, from after this one on."""
        statement = select(alert.c.id, alert.c.fingerprint, alert.c.labels).where(alert.c.state == 1).order_by(alert.c.id).limit(limit)
        if after is not None:
            statement = statement.where(alert.c.id > after)
        async with self._database.transaction() as connection:
            return [(row.id, row.fingerprint, row.labels) for row in await connection.execute(statement)]

    async def mark_sources(self, inhibiting: Sequence[UUID], others: Sequence[UUID]) -> None:
        """Marks which of these signals' alerts may inhibit others, and which may not."""
        async with self._database.transaction() as connection:
            await connection.execute(_MARK, {"yes": list(inhibiting), "no": list(others)})

    async def archive(self, before: datetime, limit: int) -> int:
        """Moves alerts that ended before this to the history; returns how many, at most `limit`."""
        async with self._database.transaction() as connection:
            driver = await raw(connection)
            done = await driver.execute(statements.ARCHIVE, before, limit)
        return int(done.rpartition(" ")[2])


_MARK = text(
    """
    update alert set inhibits = fingerprint = any(cast(:yes as uuid[]))
    where fingerprint = any(cast(:yes as uuid[]) || cast(:no as uuid[])) and inhibits <> (fingerprint = any(cast(:yes as uuid[])))
    """
)


def _is_contention(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.UniqueViolationError)):
            return True
        error = error.__cause__ or getattr(error, "orig", None)
    return False
