"""Allocation policies in PostgreSQL: every revision there ever was."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.allocation.domain.errors import PolicyNotFound, PolicyRevisionNotFound
from services.allocation.domain.events import AllocationPolicyChanged
from services.allocation.domain.policy import AllocationPolicy, default_policy
from services.allocation.domain.team import DEFAULT_POLICY
from services.allocation.storage.rows import policy_from_row, policy_to_row
from services.allocation.storage.tables import allocation_policy
from shared.errors import Conflict
from shared.events.outbox import Outbox
from shared.paging import Page, PageQuery
from shared.principal import on_its_own
from shared.storage.database import Database
from shared.storage.etags import check_etag, etag_of

_LOCK = text("select pg_advisory_xact_lock(hashtextextended(:name, 7103))")


class PolicyStore:
    """Revisions of policies; the first one of the default policy is stored when it is first looked at."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def newest(self, name: str, now: datetime) -> AllocationPolicy:
        """Raises PolicyNotFound."""
        async with self._database.transaction() as connection:
            found = await _newest(connection, name)
            if found is None and name == DEFAULT_POLICY:
                await connection.execute(_LOCK, {"name": name})
                found = await _newest(connection, name)
                if found is None:
                    with on_its_own():
                        found = await self._add(connection, default_policy(now))
        if found is None:
            raise PolicyNotFound(name)
        return found

    async def next_revision(self, name: str, etag: str, now: datetime) -> int:
        """Returns the number of the revision that would follow. Raises Conflict as `add` does."""
        async with self._database.transaction() as connection:
            return await self._checked(connection, name, etag, now)

    async def get(self, name: str, revision: int) -> AllocationPolicy:
        """Raises PolicyRevisionNotFound."""
        chosen = (allocation_policy.c.name == name) & (allocation_policy.c.revision == revision)
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(allocation_policy).where(chosen))).first()
        if row is None:
            raise PolicyRevisionNotFound(name, revision)
        return policy_from_row(row)

    async def names(self) -> list[str]:
        """Returns the names of those stored."""
        async with self._database.transaction() as connection:
            return list((await connection.execute(select(allocation_policy.c.name).distinct())).scalars())

    async def page(self, name: str, query: PageQuery) -> Page[AllocationPolicy]:
        """Returns a page of revisions, newest first."""
        revision = allocation_policy.c.revision
        statement = select(allocation_policy).where(allocation_policy.c.name == name).order_by(revision.desc()).limit(query.limit)
        if query.cursor:
            statement = statement.where(revision < int(query.cursor[0]))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return query.page([policy_from_row(row) for row in rows], [(str(row.revision),) for row in rows])

    async def add(self, policy: AllocationPolicy, etag: str) -> AllocationPolicy:
        """Stores the policy as the next revision, with its event.

        Raises Conflict when the policy exists and `etag` is not that of its newest revision, or is empty.
        """
        async with self._database.transaction() as connection:
            revision = await self._checked(connection, policy.name, etag, policy.created_at)
            return await self._add(connection, replace(policy, revision=revision))

    async def _checked(self, connection: AsyncConnection, name: str, etag: str, now: datetime) -> int:
        await connection.execute(_LOCK, {"name": name})
        held = await self.newest(name, now) if name == DEFAULT_POLICY else await _newest(connection, name)
        revision = held.revision if held else 0
        if held and not etag:
            raise Conflict(
                f"{name} is at etag {etag_of(revision)}, and the request has none; read it, and send the etag you then see",
                metadata={"name": name, "etag": etag_of(revision)},
            )
        check_etag(name, revision, etag)
        return revision + 1

    async def _add(self, connection: AsyncConnection, policy: AllocationPolicy) -> AllocationPolicy:
        await connection.execute(insert(allocation_policy).values(policy_to_row(policy)))
        await self._outbox.record(connection, [AllocationPolicyChanged(policy)])
        return policy


async def _newest(connection: AsyncConnection, name: str) -> AllocationPolicy | None:
    statement = select(allocation_policy).where(allocation_policy.c.name == name).order_by(allocation_policy.c.revision.desc()).limit(1)
    row = (await connection.execute(statement)).first()
    return policy_from_row(row) if row else None
