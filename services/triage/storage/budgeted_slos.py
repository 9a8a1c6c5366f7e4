"""The SLOs whose budgets are kept, by name: each read anew only when it changed, for every budget asks for them."""

from collections.abc import Mapping

from sqlalchemy import select

from services.triage.domain.slo import Slo
from services.triage.storage.slo_imports import among
from services.triage.storage.slo_rows import slo_from_json
from services.triage.storage.slo_tables import slo
from shared.storage.database import Database


class BudgetedSlos:
    """Every SLO there is."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[int, Slo]] = {}

    async def all(self) -> Mapping[str, Slo]:
        """Returns every SLO. Costs one short row an SLO, and the whole of those that changed since they were last read here."""
        async with self._database.transaction() as connection:
            revisions = {row.name: row.revision for row in await connection.execute(select(slo.c.name, slo.c.revision))}
            stale = [name for name, revision in revisions.items() if self._known.get(name, (0,))[0] != revision]
            if stale:
                changed = await connection.execute(select(slo.c.name, slo.c.revision, slo.c.slo).where(slo.c.name == among(stale)))
                self._known |= {row.name: (row.revision, slo_from_json(row.slo)) for row in changed}
        self._known = {name: self._known[name] for name in revisions if name in self._known}
        return {name: found for name, (_, found) in self._known.items()}
