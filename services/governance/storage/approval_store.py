"""Approvals in PostgreSQL: each changed by one transaction at a time, with the events of its changes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, and_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.governance.domain.approval import COLLECTION, Approval, ApprovalState
from services.governance.domain.approval_life import Change, passed
from services.governance.domain.approval_verdict import Claim
from services.governance.domain.attestation import Attested, attested
from services.governance.domain.errors import ApprovalNotFound, ApprovalPending, ApprovalUnreadable
from services.governance.domain.events import ApprovalChanged, ApprovalRequested
from services.governance.storage.approval_conditions import ApprovalQuery, chosen
from services.governance.storage.approval_rows import approval_from_row, approval_to_row
from services.governance.storage.approval_tables import approval
from services.governance.storage.approval_told import NEAREST, OF_NAME, AskedRow, Witness, told_from_rows
from shared.events.outbox import Outbox
from shared.ids import name_of, uuid_of
from shared.paging import Page, PageQuery
from shared.storage.database import Database
from shared.storage.etags import check_etag

_log = structlog.get_logger(__name__)
_ONE_WAITS = ("subject", "kind", "digest", "team", "author_key")
_PENDING = approval.c.state == ApprovalState.PENDING.value
_WHERE_PENDING = text("state = 'PENDING'")  # as the index has it: PostgreSQL compares none with a parameter


@dataclass(frozen=True, slots=True)
class Opened:
    """An approval just asked for, as it was when it was opened, and what happened to it at once."""

    approval: Approval
    changes: tuple[Change, ...] = ()

    @property
    def newest(self) -> Approval:
        return self.changes[-1].approval if self.changes else self.approval


class ApprovalStore:
    """What was asked for, and where it stands."""

    def __init__(self, database: Database, outbox: Outbox, witness: Witness) -> None:
        self._database = database
        self._outbox = outbox
        self._witness = witness

    async def add(self, made: Opened, now: datetime) -> None:
        """Stores it, with its events. Raises ApprovalPending where another waits for exactly the same."""
        async with self._database.transaction() as connection:
            await self._check_free(connection, made.approval, now)
            while not await _insert(connection, made.newest):  # another came first meanwhile
                await self._check_free(connection, made.approval, now)
            events = [ApprovalRequested(made.approval), *(ApprovalChanged(each) for each in made.changes)]
            await self._outbox.record(connection, events)

    async def get(self, name: str) -> Approval:
        """Raises ApprovalNotFound, ApprovalUnreadable."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(approval).where(approval.c.id == uuid_of(name)))).first()
        if row is None:
            raise ApprovalNotFound(name)
        return approval_from_row(row)

    async def change(self, name: str, etag: str, act: Callable[[Approval], tuple[Change, ...]]) -> Approval:
        """Applies what `act` says to it, locked, with the events; returns it as it is then. Callers at once wait for each other.

        Raises ApprovalNotFound, Conflict when the etag is given and old, and what `act` raises.
        """
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(approval).where(approval.c.id == uuid_of(name)).with_for_update())).first()
            if row is None:
                raise ApprovalNotFound(name)
            before = approval_from_row(row)
            check_etag(name, before.version, etag)
            return await self._write(connection, before, act(before))

    async def pass_time(self, now: datetime, limit: int) -> int:
        """Does to up to `limit` approvals what time has done to them, with the events; returns how many. Replicas share the work."""
        due = select(approval).where(approval.c.due_at <= now).order_by(approval.c.due_at).limit(limit)
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(due.with_for_update(skip_locked=True)))
            found = [each for each in map(_readable, rows) if each]
            for before in found:
                await self._write(connection, before, passed(before, now))
        return len(found)

    async def page(self, query: ApprovalQuery, now: datetime, paging: PageQuery) -> Page[Approval]:
        """Returns a page of those that are so at `now`, newest first."""
        statement = select(approval).where(*chosen(query, now)).order_by(approval.c.id.desc()).limit(paging.limit)
        if paging.cursor:
            statement = statement.where(approval.c.id < UUID(paging.cursor[0]))
        async with self._database.transaction() as connection:
            found = [approval_from_row(row) for row in await connection.execute(statement)]
        return paging.page(found, [(str(each.id),) for each in found])

    async def latest(self, count: int) -> Sequence[Approval]:
        """Returns up to `count` approvals, newest first."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(select(approval).order_by(approval.c.id.desc()).limit(count))
            return [approval_from_row(row) for row in rows]

    async def nearest(self, claim: Claim, now: datetime) -> Attested | None:
        """Returns the approval that covers the claim, or comes nearest: of its digest, team and requester first, in force, newest.

        Compared with what was told of it.
        """
        if claim.approval:
            rows = await self._database.ask(OF_NAME, uuid_of(claim.approval))
        else:
            rows = await self._database.ask(NEAREST, claim.subject, claim.kind, claim.digest, claim.team, claim.requester, now)
        found = [AskedRow(each) for each in rows]
        if not found:
            return None
        name, told = name_of(COLLECTION, found[0].id), told_from_rows(found, self._witness)
        return attested(name, _readable(found[0]), self._witness.of, told)

    async def _check_free(self, connection: AsyncConnection, made: Approval, now: datetime) -> None:
        """Raises ApprovalPending where one waits for the same; one whose time is over makes room."""
        values = approval_to_row(made)
        same = and_(_PENDING, *(approval.c[name] == values[name] for name in _ONE_WAITS))
        row = (await connection.execute(select(approval).where(same).with_for_update())).first()
        if row is None:
            return
        waiting = await self._write(connection, before := approval_from_row(row), passed(before, now))
        if waiting.state is ApprovalState.PENDING:
            raise ApprovalPending(name_of(COLLECTION, waiting.id))

    async def _write(self, connection: AsyncConnection, before: Approval, changes: Sequence[Change]) -> Approval:
        if not changes:
            return before
        after = changes[-1].approval
        await connection.execute(update(approval).where(approval.c.id == after.id).values(approval_to_row(after)))
        await self._outbox.record(connection, [ApprovalChanged(each) for each in changes])
        return after


def _readable(row: Row[Any] | AskedRow) -> Approval | None:
    """One row that was altered keeps nobody from the others."""
    try:
        return approval_from_row(row)
    except ApprovalUnreadable as error:
        _log.error("the row of an approval was altered", approval=error.metadata["name"])
        return None


async def _insert(connection: AsyncConnection, made: Approval) -> bool:
    """Returns whether there was room: for exactly one thing, one approval waits at a time for each who wants it of a team."""
    statement = insert(approval).values(approval_to_row(made))
    free = statement.on_conflict_do_nothing(index_elements=_ONE_WAITS, index_where=_WHERE_PENDING)
    return (await connection.execute(free.returning(approval.c.id))).first() is not None
