"""Alerts in PostgreSQL: the batch path, and lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.alert import Alert, AlertReport, AlertState, KnownAlert
from services.intake.domain.incident import Incident, TimelineEntry
from services.intake.storage import statements
from services.intake.storage.rows import alert_from_row, entry_to_row, incident_from_row, incident_to_row
from services.intake.storage.tables import alert, incident, timeline_entry
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.storage.database import Database


@dataclass(frozen=True, slots=True)
class NewAlert:
    """An alert to be opened."""

    id: UUID
    incident_id: UUID
    report: AlertReport


class AlertBatch:
    """A batch under way: it holds the locks of its groups until the transaction ends."""

    def __init__(self, connection: AsyncConnection, outbox: Outbox, now: datetime) -> None:
        self._connection = connection
        self._outbox = outbox
        self._now = now

    async def known_alerts(self, fingerprints: Sequence[UUID]) -> dict[UUID, KnownAlert]:
        """Returns the newest alert of each signal that has one."""
        rows = await self._connection.execute(statements.NEWEST_ALERTS, {"fingerprints": list(fingerprints)})
        return {row.fingerprint: KnownAlert(row.id, row.incident_id, AlertState(row.state), row.starts_at, row.ends_at) for row in rows}

    async def open_incidents(self, keys: Sequence[str]) -> dict[str, Incident]:
        """Returns the open incident of each group that has one, locked."""
        rows = await self._connection.execute(statements.OPEN_INCIDENTS, {"keys": list(keys)})
        return {row.group_key: incident_from_row(row) for row in rows}

    async def incidents(self, ids: Sequence[UUID]) -> dict[UUID, Incident]:
        """Returns these incidents, locked."""
        rows = await self._connection.execute(statements.LOCK_INCIDENTS, {"ids": list(ids)})
        return {row.id: incident_from_row(row) for row in rows}

    async def open(self, source: str, new: Sequence[NewAlert]) -> None:
        if new:
            values = {
                "source": source,
                "now": self._now,
                "ids": [each.id for each in new],
                "incident_ids": [each.incident_id for each in new],
                "fingerprints": [each.report.fingerprint for each in new],
                "labels": [_json(each.report.labels) for each in new],
                "annotations": [_json(each.report.annotations) for each in new],
                "starts": [each.report.starts_at for each in new],
                "urls": [each.report.generator_url for each in new],
            }
            await self._connection.execute(statements.INSERT_ALERTS, values)

    async def repeat(self, told: Mapping[UUID, AlertReport]) -> None:
        if told:
            values = {
                "now": self._now,
                "ids": list(told),
                "labels": [_json(each.labels) for each in told.values()],
                "annotations": [_json(each.annotations) for each in told.values()],
                "urls": [each.generator_url for each in told.values()],
            }
            await self._connection.execute(statements.REPEAT_ALERTS, values)

    async def resolve(self, told: Mapping[UUID, AlertReport]) -> None:
        if told:
            values = {"now": self._now, "ids": list(told), "ends": [each.ends_at for each in told.values()]}
            await self._connection.execute(statements.RESOLVE_ALERTS, values)

    async def save(self, incidents: Sequence[Incident], entries: Sequence[TimelineEntry], events: Sequence[object]) -> None:
        """Stores incidents, new or changed, adds to their time-lines and records the events."""
        if incidents:
            statement = insert(incident)
            changed = {
                column.name: statement.excluded[column.name] for column in incident.columns if column.name not in {"id", "created_at"}
            }
            upsert = statement.on_conflict_do_update(index_elements=["id"], set_=changed)
            await self._connection.execute(upsert, [incident_to_row(each) for each in incidents])
        if entries:
            await self._connection.execute(insert(timeline_entry), [entry_to_row(each) for each in entries])
        await self._outbox.record(self._connection, events)


class AlertStore:
    """Alerts of all incidents."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    def batch(self, keys: Sequence[str], now: datetime) -> "_Batch":
        """Opens a transaction that alone works on these groups and keyed signals until it ends.

        Commits everything done through the batch, with its events, or nothing. Safe to repeat.
        """
        return _Batch(self._database, self._outbox, tuple(keys), now)

    async def page(self, incident_id: UUID | None, query: PageQuery) -> Page[Alert]:
        """Returns a page of alerts, newest first."""
        statement = select(alert).order_by(alert.c.id.desc()).limit(query.limit)
        if incident_id is not None:
            statement = statement.where(alert.c.incident_id == incident_id)
        if query.cursor:
            statement = statement.where(tuple_(alert.c.id) < (UUID(query.cursor[0]),))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([alert_from_row(row) for row in rows], [(str(row.id),) for row in rows])


class _Batch:
    def __init__(self, database: Database, outbox: Outbox, keys: tuple[str, ...], now: datetime) -> None:
        self._transaction = database.transaction()
        self._outbox = outbox
        self._keys = keys
        self._now = now

    async def __aenter__(self) -> AlertBatch:
        connection = await self._transaction.__aenter__()
        await connection.execute(statements.LOCK_GROUPS, {"keys": list(self._keys)})
        return AlertBatch(connection, self._outbox, self._now)

    async def __aexit__(self, *error: object) -> bool | None:
        return await self._transaction.__aexit__(*error)  # type: ignore[arg-type]  # as the protocol passes them


def _json(pairs: Mapping[str, str]) -> str:
    return orjson.dumps(dict(pairs)).decode()
