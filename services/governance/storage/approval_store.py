"""Approvals in PostgreSQL: each changed by one transaction at a time, with the events of its changes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, case, desc, select, text, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.governance.domain.approval import COLLECTION, Approval, ApprovalState
from services.governance.domain.approval_life import Change, passed
from services.governance.domain.approval_verdict import Claim
from services.governance.domain.errors import ApprovalNotFound, ApprovalPending
from services.governance.domain.events import ApprovalChanged, ApprovalRequested
from services.governance.storage.approval_conditions import ApprovalQuery, chosen, in_force
from services.governance.storage.approval_rows import approval_from_row, approval_to_row
from services.governance.storage.approval_tables import approval
from shared.events.outbox import Outbox
from shared.ids import name_of, uuid_of
from shared.paging import Page, PageQuery
from shared.storage.database import Database
from shared.storage.etags import check_etag

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

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def add(self, made: Opened, now: datetime) -> None:
        """Stores it, with its events. Raises ApprovalPending where another waits for exactly the same."""
        async with self._database.transaction() as connection:
            await self._check_free(connection, made.approval, now)
            while not await _insert(connection, made.newest):  # another came first meanwhile
                await self._check_free(connection, made.approval, now)
            events = [ApprovalRequested(made.approval), *(ApprovalChanged(each) for each in made.changes)]
            await self._outbox.record(connection, events)

    async def get(self, name: str) -> Approval:
        """Raises ApprovalNotFound."""
        found = await self.find(name)
        if found is None:
            raise ApprovalNotFound(name)
        return found

    async def find(self, name: str) -> Approval | None:
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(approval).where(approval.c.id == uuid_of(name)))).first()
        return approval_from_row(row) if row else None

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
            for row in rows:
                before = approval_from_row(row)
                await self._write(connection, before, passed(before, now))
        return len(rows)

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

    async def nearest(self, claim: Claim, now: datetime) -> Approval | None:
        """Returns the approval that covers the claim, or comes nearest: of its digest, team and requester first, in force, newest."""
        if claim.approval:
            return await self.find(claim.approval)
        c = approval.c
        right_team = c.team == claim.team if claim.team is not None else true()
        right_requester = c.request["requester"].astext == claim.requester if claim.requester else true()
        wanted = (c.digest == claim.digest, right_team, right_requester, in_force(now))
        order = [desc(case((each, 1), else_=0)) for each in wanted]
        statement = select(approval).where(c.subject == claim.subject, c.kind == claim.kind).order_by(*order, c.id.desc()).limit(1)
        async with self._database.transaction() as connection:
            row = (await connection.execute(statement)).first()
        return approval_from_row(row) if row else None

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


async def _insert(connection: AsyncConnection, made: Approval) -> bool:
    """Returns whether there was room: for exactly one thing, one approval waits at a time for each who wants it of a team."""
    statement = insert(approval).values(approval_to_row(made))
    free = statement.on_conflict_do_nothing(index_elements=_ONE_WAITS, index_where=_WHERE_PENDING)
    return (await connection.execute(free.returning(approval.c.id))).first() is not None
