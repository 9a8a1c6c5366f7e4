"""The record of severities that people gave, in PostgreSQL."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.triage.domain.human_override import OverrideRecord
from services.triage.domain.label import LabelSource, SeverityLabel
from services.triage.domain.severity import Severity
from services.triage.storage.label_store import drop_label, put_label
from services.triage.storage.tables import human_override
from shared.ids import new_id
from shared.paging import Page, PageQuery
from shared.storage.database import Database


class OverrideStore:
    """Reads the record; `add` writes to it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, incident: str, query: PageQuery) -> Page[OverrideRecord]:
        """Returns a page of records, newest first, of one incident or of all."""
        statement = select(human_override).order_by(human_override.c.id.desc()).limit(query.limit)
        if incident:
            statement = statement.where(human_override.c.incident == incident)
        if query.cursor:
            statement = statement.where(human_override.c.id < UUID(query.cursor[0]))
        async with self._database.transaction() as connection:
            rows: Sequence[Any] = list(await connection.execute(statement))
        return query.page([_from_row(row) for row in rows], [(str(row.id),) for row in rows])


async def add(connection: AsyncConnection, record: OverrideRecord) -> None:
    """Adds to the record, and to what calibration measures by, within the transaction that changes the assessment."""
    values = {
        "id": new_id(record.create_time),
        "incident": record.incident,
        "assessment_revision": record.assessment_revision,
        "assessed_severity": record.assessed_severity.value,
        "severity": record.severity.value if record.severity else None,
        "reason": record.reason,
        "author": record.author,
        "created_at": record.create_time,
    }
    await connection.execute(insert(human_override).values(values))
    if record.severity is None:
        await drop_label(connection, record.incident, LabelSource.OVERRIDE)
    else:
        said = (record.severity, record.reason, record.author, record.create_time)
        await put_label(connection, SeverityLabel(record.incident, LabelSource.OVERRIDE, *said))


def _from_row(row: Any) -> OverrideRecord:
    severity = Severity(row.severity) if row.severity else None
    return OverrideRecord(
        row.incident, row.assessment_revision, Severity(row.assessed_severity), severity, row.reason, row.author, row.created_at
    )
