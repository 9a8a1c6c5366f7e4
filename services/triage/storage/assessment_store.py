"""Assessments in PostgreSQL: one an incident, every revision readable."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, insert, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.triage.domain.assessment import Assessment, Finding, Occasion, revise
from services.triage.domain.errors import AssessmentNotFound
from services.triage.domain.events import AssessmentMade
from services.triage.domain.severity import Severity
from services.triage.storage.findings import assessment_from_row, assessment_to_row
from services.triage.storage.tables import assessment, assessment_revision
from shared.events.outbox import Outbox
from shared.ids import uuid_of
from shared.paging import Page, PageQuery
from shared.storage.database import Database

# One event of an incident at a time, also before it has a row that could be locked.
_LOCK = text("select pg_advisory_xact_lock(hashtextextended(:incident, 7102))")


@dataclass(frozen=True, slots=True)
class AssessmentQuery:
    """Which assessments to list; empty conditions hold for all."""

    severities: tuple[Severity, ...] = ()
    team: str = ""
    incident_states: tuple[int, ...] = ()


class AssessmentStore:
    """Assessments and their revisions."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def keep(self, finding: Finding, incident_version: int, occasion: Occasion) -> bool:
        """Keeps what was found at this version of the incident; returns False, and keeps nothing, when it holds a newer one.

        A new finding becomes a revision, stored with its event; the same finding again only moves the version held. Safe to repeat.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK, {"incident": finding.incident})
            row = (await connection.execute(_newest().where(assessment.c.incident == finding.incident))).first()
            if row is not None and row.incident_version > incident_version:
                return False
            held = None if row is None else assessment_from_row(row)
            after = revise(finding, held, occasion)
            await _write(connection, after, incident_version)
            if after is not held:
                await connection.execute(insert(assessment_revision).values(assessment_to_row(after)))
                previous = held.finding.verdict.severity if held else None
                await self._outbox.record(connection, [AssessmentMade(after, previous)])
        return True

    async def get(self, name: str, revision: int) -> Assessment:
        """Returns a revision, the newest for 0, by the assessment's name or its incident's. Raises AssessmentNotFound."""
        this = assessment.c.incident == name if name.startswith("incidents/") else assessment.c.id == _id(name)
        statement = (_at(revision) if revision else _newest()).where(this)
        async with self._database.transaction() as connection:
            row = (await connection.execute(statement)).first()
        if row is None:
            raise AssessmentNotFound(name, revision)
        return assessment_from_row(row)

    async def page(self, query: AssessmentQuery, paging: PageQuery) -> Page[Assessment]:
        """Returns a page of assessments at their newest revision, newest incident first."""
        key = tuple_(assessment.c.opened_at, assessment.c.id)
        statement = _newest().where(*_conditions(query)).order_by(assessment.c.opened_at.desc(), assessment.c.id.desc()).limit(paging.limit)
        if paging.cursor:
            statement = statement.where(key < (datetime.fromisoformat(paging.cursor[0]), UUID(paging.cursor[1])))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        cursors = [(row.opened_at.isoformat(), str(row.assessment_id)) for row in rows]
        return paging.page([assessment_from_row(row) for row in rows], cursors)


def _id(name: str) -> UUID:
    try:
        return uuid_of(name)
    except ValueError:
        raise AssessmentNotFound(name) from None


async def _write(connection: AsyncConnection, after: Assessment, incident_version: int) -> None:
    finding = after.finding
    values = {
        "incident": finding.incident,
        "incident_version": incident_version,
        "revision": after.revision,
        "severity": finding.verdict.severity.value,
        "incident_state": finding.state.value,
        "teams": list(finding.teams),
        "opened_at": finding.opened_at,
    }
    await connection.execute(upsert(assessment).values(id=after.id, **values).on_conflict_do_update(index_elements=["id"], set_=values))


def _newest() -> Select[Any]:
    return _joined(assessment_revision.c.revision == assessment.c.revision)


def _at(revision: int) -> Select[Any]:
    return _joined(assessment_revision.c.revision == revision)


def _joined(which: ColumnElement[bool]) -> Select[Any]:
    on = (assessment_revision.c.assessment_id == assessment.c.id) & which
    return select(assessment_revision, assessment.c.incident_version, assessment.c.opened_at).join_from(assessment, assessment_revision, on)


def _conditions(query: AssessmentQuery) -> Sequence[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.severities:
        conditions.append(assessment.c.severity.in_([severity.value for severity in query.severities]))
    if query.team:
        conditions.append(assessment.c.teams.contains([query.team]))
    if query.incident_states:
        conditions.append(assessment.c.incident_state.in_(query.incident_states))
    return conditions
