"""The access log in PostgreSQL."""

from collections.abc import Iterable
from dataclasses import astuple
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.governance.domain.access import DENIED_CODES, Access, AccessFilter, AccessKey, SeenPrincipal, hourly
from services.governance.storage import access_statements as statements
from services.governance.storage.access_statements import KEYS
from shared.paging import Page, PageQuery
from shared.storage.database import Database


class AccessStore:
    """Reads what `keep_accesses` wrote, and forgets what is old."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, wanted: AccessFilter, paging: PageQuery) -> Page[Access]:
        """Returns calls by key, the last made first. Without a time a page costs what it holds; with one, what the hours hold."""
        last, *keys = paging.cursor or ("", *("" for _ in KEYS))
        values = {**_values(wanted, paging, last), **dict(zip(KEYS, keys, strict=True))}
        statement = statements.NEXT_TOTALS if last else statements.FIRST_TOTALS
        async with self._database.transaction() as connection:
            rows = await connection.execute(statements.WITHIN if wanted.is_timed else statement, values)
            found = [_access(row) for row in rows]
        return paging.page(found, [(each.last.isoformat(), *astuple(each.key)) for each in found])

    async def principals(self, wanted: AccessFilter, paging: PageQuery) -> Page[SeenPrincipal]:
        """Returns who made such calls, the last seen first."""
        last, name = paging.cursor or ("", "")
        values = {**_values(wanted, paging, last), "principal": name}
        statement = statements.PRINCIPALS_WITHIN if wanted.is_timed else statements.PRINCIPALS
        async with self._database.transaction() as connection:
            found = [_principal(row) for row in await connection.execute(statement, values)]
        return paging.page(found, [(each.last.isoformat(), each.name) for each in found])

    async def forget(self, before: datetime) -> None:
        """Deletes what was counted for hours that began before."""
        async with self._database.transaction() as connection:
            await connection.execute(statements.FORGET, {"before": before})


async def keep_accesses(connection: AsyncConnection, accesses: Iterable[Access]) -> None:
    """Adds these to what is counted, in the caller's transaction. Not safe to repeat: the ledger knows what it took already."""
    hours = hourly(accesses)
    columns: dict[str, list[Any]] = {key: [getattr(each.key, key) for each in hours] for key in KEYS}
    columns |= {
        "hour": [each.hour for each in hours],
        "role": [each.role for each in hours],
        "count": [each.count for each in hours],
        "first_time": [each.first for each in hours],
        "last_time": [each.last for each in hours],
        "trace_id": [each.trace_id for each in hours],
    }
    if hours:
        await connection.execute(statements.KEEP, columns)


def _values(wanted: AccessFilter, paging: PageQuery, last: str) -> dict[str, Any]:
    return {
        "wanted_principal": wanted.principal,
        "wanted_method": wanted.method,
        "wanted_source": wanted.source,
        "outcome": wanted.outcome.value,
        "denied": list(DENIED_CODES),
        "begin": wanted.begin,
        "end": wanted.end,
        "last": datetime.fromisoformat(last) if last else None,
        "limit": paging.limit,
    }


def _access(row: Any) -> Access:
    key = AccessKey(*(getattr(row, name) for name in KEYS))
    return Access(key, row.role, row.count, row.first, row.last, row.trace_id)


def _principal(row: Any) -> SeenPrincipal:
    roles, sources = tuple(sorted(row.roles or ())), tuple(sorted(row.sources))
    return SeenPrincipal(row.principal, roles, sources, row.calls, row.denials, row.first, row.last)
