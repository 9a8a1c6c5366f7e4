"""Open incidents and how long those like them lasted, and what was escalated, in PostgreSQL."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert

from services.triage.domain.errors import AssessmentNotFound
from services.triage.domain.escalation import Escalation, OpenIncident, PastIncident
from services.triage.domain.estimate import Estimate
from services.triage.domain.events import EscalationDue
from services.triage.domain.incident import IncidentState
from services.triage.domain.severity import Severity
from services.triage.storage.tables import assessment, escalation
from shared.events.outbox import Outbox
from shared.ids import name_of, new_id, uuid_of
from shared.paging import Page, PageQuery
from shared.storage.database import Database

MOST_PAST = 1_000


class EscalationStore:
    """Reads what escalation looks at, and keeps what it found."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def open_incidents(self, after: str, limit: int) -> list[OpenIncident]:
        """Returns incidents that are not over, by name, from `after` on."""
        statement = _open().where(assessment.c.incident > after).order_by(assessment.c.incident).limit(limit)
        async with self._database.transaction() as connection:
            return [_open_from_row(row) for row in await connection.execute(statement)]

    async def open_incident(self, name: str) -> OpenIncident:
        """Returns one that is not over, by the assessment's name or its incident's. Raises AssessmentNotFound."""
        this = assessment.c.incident == name if name.startswith("incidents/") else assessment.c.id == uuid_of(name)
        async with self._database.transaction() as connection:
            row = (await connection.execute(_open().where(this))).first()
        if row is None:
            raise AssessmentNotFound(f"{name} of an incident that is not over")
        return _open_from_row(row)

    async def past(self, class_: str) -> list[PastIncident]:
        """Returns the latest incidents of a class, open ones among them; those merged into others do not count."""
        columns = (assessment.c.opened_at, assessment.c.resolved_at)
        statement = select(*columns).where(assessment.c.class_ == class_, ~assessment.c.merged)
        async with self._database.transaction() as connection:
            rows = await connection.execute(statement.order_by(assessment.c.opened_at.desc()).limit(MOST_PAST))
            return [PastIncident(row.opened_at, row.resolved_at) for row in rows]

    async def tell(self, found: Sequence[Escalation]) -> int:
        """Keeps escalations with their events, each target of an incident once; returns how many are new. Safe to repeat."""
        if not found:
            return 0
        rows = {(each.incident, each.target_at): each for each in found}
        statement = insert(escalation).values([_to_row(each) for each in rows.values()]).on_conflict_do_nothing()
        async with self._database.transaction() as connection:
            kept = await connection.execute(statement.returning(escalation.c.incident, escalation.c.target_at))
            told = [rows[row.incident, row.target_at] for row in kept]
            await self._outbox.record(connection, [EscalationDue(each) for each in told])
        return len(told)

    async def page(self, incident: str, query: PageQuery) -> Page[Escalation]:
        """Returns a page of escalations, newest first, of one incident or of all."""
        statement = select(escalation).order_by(escalation.c.id.desc()).limit(query.limit)
        if incident:
            statement = statement.where(escalation.c.incident == incident)
        if query.cursor:
            statement = statement.where(escalation.c.id < UUID(query.cursor[0]))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([_from_row(row) for row in rows], [(str(row.id),) for row in rows])


def _open() -> Select[Any]:
    row = assessment.c
    columns = (row.incident, row.id, row.class_, row.severity, row.opened_at, row.restore_target_seconds)
    return select(*columns).where(row.incident_state != IncidentState.RESOLVED.value, ~row.merged, row.restore_target_seconds.is_not(None))


def _open_from_row(row: Any) -> OpenIncident:
    target = timedelta(seconds=row.restore_target_seconds)
    return OpenIncident(row.incident, row.id, row.class_, Severity(row.severity), row.opened_at, target)


def _to_row(found: Escalation) -> dict[str, Any]:
    chance = found.miss_chance
    return {
        "id": new_id(found.create_time),
        "incident": found.incident,
        "target_at": found.target_at,
        "assessment_id": uuid_of(found.assessment),
        "severity": found.severity.value,
        "chance": chance.value,
        "chance_low": chance.low,
        "chance_high": chance.high,
        "history_count": chance.count,
        "censored_count": chance.censored_count,
        "cannot_tell": chance.cannot_tell,
        "reason": found.reason,
        "created_at": found.create_time,
    }


def _from_row(row: Any) -> Escalation:
    chance = Estimate(row.chance, row.history_count, row.censored_count, row.chance_low, row.chance_high, row.cannot_tell)
    name = name_of("assessments", row.assessment_id)
    return Escalation(row.incident, name, Severity(row.severity), row.target_at, chance, row.reason, row.created_at)
