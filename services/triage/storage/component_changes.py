"""Changes of components in the transaction under way: rows, revisions, events and the catalogue's version, set-wise."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

import orjson
from sqlalchemy import any_, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text

from services.triage.domain.component import Change, StoredComponent
from services.triage.domain.events import ComponentChanged
from services.triage.storage.catalogue_tables import component_revision
from services.triage.storage.rows import component_from_row, component_to_row
from services.triage.storage.tables import component
from shared.events.outbox import Outbox
from shared.principal import current_principal_name

Tell = Callable[[int], None]

_EVENTS_AT_ONCE = 500  # so that the loop gets its turn between, and progress shows
# Two changes of the catalogue at once could each be without a cycle and together make one: they take turns.
_LOCK = text("select pg_advisory_xact_lock(hashtextextended('component', 7102))")
_BUMP = text("update catalogue_version set version = version + 1 returning version")
_COLUMNS = ", ".join(column.name for column in component.columns)
_KEPT = ", ".join(f"{column.name} = excluded.{column.name}" for column in component.columns if column.name not in {"name", "created_at"})
_WRITE = text(
    f"""
    with written as (
        insert into component ({_COLUMNS})
        select {_COLUMNS} from jsonb_populate_recordset(null::component, cast(:rows as jsonb))
        on conflict (name) do update set {_KEPT}
        returning component.*
    )
    insert into component_revision (name, revision, document, change, author, created_at, catalogue_version)
    select name, version, to_jsonb(written), :change, :author, updated_at, :version from written
    """  # noqa: S608 - column names of this schema
)
_DELETE = text(
    """
    with gone as (delete from component where name = :name returning *)
    insert into component_revision (name, revision, document, change, author, created_at, catalogue_version)
    select name, version + 1, to_jsonb(gone), :change, :author, :now, :version from gone
    """
)
NAMED = any_(bindparam("names", type_=ARRAY(Text())))


async def lock(connection: AsyncConnection) -> None:
    """Waits until no other change of components is under way; until the transaction ends, none begins."""
    await connection.execute(_LOCK)


async def known(connection: AsyncConnection, names: Sequence[str]) -> dict[str, StoredComponent]:
    """Returns those of the components that there are."""
    rows = await connection.execute(select(component).where(component.c.name == NAMED), {"names": list(names)})
    return {row.name: component_from_row(row) for row in rows}


async def changed_since(connection: AsyncConnection, version: int) -> set[str]:
    """Returns the components that changed after this version of the catalogue, deleted ones among them."""
    columns = component_revision.c
    return set((await connection.execute(select(columns.name).where(columns.catalogue_version > version))).scalars())


async def last_versions(connection: AsyncConnection, names: Sequence[str]) -> dict[str, int]:
    """Returns the last version of each of these components that ever was, deleted ones among them."""
    columns = component_revision.c
    statement = select(columns.name, func.max(columns.revision).label("last")).where(columns.name == NAMED).group_by(columns.name)
    return {row.name: row.last for row in await connection.execute(statement, {"names": list(names)})}


async def write(
    connection: AsyncConnection, outbox: Outbox, changed: Sequence[StoredComponent], change: Change, tell: Tell = lambda _: None
) -> None:
    """Writes components with their revisions and events. Call `lock` first. `tell` hears how many events are recorded."""
    if not changed:
        return
    rows = orjson.dumps([component_to_row(stored) for stored in changed], default=_plain).decode()
    await connection.execute(_WRITE, {"rows": rows} | await _cause(connection, change))
    for begin in range(0, len(changed), _EVENTS_AT_ONCE):
        part = changed[begin : begin + _EVENTS_AT_ONCE]
        await outbox.record(connection, [ComponentChanged(stored) for stored in part])
        tell(begin + len(part))


async def delete(connection: AsyncConnection, name: str, now: datetime) -> None:
    """Deletes a component and keeps what it was as a revision. Call `lock` first; the event is the caller's."""
    await connection.execute(_DELETE, {"name": name, "now": now} | await _cause(connection, Change.DELETED))


async def _cause(connection: AsyncConnection, change: Change) -> dict[str, object]:
    """Moves the version of the catalogue on, and returns what revisions say of how they came to be."""
    version = (await connection.execute(_BUMP)).scalar_one()
    return {"change": change.value, "author": current_principal_name(), "version": version}


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)  # as a text, which PostgreSQL reads into numeric without losing a digit
    raise TypeError(f"{type(value).__name__} has no place in a row")
