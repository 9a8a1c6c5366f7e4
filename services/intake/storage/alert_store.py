"""Alerts in PostgreSQL: the batch path, and lists."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.alert import Alert, AlertReport, AlertState, KnownAlert
from services.intake.domain.incident import Incident, IncidentState, TimelineEntry
from services.intake.storage import statements
from services.intake.storage.rows import alert_from_row, incident_from_row, incident_to_row
from services.intake.storage.tables import alert, incident
from shared.events.outbox import Headers, Outbox
from shared.paging import Page, PageQuery
from shared.storage.database import Database
from shared.storage.requests import RequestIdReused, RequestKey, claim, keep


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
        """Returns the unresolved incident of each group that has one, locked; after a merge it may be that of several."""
        rows = await self._connection.execute(statements.CURRENT_INCIDENTS, {"keys": list(keys)})
        return {row.wanted_key: incident_from_row(row) for row in rows if row.state != IncidentState.RESOLVED}

    async def incidents(self, ids: Sequence[UUID]) -> dict[UUID, Incident]:
        """Returns these incidents, locked."""
        rows = await self._connection.execute(statements.LOCK_INCIDENTS, {"ids": list(ids)})
        return {row.id: incident_from_row(row) for row in rows}

    async def open(self, new: Sequence[NewAlert]) -> None:
        if new:
            values = {
                "now": self._now,
                "ids": [each.id for each in new],
                "incident_ids": [each.incident_id for each in new],
                "fingerprints": [each.report.fingerprint for each in new],
                "sources": [each.report.source for each in new],
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

    async def save(
        self, incidents: Sequence[Incident], entries: Sequence[TimelineEntry], events: Sequence[object], headers: Sequence[Headers]
    ) -> None:
        """Stores incidents, new or changed, adds to their time-lines and records the events, each with what caused it."""
        if incidents:
            statement = insert(incident)
            changed = {
                column.name: statement.excluded[column.name] for column in incident.columns if column.name not in {"id", "created_at"}
            }
            upsert = statement.on_conflict_do_update(index_elements=["id"], set_=changed)
            await self._connection.execute(upsert, [incident_to_row(each) for each in incidents])
        if new := [each for each in incidents if each.version == 1]:
            await self._connection.execute(
                statements.SET_CURRENT, {"keys": [each.group_key for each in new], "ids": [each.id for each in new]}
            )
        if entries:
            values = {
                "now": self._now,
                "ids": [each.id for each in entries],
                "incident_ids": [each.incident_id for each in entries],
                "times": [each.occurred_at for each in entries],
                "actors": [each.actor for each in entries],
                "kinds": [each.kind.value for each in entries],
                "texts": [each.text for each in entries],
            }
            await self._connection.execute(statements.ADD_ENTRIES, values)
        await self._outbox.record(self._connection, events, headers)

    async def claim(self, keys: Sequence[RequestKey]) -> "dict[UUID, bytes | RequestIdReused | None]":
        """See shared.storage.requests.claim."""
        return await claim(self._connection, keys)

    async def keep(self, answers: Mapping[UUID, bytes]) -> None:
        """See shared.storage.requests.keep."""
        await keep(self._connection, answers)


class AlertStore:
    """Alerts of all incidents."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    @asynccontextmanager
    async def batch(self, keys: Sequence[str], now: datetime) -> AsyncIterator[AlertBatch]:
        """Opens a transaction that alone works on the groups and keyed signals of these keys until it ends.

        Commits everything done through the batch, with its events, or nothing. Safe to repeat.
        """
        async with self._database.transaction() as connection:
            await connection.execute(statements.LOCK_GROUPS, {"keys": list(keys)})
            yield AlertBatch(connection, self._outbox, now)

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


def _json(pairs: Mapping[str, str]) -> str:
    return orjson.dumps(dict(pairs)).decode()
