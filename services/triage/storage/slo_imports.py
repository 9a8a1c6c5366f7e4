"""Importing SLO documents into PostgreSQL: what concerns an import is read, judged, and written in one transaction."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Table, Text, any_, cast, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.triage.domain.events import SloChanged
from services.triage.domain.openslo_kind import DATA_SOURCE, SLI, SLO
from services.triage.domain.slo_document import Key, StoredDocument, references
from services.triage.domain.slo_import import Held, ImportPlan, KeptSlo
from services.triage.storage.slo_rows import document_from_row, document_to_row, kept_from_row, kept_to_row
from services.triage.storage.slo_tables import slo, slo_document, slo_document_revision, slo_revision
from shared.events.outbox import Outbox
from shared.storage.database import Database

# Two imports at once could each resolve an SLO by what the other is about to change: they take turns.
LOCK = text("select pg_advisory_xact_lock(hashtextextended('slo', 7102))")
_MOVING = {SLI, DATA_SOURCE}  # kinds whose documents decide what an SLO that names them means


class SloImports:
    """Where imports are stored."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def apply(
        self, keys: Iterable[Key], wanted: Iterable[Key], plan: Callable[[Held], ImportPlan], *, validate_only: bool
    ) -> ImportPlan:
        """Stores what `plan` makes of what is held, with an event for each SLO that changed: all of it or nothing.

        `keys` are those of the documents imported, `wanted` those that they refer to. Safe to repeat where the plan is.
        """
        async with self._database.transaction() as connection:
            await connection.execute(LOCK)
            made = plan(await _held(connection, set(keys), set(wanted)))
            if not validate_only:
                await _write_documents(connection, made.changed_documents)
                await _write_slos(connection, made.changed_slos)
                await self._outbox.record(connection, [SloChanged(each.stored) for each in made.changed_slos])
        return made


async def _held(connection: AsyncConnection, keys: set[Key], wanted: set[Key]) -> Held:
    slos = await _slos(connection, slo.c.name == among(key.name for key in keys if key.kind == SLO))
    slos |= await _dependants(connection, {key for key in keys if key.kind in _MOVING})
    referred = {each.key for kept in slos.values() for each in references(kept.tree)}
    documents = await referred_documents(connection, keys | wanted | referred)
    return Held(documents, slos, await _last_revisions(connection, [key for key in keys if key.kind == SLO and key not in slos]))


async def _slos(connection: AsyncConnection, condition: ColumnElement[bool]) -> dict[Key, KeptSlo]:
    rows = await connection.execute(select(slo).where(condition))
    return {Key.of_name(row.name): kept_from_row(row) for row in rows}


async def _dependants(connection: AsyncConnection, moving: set[Key]) -> dict[Key, KeptSlo]:
    """Returns the SLOs that refer to these documents, directly or through an indicator."""
    if not moving:
        return {}
    sources = [key.name for key in moving if key.kind == DATA_SOURCE]
    through = select(slo_document.c.name).where(slo_document.c.kind == SLI, slo_document.c.refs.overlap(_texts(sources)))
    indicators = [row.name for row in await connection.execute(through)] if sources else []
    return await _slos(connection, slo.c.refs.overlap(_texts([*indicators, *(key.name for key in moving)])))


async def referred_documents(connection: AsyncConnection, keys: Iterable[Key]) -> dict[Key, StoredDocument]:
    """Returns these documents, and those they refer to, directly or through others, so far as they are held. SLOs are left out."""
    found: dict[Key, StoredDocument] = {}
    asked: set[Key] = set()
    # Three rounds at most: references lead from kind to kind, and never back.
    while wanted := {key for key in keys if key.kind != SLO} - asked:
        asked |= wanted
        rows = await connection.execute(select(slo_document).where(slo_document.c.name == among(key.name for key in wanted)))
        new = [document_from_row(row) for row in rows]
        found |= {each.key: each for each in new}
        keys = {ref.key for each in new for ref in references(each.tree)}
    return found


async def _last_revisions(connection: AsyncConnection, keys: Iterable[Key]) -> Mapping[Key, int]:
    names = among(key.name for key in keys)
    statement = select(slo_revision.c.name, func.max(slo_revision.c.revision).label("last")).where(slo_revision.c.name == names)
    rows = await connection.execute(statement.group_by(slo_revision.c.name))
    return {Key.of_name(row.name): row.last for row in rows}


async def _write_documents(connection: AsyncConnection, changed: Iterable[StoredDocument]) -> None:
    rows = [document_to_row(each) for each in changed]
    if rows:
        await connection.execute(_upsert(slo_document), rows)
        kept = [{name: value for name, value in row.items() if name in slo_document_revision.c} for row in rows]
        await connection.execute(insert(slo_document_revision), kept)


async def _write_slos(connection: AsyncConnection, changed: Iterable[KeptSlo]) -> None:
    rows = [kept_to_row(each) for each in changed]
    if rows:
        await connection.execute(_upsert(slo), rows)
        await connection.execute(insert(slo_revision), [revision_row(row, is_deleted=False) for row in rows])


def revision_row(row: Mapping[str, Any], *, is_deleted: bool) -> dict[str, Any]:
    """Returns a row of `slo` as one of `slo_revision`."""
    return {name: value for name, value in row.items() if name in slo_revision.c} | {"is_deleted": is_deleted}


def among(names: Iterable[str]) -> Any:
    """Returns what a name equals when it is one of these, however many they are."""
    return any_(_texts(names))


def _texts(names: Iterable[str]) -> Any:
    return cast(literal(sorted(names), ARRAY(Text)), ARRAY(Text))


def _upsert(table: Table) -> Any:
    statement = insert(table)
    rest = {column.name: statement.excluded[column.name] for column in table.columns if column.name != "name"}
    return statement.on_conflict_do_update(index_elements=["name"], set_=rest)
