"""What budgets know of incidents, and the duties raised, in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from services.triage.domain.budget_cause import BudgetCause
from services.triage.domain.budget_events import DutyArose
from services.triage.domain.budget_window import Span
from services.triage.domain.errors import BudgetIncidentNotFound
from services.triage.domain.incident_budget import BudgetIncident, Duty
from services.triage.domain.wave import waves
from services.triage.storage.budget_tables import budget_duty, budget_incident
from shared.events.outbox import Outbox
from shared.storage.database import Database


def _keep() -> ReturningInsert[tuple[str]]:
    statement = insert(budget_incident)
    upsert = statement.on_conflict_do_update(
        index_elements=["incident"],
        set_={column.name: statement.excluded[column.name] for column in budget_incident.columns if column.name != "incident"},
        where=budget_incident.c.version < statement.excluded.version,
    )
    return upsert.returning(budget_incident.c.incident)


_KEEP = _keep()  # made once, as it runs with every event of an incident


class BudgetIncidentStore:
    """Incidents by when they were open and whose they are."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def keep(self, incidents: Sequence[tuple[BudgetIncident, int]]) -> list[bool]:
        """Keeps incidents, each at its version, and says of each whether it did: not of one that is no newer than the one held.

        All or none. One may stand more than once: each is compared with the one before.
        """
        kept: list[bool] = []
        async with self._database.transaction() as connection:
            for wave in waves(incidents, lambda told: {told[0].name}):
                newer = {row.incident for row in await connection.execute(_KEEP, [_row(*each) for each in wave])}
                kept += [each.name in newer for each, _ in wave]
        return kept

    async def get(self, name: str) -> BudgetIncident:
        """Raises BudgetIncidentNotFound."""
        found = await self._find(budget_incident.c.incident == name)
        if not found:
            raise BudgetIncidentNotFound(name)
        return found[0]

    async def between(self, span: Span, components: Sequence[str] = ()) -> list[BudgetIncident]:
        """Returns the incidents open at some time of the span, of these components or of all, the oldest first."""
        columns = budget_incident.c
        conditions: list[ColumnElement[bool]] = [
            columns.opened_at < span.ends_at,
            or_(columns.ended_at.is_(None), columns.ended_at > span.starts_at),
        ]
        if components:
            conditions.append(columns.components.overlap(list(components)))
        return await self._find(*conditions)

    async def arise(self, duties: Sequence[Duty], now: datetime) -> list[Duty]:
        """Raises the duties that are new, each with its event, and returns them: once for each incident, or class and quarter."""
        raised = []
        async with self._database.transaction() as connection:
            for duty in duties:
                values = {
                    "slo": duty.slo,
                    "objective": duty.objective,
                    "kind": duty.kind.value,
                    "about": _about(duty, now),
                    "raised_at": now,
                }
                new = insert(budget_duty).values(values).on_conflict_do_nothing().returning(budget_duty.c.slo)
                if (await connection.execute(new)).first() is not None:
                    raised.append(duty)
            await self._outbox.record(connection, [DutyArose(duty, now) for duty in raised])
        return raised

    async def _find(self, *conditions: ColumnElement[bool]) -> list[BudgetIncident]:
        statement = select(budget_incident).where(*conditions).order_by(budget_incident.c.opened_at, budget_incident.c.incident)
        async with self._database.transaction() as connection:
            return [_incident(row) for row in await connection.execute(statement)]


def _row(incident: BudgetIncident, version: int) -> dict[str, Any]:
    return {
        "incident": incident.name,
        "version": version,
        "incident_class": incident.class_,
        "class_title": incident.class_title,
        "cause": incident.cause.value,
        "cause_ref": incident.cause_ref,
        "components": list(incident.components),
        "opened_at": incident.opened_at,
        "ended_at": incident.ended_at,
    }


def _about(duty: Duty, now: datetime) -> str:
    if duty.about.startswith("incidents/"):
        return duty.about
    return f"{now.year}Q{(now.month + 2) // 3} {duty.about}"


def _incident(row: Any) -> BudgetIncident:
    return BudgetIncident(
        name=row.incident,
        class_=row.incident_class,
        class_title=row.class_title,
        cause=BudgetCause(row.cause),
        cause_ref=row.cause_ref,
        components=tuple(row.components),
        opened_at=row.opened_at,
        ended_at=row.ended_at,
    )
