"""SLO documents in PostgreSQL, read as they were imported: one, a list, or in the order of an export."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.triage.domain.errors import SloDocumentNotFound
from services.triage.domain.openslo_kind import SLO
from services.triage.domain.slo_document import Key, StoredDocument, references
from services.triage.storage.slo_imports import among, referred_documents
from services.triage.storage.slo_rows import document_from_row
from services.triage.storage.slo_tables import slo, slo_document, slo_document_revision, slo_revision
from shared.paging import Page, PageQuery
from shared.storage.database import Database

_TABLES = (slo_document, slo)  # in the order of an export: what others refer to first


class SloDocumentStore:
    """Documents of every kind, by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str, revision: int = 0) -> StoredDocument:
        """Returns the newest revision for 0. Raises SloDocumentNotFound."""
        is_slo = Key.of_name(name).kind == SLO
        table = (slo_revision if is_slo else slo_document_revision) if revision else (slo if is_slo else slo_document)
        statement = select(table).where(table.c.name == name)
        if revision:
            statement = statement.where(table.c.revision == revision)
        async with self._database.transaction() as connection:
            row = (await connection.execute(statement)).first()
        if row is None:
            raise SloDocumentNotFound(name, revision)
        return document_from_row(row)

    async def page(self, kind: str, query: PageQuery) -> Page[StoredDocument]:
        """Returns a page of documents of the kinds other than SLO, by kind and name."""
        statement = select(slo_document).order_by(slo_document.c.name).limit(query.limit)
        if kind:
            statement = statement.where(slo_document.c.kind == kind)
        if query.cursor:
            statement = statement.where(slo_document.c.name > query.cursor[0])
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([document_from_row(row) for row in rows], [(row.name,) for row in rows])

    async def export_page(self, names: Sequence[str], *, with_references: bool, query: PageQuery) -> Page[StoredDocument]:
        """Returns a page of these documents and what they refer to, or of all for no names; SLOs come last, each kind by name.

        Raises SloDocumentNotFound for a name that there is not.
        """
        async with self._database.transaction() as connection:
            chosen = await _chosen(connection, names, with_references=with_references) if names else None
            rows = await _rows(connection, chosen, query)
        return query.page(rows, [(each.key.name,) for each in rows])


async def _chosen(connection: AsyncConnection, names: Sequence[str], *, with_references: bool) -> set[str]:
    named = await _rows(connection, set(names), None)
    missing = sorted(set(names) - {each.key.name for each in named})
    if missing:
        raise SloDocumentNotFound(missing[0])
    if not with_references:
        return set(names)
    referred = await referred_documents(connection, {ref.key for each in named for ref in references(each.tree)})
    return {*names, *(key.name for key in referred)}


async def _rows(connection: AsyncConnection, names: set[str] | None, query: PageQuery | None) -> list[StoredDocument]:
    found: list[StoredDocument] = []
    for table in _TABLES:
        # The names of the other kinds begin with another collection, which sorts first: one cursor does for both tables.
        statement = select(table).order_by(table.c.name)
        if names is not None:
            statement = statement.where(table.c.name == among(names))
        if query and query.cursor:
            statement = statement.where(table.c.name > query.cursor[0])
        if query:
            statement = statement.limit(query.limit - len(found))
        found += [document_from_row(row) for row in await connection.execute(statement)]
    return found
