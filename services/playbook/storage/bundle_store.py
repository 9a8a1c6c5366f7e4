"""Bundles in PostgreSQL, as they are read."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, select

from services.playbook.domain.bundle import Bundle
from services.playbook.domain.errors import BundleNotFound
from services.playbook.storage.rows import bundle_from_row, file_from_row
from services.playbook.storage.tables import bundle, bundle_file
from shared.ids import uuid_of
from shared.paging import Page, PageQuery
from shared.storage.database import Database


@dataclass(frozen=True, slots=True)
class BundleQuery:
    """Which bundles to list; empty conditions hold for all."""

    incident: str = ""
    decision: str = ""
    template: str = ""


class BundleStore:
    """Bundles of all incidents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, bundle_id: UUID) -> Bundle:
        """Returns the bundle with its files, by path. Raises BundleNotFound."""
        files = select(bundle_file).where(bundle_file.c.bundle_id == bundle_id).order_by(bundle_file.c.path)
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(bundle).where(bundle.c.id == bundle_id))).first()
            if row is None:
                raise BundleNotFound(f"bundles/{bundle_id}")
            return bundle_from_row(row, tuple(file_from_row(each) for each in await connection.execute(files)))

    async def page(self, query: BundleQuery, paging: PageQuery) -> Page[Bundle]:
        """Returns a page of bundles without files, newest first."""
        statement = select(bundle).where(*_conditions(query)).order_by(bundle.c.position.desc()).limit(paging.limit)
        if paging.cursor:
            statement = statement.where(bundle.c.position < int(paging.cursor[0]))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return paging.page([bundle_from_row(row) for row in rows], [(str(row.position),) for row in rows])


def _conditions(query: BundleQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.incident:
        conditions.append(bundle.c.incident_id == uuid_of(query.incident))
    if query.decision:
        conditions.append(bundle.c.decision == query.decision)
    if query.template:
        conditions.append(bundle.c.template == query.template)
    return conditions
