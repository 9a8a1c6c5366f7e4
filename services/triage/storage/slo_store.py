"""SLOs in PostgreSQL: read at any revision, listed, deleted. What stores them is `slo_imports`."""

from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.triage.domain.errors import SloNotFound, SloRevisionNotFound
from services.triage.domain.events import SloChanged
from services.triage.domain.slo import StoredSlo
from services.triage.domain.slo_import import KeptSlo
from services.triage.storage.slo_imports import LOCK, revision_row
from services.triage.storage.slo_rows import kept_from_row, kept_to_row, slo_from_row
from services.triage.storage.slo_tables import slo, slo_revision
from services.triage.storage.tables import component
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.storage.database import Database
from shared.storage.etags import check_etag


class SloStore:
    """SLOs, by name."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def get(self, name: str, revision: int = 0) -> StoredSlo:
        """Returns the newest revision for 0. Raises SloNotFound, and SloRevisionNotFound where there was the SLO but not that."""
        async with self._database.transaction() as connection:
            if not revision:
                return (await _found(connection, name)).stored
            chosen = (slo_revision.c.name == name) & (slo_revision.c.revision == revision)
            row = (await connection.execute(select(slo_revision).where(chosen))).first()
            if row is None:
                await _check_known(connection, name)
                raise SloRevisionNotFound(name, revision)
        return slo_from_row(row)

    async def page(self, component_name: str, owner_team: str, query: PageQuery) -> Page[StoredSlo]:
        """Returns a page of SLOs by name: of one component, of the components one team owns, or of all."""
        statement = select(slo).order_by(slo.c.name).limit(query.limit)
        if component_name:
            statement = statement.where(slo.c.component == component_name)
        if owner_team:
            statement = statement.where(slo.c.component.in_(select(component.c.name).where(component.c.owner_team == owner_team)))
        if query.cursor:
            statement = statement.where(slo.c.name > query.cursor[0])
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([slo_from_row(row) for row in rows], [(row.name,) for row in rows])

    async def revisions(self, name: str, query: PageQuery) -> Page[tuple[StoredSlo, bool]]:
        """Returns a page of revisions, newest first, each with whether the SLO was deleted with it. Raises SloNotFound."""
        statement = select(slo_revision).where(slo_revision.c.name == name).order_by(slo_revision.c.revision.desc()).limit(query.limit)
        if query.cursor:
            statement = statement.where(slo_revision.c.revision < int(query.cursor[0]))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
            if not rows:
                await _check_known(connection, name)
        return query.page([(slo_from_row(row), row.is_deleted) for row in rows], [(str(row.revision),) for row in rows])

    async def delete(self, name: str, etag: str, author: str, now: datetime) -> StoredSlo:
        """Deletes an SLO with its event; its revisions stay. Raises SloNotFound, and Conflict when it is not at the etag."""
        async with self._database.transaction() as connection:
            await connection.execute(LOCK)
            before = await _found(connection, name)
            check_etag(name, before.stored.revision, etag)
            last = before.stored
            after = StoredSlo(last.slo, last.revision + 1, author, last.create_time, now)
            await connection.execute(delete(slo).where(slo.c.name == name))
            row = revision_row(kept_to_row(KeptSlo(after, before.tree)), is_deleted=True)
            await connection.execute(insert(slo_revision).values(row))
            await self._outbox.record(connection, [SloChanged(after, is_deleted=True)])
        return after


async def _found(connection: AsyncConnection, name: str) -> KeptSlo:
    row = (await connection.execute(select(slo).where(slo.c.name == name))).first()
    if row is None:
        raise SloNotFound(name)
    return kept_from_row(row)


async def _check_known(connection: AsyncConnection, name: str) -> None:
    """Raises SloNotFound for an SLO that there never was."""
    if (await connection.execute(select(slo_revision.c.name).where(slo_revision.c.name == name).limit(1))).first() is None:
        raise SloNotFound(name)
