"""Incidents that are over, and what people said of them, in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, select
from sqlalchemy.dialects.postgresql import Insert, distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.triage.domain.calibration import Claim, Judged
from services.triage.domain.drift import Readings
from services.triage.domain.fitting import LabelledIncident
from services.triage.domain.incident import IncidentState
from services.triage.domain.label import ClosedIncident, LabelSource, SeverityLabel
from services.triage.domain.severity import Severity
from services.triage.domain.severity_chances import SeverityChances
from services.triage.storage.calibration_tables import closed_incident, severity_label
from services.triage.storage.model_rows import inputs_from_json, inputs_to_json
from services.triage.storage.tables import assessment
from shared.storage.database import Database

_LAST_FIRST = (closed_incident.c.ended_at.desc(), closed_incident.c.incident.desc())
# An incident that was opened again is not over: so it is asked where that is known, and events may come in any order.
_STILL_OVER = (
    assessment,
    (assessment.c.incident == closed_incident.c.incident) & (assessment.c.incident_state == IncidentState.RESOLVED.value),
)


def _close() -> Insert:
    statement = insert(closed_incident)
    kept = {column.name: statement.excluded[column.name] for column in closed_incident.columns if column.name != "incident"}
    return statement.on_conflict_do_update(index_elements=["incident"], set_=kept)


_CLOSE = _close()  # made once, as it runs with every incident that ends


@dataclass(frozen=True, slots=True)
class LabelQuery:
    """Which incidents that are over; empty conditions hold for all."""

    start: datetime | None = None  # ended then or later
    end: datetime | None = None  # ended before
    team: str = ""  # teams/{id}
    component: str = ""  # components/{id}
    weights_hash: str = ""  # what they were assessed by in the end


class LabelStore:
    """Keeps what triage said of incidents in the end, and the word of people on them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def close(self, closed: ClosedIncident) -> None:
        """Keeps an incident that is over, in place of what was kept of it. Safe to repeat."""
        async with self._database.transaction() as connection:
            await connection.execute(_CLOSE, _closed_to_row(closed))

    async def forget(self, incident: str) -> None:
        """Forgets that an incident was over by itself, as it was merged into another. Safe to repeat."""
        async with self._database.transaction() as connection:
            await connection.execute(delete(closed_incident).where(closed_incident.c.incident == incident))

    async def say(self, label: SeverityLabel) -> None:
        """Keeps the word of a person; an older one from the same place gives way. Safe to repeat."""
        async with self._database.transaction() as connection:
            await put_label(connection, label)

    async def judged(self, query: LabelQuery, limit: int) -> list[Judged]:
        """Returns what was said of labelled incidents, and what they turned out to be; those that ended last, oldest first."""
        columns = (closed_incident.c.assessed, closed_incident.c.chances, closed_incident.c.call_chance)
        return [_judged(row) for row in await self._labelled(query, limit, *columns)]

    async def labelled(self, query: LabelQuery, limit: int) -> list[LabelledIncident]:
        """Returns what the model looked at of labelled incidents, and what they turned out to be."""
        rows = await self._labelled(query, limit, closed_incident.c.inputs)
        return [LabelledIncident(row.incident, inputs_from_json(row.inputs), Severity(row.final)) for row in rows]

    async def newest_readings(self, limit: int) -> list[Readings]:
        """Returns what was looked at of the incidents that ended last, labelled or not, oldest first."""
        newest = select(closed_incident.c.inputs).join(*_STILL_OVER).order_by(*_LAST_FIRST)
        async with self._database.transaction() as connection:
            rows = (await connection.execute(newest.limit(limit))).scalars().all()
        return [inputs_from_json(row).readings for row in reversed(rows)]

    async def _labelled(self, query: LabelQuery, limit: int, *columns: ColumnElement[Any]) -> Sequence[Any]:
        final = _final_labels().subquery()
        statement = (
            select(closed_incident.c.incident, final.c.severity.label("final"), *columns)
            .join(final, final.c.incident == closed_incident.c.incident)
            .join(*_STILL_OVER)
            .where(*_conditions(query))
            .order_by(*_LAST_FIRST)
            .limit(limit)
        )
        async with self._database.transaction() as connection:
            return (await connection.execute(statement)).all()[::-1]


async def put_label(connection: AsyncConnection, label: SeverityLabel) -> None:
    """Keeps a label within the caller's transaction."""
    values = {
        "incident": label.incident,
        "source": label.source.value,
        "severity": label.severity.value,
        "reason": label.reason,
        "author": label.author,
        "labelled_at": label.labelled_at,
    }
    statement = insert(severity_label).values(values)
    newer = statement.excluded.labelled_at >= severity_label.c.labelled_at
    await connection.execute(statement.on_conflict_do_update(index_elements=["incident", "source"], set_=values, where=newer))


async def drop_label(connection: AsyncConnection, incident: str, source: LabelSource) -> None:
    """Takes a label back within the caller's transaction."""
    this = (severity_label.c.incident == incident) & (severity_label.c.source == source.value)
    await connection.execute(delete(severity_label).where(this))


def _final_labels() -> "Select[tuple[str, int]]":
    """The newest word on each incident, wherever it was said."""
    newest_first = (severity_label.c.incident, severity_label.c.labelled_at.desc(), severity_label.c.source)
    return select(severity_label.c.incident, severity_label.c.severity).ext(distinct_on(severity_label.c.incident)).order_by(*newest_first)


def _conditions(query: LabelQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.start:
        conditions.append(closed_incident.c.ended_at >= query.start)
    if query.end:
        conditions.append(closed_incident.c.ended_at < query.end)
    if query.team:
        conditions.append(closed_incident.c.teams.contains([query.team]))
    if query.component:
        conditions.append(closed_incident.c.components.contains([query.component]))
    if query.weights_hash:
        conditions.append(closed_incident.c.weights_hash == query.weights_hash)
    return conditions


def _judged(row: Any) -> Judged:
    return Judged(Claim(Severity(row.assessed), SeverityChances(tuple(row.chances)), row.call_chance), Severity(row.final))


def _closed_to_row(closed: ClosedIncident) -> dict[str, Any]:
    return {
        "incident": closed.incident,
        "ended_at": closed.ended_at,
        "teams": list(closed.teams),
        "components": list(closed.components),
        "inputs": inputs_to_json(closed.inputs),
        "assessed": closed.claim.assessed.value,
        "chances": list(closed.claim.chances.chances),
        "call_chance": closed.claim.call_chance,
        "model_version": closed.model_version,
        "weights_hash": closed.weights_hash,
        "matrix_revision": closed.matrix_revision,
        "assessment_revision": closed.assessment_revision,
    }
