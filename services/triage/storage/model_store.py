"""Versions of the scoring model in PostgreSQL."""

from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert

from services.triage.domain.errors import ScoringModelNotFound
from services.triage.domain.model_version import ModelVersion
from services.triage.storage.calibration_tables import scoring_model
from services.triage.storage.model_rows import version_from_row, version_to_row
from shared.ids import id_of
from shared.paging import Page, PageQuery
from shared.storage.database import Database


class ModelStore:
    """Every version there ever was."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, version: ModelVersion) -> ModelVersion:
        """Stores a version, and returns it as it was stored first: a version is never changed. Safe to repeat."""
        statement = insert(scoring_model).values(version_to_row(version)).on_conflict_do_nothing()
        async with self._database.transaction() as connection:
            await connection.execute(statement)
            row = (await connection.execute(select(scoring_model).where(scoring_model.c.version == version.model.version))).one()
        return version_from_row(row)

    async def keep_in_force(self, version: ModelVersion) -> ModelVersion:
        """Stores the version that the software assesses by; one of the same name with other numbers gives way. Safe to repeat."""
        row = version_to_row(version)
        statement = insert(scoring_model).values(row)
        other = scoring_model.c.weights_hash != statement.excluded.weights_hash
        async with self._database.transaction() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=["version"], set_=row, where=other))
        return await self.get(version.name)

    async def get(self, name: str) -> ModelVersion:
        """Raises ScoringModelNotFound."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(scoring_model).where(scoring_model.c.version == id_of(name)))).first()
        if row is None:
            raise ScoringModelNotFound(name)
        return version_from_row(row)

    async def page(self, query: PageQuery) -> Page[ModelVersion]:
        """Returns a page of versions, newest first."""
        columns = scoring_model.c
        statement = select(scoring_model).order_by(columns.created_at.desc(), columns.version.desc()).limit(query.limit)
        if query.cursor:
            after = (datetime.fromisoformat(query.cursor[0]), query.cursor[1])
            statement = statement.where(tuple_(columns.created_at, columns.version) < after)
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([version_from_row(row) for row in rows], [(row.created_at.isoformat(), row.version) for row in rows])
