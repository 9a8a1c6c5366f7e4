"""What is known of incidents, in PostgreSQL."""

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from services.allocation.domain.incident import IncidentFact
from services.allocation.storage.rows import fact_from_row, fact_to_row
from services.allocation.storage.tables import incident_fact
from shared.storage.database import Database

_LOCK = text("select pg_advisory_xact_lock(hashtextextended(:incident, 7103))")


class IncidentStore:
    """The newest facts of each incident."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def replace(self, fact: IncidentFact) -> IncidentFact | None:
        """Holds `fact` unless a revision as new is held; returns what was held before. Safe to repeat.

        Facts of one incident take turns until the transaction ends.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK, {"incident": fact.incident})
            row = (await connection.execute(select(incident_fact).where(incident_fact.c.incident == fact.incident))).first()
            held = fact_from_row(row) if row else None
            if held is None or held.revision < fact.revision:
                values = fact_to_row(fact)
                rest = {name: value for name, value in values.items() if name != "incident"}
                await connection.execute(insert(incident_fact).values(values).on_conflict_do_update(index_elements=["incident"], set_=rest))
        return held
