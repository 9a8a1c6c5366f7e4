"""Changes in PostgreSQL, and which incidents they are evidence of."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, TextClause, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.change import RECENT, Change, ChangeKind, Opening, recent_changes
from services.intake.domain.errors import ChangeNotFound
from services.intake.domain.events import ChangeReported
from services.intake.storage import signal_statements as statements
from services.intake.storage.signal_rows import change_from_row, change_to_row
from services.intake.storage.signal_tables import change
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.storage.database import Database

# A component that changes every minute would bury its incident's time-line.
MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class ChangeQuery:
    """Which changes to list; empty conditions hold for all."""

    components: tuple[str, ...] = ()
    kinds: tuple[ChangeKind, ...] = ()
    environment: str = ""
    started_from: datetime | None = None
    started_before: datetime | None = None


class ChangeStore:
    """Changes of all sources."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def merge(self, source: str, keys: Sequence[str], decide: Callable[[Mapping[str, Change]], Sequence[Change]]) -> None:
        """Stores what `decide` makes of the known changes of these keys, with an event for each, all or nothing.

        Reports of one source wait for each other, so that `decide` sees what the one before stored. Safe to repeat.
        """
        async with self._database.transaction() as connection:
            await connection.execute(statements.LOCK_NAME, {"name": f"changes of {source}"})
            rows = await connection.execute(select(change).where(change.c.source == source, change.c.key.in_(keys)))
            stored = decide({row.key: change_from_row(row) for row in rows})
            if stored:
                await _store(connection, stored)
                await self._outbox.record(connection, [ChangeReported(each) for each in stored])

    async def get(self, change_id: UUID) -> Change:
        """Raises ChangeNotFound."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(change).where(change.c.id == change_id))).first()
        if row is None:
            raise ChangeNotFound(f"changes/{change_id}")
        return change_from_row(row)

    async def page(self, query: ChangeQuery, paging: PageQuery) -> Page[Change]:
        """Returns a page of changes, the last begun first."""
        key = tuple_(change.c.started_at, change.c.id)
        statement = _filtered(query).order_by(change.c.started_at.desc(), change.c.id.desc()).limit(paging.limit)
        if paging.cursor:
            statement = statement.where(key < (datetime.fromisoformat(paging.cursor[0]), UUID(paging.cursor[1])))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return paging.page([change_from_row(row) for row in rows], [(row.started_at.isoformat(), str(row.id)) for row in rows])

    async def evidence(self, openings: Sequence[Opening], window: timedelta = RECENT) -> dict[UUID, list[Change]]:
        """Returns the changes that are evidence of each incident and that it was not told of yet, and notes that it is told now.

        For use within the transaction that opens the incidents, or holds their locks. One statement for all of them; where nothing
        changed of late that is all. At most 20 for an incident, the last begun. Changes that commit meanwhile are found by `untold_since`.
        """
        wanted = [(each, component) for each in openings for component in each.components]
        if not wanted:
            return {}
        values = {
            "incidents": [each.incident_id for each, _ in wanted],
            "components": [component for _, component in wanted],
            "openings": [each.opened_at for each, _ in wanted],
            "window": window,
            "since": min(each.opened_at for each, _ in wanted) - window,
        }
        async with self._database.transaction() as connection:
            pairs = {(row.incident_id, row.change_id) for row in await connection.execute(statements.RECENT_CHANGES, values)}
            if not pairs:
                return {}
            new = await _note(connection, sorted(pairs))
            rows = await connection.execute(select(change).where(change.c.id.in_({change_id for _, change_id in new})))
            changes = {row.id: change_from_row(row) for row in rows}
        told: dict[UUID, list[Change]] = defaultdict(list)
        for incident_id, change_id in new:
            told[incident_id].append(changes[change_id])
        return {
            each.incident_id: recent_changes(told[each.incident_id], each.components, each.opened_at, window)[:MOST_TOLD]
            for each in openings
            if each.incident_id in told
        }

    async def untold(self, ids: Sequence[UUID], window: timedelta = RECENT) -> list[tuple[UUID, Change]]:
        """Returns pairs of an unresolved incident and one of these changes that is evidence of it and that it was not told of.

        See `domain.change.recent_changes` for the rule.
        """
        return await self._untold(statements.UNTOLD_OF, {"ids": list(ids), "window": window})

    async def untold_since(self, at: datetime, window: timedelta = RECENT) -> list[tuple[UUID, Change]]:
        """Returns the same for all changes stored or altered since `at`, the last 10,000 of them at most."""
        return await self._untold(statements.UNTOLD_SINCE, {"since": at, "window": window})

    async def _untold(self, statement: TextClause, values: dict[str, object]) -> list[tuple[UUID, Change]]:
        async with self._database.transaction() as connection:
            return [(row.incident_id, change_from_row(row)) for row in await connection.execute(statement, values)]

    async def tell(self, incident_id: UUID, change_id: UUID) -> bool:
        """Notes that the incident, locked from here on, is told of the change; says no where it was already, or is over."""
        async with self._database.transaction() as connection:
            # The lock first: a batch of alerts holds it before it notes evidence, and the other way about they would block each other.
            if (await connection.execute(statements.LOCK_UNRESOLVED, {"id": incident_id})).first() is None:
                return False
            return bool(await _note(connection, [(incident_id, change_id)]))


async def _store(connection: AsyncConnection, stored: Sequence[Change]) -> None:
    statement = insert(change)
    altered = {column.name: statement.excluded[column.name] for column in change.columns if column.name not in {"id", "created_at"}}
    upsert = statement.on_conflict_do_update(index_elements=["id"], set_=altered)
    await connection.execute(upsert, [change_to_row(each) for each in stored])
    placed = [(component, each) for each in stored for component in each.components]
    if placed:
        values = {
            "components": [component for component, _ in placed],
            "ids": [each.id for _, each in placed],
            "starts": [each.started_at for _, each in placed],
            "ends": [each.over_at for _, each in placed],
        }
        await connection.execute(statements.PLACE_CHANGES, values)


async def _note(connection: AsyncConnection, pairs: Sequence[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    values = {"incidents": [incident for incident, _ in pairs], "changes": [told for _, told in pairs]}
    return {(row.incident_id, row.change_id) for row in await connection.execute(statements.NOTE_EVIDENCE, values)}


def _filtered(query: ChangeQuery) -> "Select[tuple[object, ...]]":
    statement = select(change)
    if query.components:
        statement = statement.where(change.c.components.overlap(list(query.components)))
    if query.kinds:
        statement = statement.where(change.c.kind.in_([each.value for each in query.kinds]))
    if query.environment:
        statement = statement.where(change.c.environment == query.environment)
    if query.started_from is not None:
        statement = statement.where(change.c.started_at >= query.started_from)
    if query.started_before is not None:
        statement = statement.where(change.c.started_at < query.started_before)
    return statement
