"""Which versions are the newest of what incidents are judged by: asked in one go, as each assessment asks for all."""

from dataclasses import dataclass

from sqlalchemy import func, select

from services.triage.storage.catalogue_tables import catalogue_version
from services.triage.storage.tables import gating_rules, severity_matrix
from shared.storage.database import Database

_NEWEST = select(
    select(catalogue_version.c.version).scalar_subquery().label("catalogue"),
    select(func.max(severity_matrix.c.revision)).scalar_subquery().label("matrix"),
    select(func.max(gating_rules.c.revision)).scalar_subquery().label("gates"),
)


@dataclass(frozen=True, slots=True)
class Versions:
    """The newest version of each; None for one of which there is none yet."""

    catalogue: int
    matrix: int | None
    gates: int | None


class VersionStore:
    """The newest versions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self) -> Versions:
        async with self._database.transaction() as connection:
            row = (await connection.execute(_NEWEST)).one()
        return Versions(row.catalogue, row.matrix, row.gates)
