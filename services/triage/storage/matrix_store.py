"""The severity matrix in PostgreSQL: every version it ever had."""

from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.triage.domain.errors import MatrixRevisionNotFound
from services.triage.domain.events import SeverityMatrixChanged
from services.triage.domain.severity_matrix import MatrixRevision, SeverityMatrix
from services.triage.storage.rows import matrix_from_row, matrix_to_row
from services.triage.storage.tables import severity_matrix
from shared.errors import Conflict
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.principal import SYSTEM
from shared.storage.database import Database
from shared.storage.etags import check_etag, etag_of

_NAME = "severityMatrix"
_LOCK = text("select pg_advisory_xact_lock(hashtextextended('severity_matrix', 7102))")


class MatrixStore:
    """Versions of the severity matrix; the first is `default`, stored when the matrix is first looked at."""

    def __init__(self, database: Database, outbox: Outbox, default: SeverityMatrix) -> None:
        self._database = database
        self._outbox = outbox
        self._default = default

    async def newest(self, now: datetime) -> MatrixRevision:
        """Returns the newest version; makes the first one, dated `now`, when there is none."""
        async with self._database.transaction() as connection:
            found = await _newest(connection)
            if found is None:
                await connection.execute(_LOCK)
                found = await _newest(connection) or await self._make(
                    connection, MatrixRevision(1, self._default, SYSTEM, "The default.", now)
                )
        return found

    async def get(self, revision: int) -> MatrixRevision:
        """Raises MatrixRevisionNotFound."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(severity_matrix).where(severity_matrix.c.revision == revision))).first()
        if row is None:
            raise MatrixRevisionNotFound(revision)
        return matrix_from_row(row)

    async def page(self, query: PageQuery) -> Page[MatrixRevision]:
        """Returns a page of versions, newest first."""
        statement = select(severity_matrix).order_by(severity_matrix.c.revision.desc()).limit(query.limit)
        if query.cursor:
            statement = statement.where(severity_matrix.c.revision < int(query.cursor[0]))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([matrix_from_row(row) for row in rows], [(str(row.revision),) for row in rows])

    async def replace(self, etag: str, made: MatrixRevision, *, validate_only: bool) -> MatrixRevision:
        """Makes `made` the newest version, with its event, or nothing; returns the newest when it already says the same.

        Raises Conflict when `etag` is not that of the version before it.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_LOCK)
            newest = await _newest(connection)
            assert newest is not None
            if not etag:
                raise Conflict(f"matrix.etag: is empty; read the matrix and send its etag, which is {etag_of(newest.revision)} now")
            check_etag(_NAME, newest.revision, etag)
            if newest.matrix == made.matrix:
                return newest
            return made if validate_only else await self._make(connection, made)

    async def _make(self, connection: AsyncConnection, made: MatrixRevision) -> MatrixRevision:
        await connection.execute(insert(severity_matrix).values(matrix_to_row(made)))
        await self._outbox.record(connection, [SeverityMatrixChanged(made)])
        return made


async def _newest(connection: AsyncConnection) -> MatrixRevision | None:
    newest = select(func.max(severity_matrix.c.revision)).scalar_subquery()
    row = (await connection.execute(select(severity_matrix).where(severity_matrix.c.revision == newest))).first()
    return None if row is None else matrix_from_row(row)
