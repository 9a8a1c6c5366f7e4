"""Changes in PostgreSQL, and which incidents they are evidence of."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, select, tuple_
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
        changed of late that is all. Changes that commit meanwhile are found by `untold`.
        """
        wanted = [(each, component) for each in openings for component in each.components]
        if not wanted:
            return {}
        async with self._database.transaction() as connection:
            rows = await connection.execute(
                statements.RECENT_CHANGES,
                {
                    "incidents": [each.incident_id for each, _ in wanted],
                    "components": [component for _, component in wanted],
                    "openings": [each.opened_at for each, _ in wanted],
                    "window": window,
                    "since": min(each.opened_at for each, _ in wanted) - window,
                },
            )
            found: dict[UUID, dict[UUID, Change]] = defaultdict(dict)
            for row in rows:
                found[row.incident_id][row.id] = change_from_row(row)
            pairs = [(each, told) for each, changes in found.items() for told in changes]
            new = await _note(connection, pairs) if pairs else set()
        return {
            each.incident_id: recent_changes(
                [change for key, change in found[each.incident_id].items() if (each.incident_id, key) in new],
                each.components,
                each.opened_at,
                window,
            )
            for each in openings
            if any(incident == each.incident_id for incident, _ in new)
        }

    async def untold(self, since: datetime, ids: Sequence[UUID] | None = None, window: timedelta = RECENT) -> list[tuple[UUID, Change]]:
        """Returns pairs of an unresolved incident and a change, altered `since` then, that is evidence of it and that it was not told of.

        Of all such changes, or of these. See `domain.change.recent_changes` for the rule.
        """
        async with self._database.transaction() as connection:
            values = {"since": since, "ids": None if ids is None else list(ids), "window": window}
            return [(row.incident_id, change_from_row(row)) for row in await connection.execute(statements.UNTOLD, values)]

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
