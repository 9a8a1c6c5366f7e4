"""Heartbeats in PostgreSQL: set by people, moved by beats, and claimed by whoever looks at those that are due."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, delete, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.heartbeat import Heartbeat, HeartbeatState, check_at
from services.intake.storage import signal_statements as statements
from services.intake.storage.signal_rows import heartbeat_from_row, heartbeat_to_row
from services.intake.storage.signal_tables import heartbeat
from shared.paging import Page, PageQuery
from shared.storage.database import Database

# Longer than any report takes; after a crash it is how long another replica waits before it goes on.
_LEASE = timedelta(seconds=30)
_PAUSE = timedelta(seconds=1)
_MOST = 500


class HeartbeatStore:
    """All heartbeats."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, heartbeat_id: str, decide: Callable[[Heartbeat | None], Heartbeat], now: datetime) -> Heartbeat:
        """Stores what `decide` makes of the heartbeat as it is known, in one transaction. Raises what `decide` raises."""
        async with self._database.transaction() as connection:
            await connection.execute(statements.LOCK_NAME, {"name": f"heartbeats/{heartbeat_id}"})
            known = await _locked(connection, [heartbeat_id])
            after = decide(known[0] if known else None)
            statement = insert(heartbeat).values(heartbeat_to_row(after, now))
            altered = {column.name: statement.excluded[column.name] for column in heartbeat.columns if column.name != "leased_until"}
            await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=altered))
        return after

    async def move(self, ids: Sequence[str], step: Callable[[Heartbeat], Heartbeat], now: datetime) -> list[Heartbeat]:
        """Applies `step` to each of these that exists, locked, and returns them after it; one transaction for all.

        `step` may alter what beats, reports and removal alter. Where nothing is left to report the lease ends, and what was removed
        is gone.
        """
        async with self._database.transaction() as connection:
            before = await _locked(connection, ids)
            after = [step(each) for each in before]
            await _move(connection, after, now)
            gone = [each.id for each in after if each.is_removed and each.firing_since is None]
            if gone:
                await connection.execute(delete(heartbeat).where(heartbeat.c.id.in_(gone)))
        return after

    async def find(self, heartbeat_id: str) -> Heartbeat | None:
        """Returns the heartbeat, though it be removed; None where there is none."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(heartbeat).where(heartbeat.c.id == heartbeat_id))).first()
        return heartbeat_from_row(row) if row is not None else None

    async def page(self, states: Sequence[HeartbeatState], now: datetime, paging: PageQuery) -> Page[Heartbeat]:
        """Returns a page of the heartbeats that stand so at `now`, by id."""
        statement = _present().order_by(heartbeat.c.id).limit(paging.limit)
        if states:
            statement = statement.where(or_(*(_stands(each, now) for each in states)))
        if paging.cursor:
            statement = statement.where(heartbeat.c.id > paging.cursor[0])
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return paging.page([heartbeat_from_row(row) for row in rows], [(row.id,) for row in rows])

    async def claim(self, now: datetime, ids: Sequence[str] | None = None) -> list[str]:
        """Leases up to 500 of these, or of all, that have to be looked at; nobody else gets them until they are settled."""
        async with self._database.transaction() as connection:
            values = {"now": now, "lease": _LEASE, "ids": None if ids is None else list(ids), "most": _MOST}
            return [row.id for row in await connection.execute(statements.CLAIM_HEARTBEATS, values)]

    async def put_off(self, ids: Sequence[str]) -> None:
        """Ends the leases of these a second from now, for another try."""
        async with self._database.transaction() as connection:
            await connection.execute(statements.RETRY_HEARTBEATS, {"pause": _PAUSE, "ids": list(ids)})

    async def next_check(self) -> datetime | None:
        """Returns when the next heartbeat has to be looked at; None when none has."""
        async with self._database.transaction() as connection:
            found: datetime | None = (await connection.execute(statements.NEXT_CHECK)).scalar_one()
            return found


async def _locked(connection: AsyncConnection, ids: Sequence[str]) -> list[Heartbeat]:
    # In one order, so that two batches with the same heartbeats wait for each other instead of blocking each other for good.
    statement = select(heartbeat).where(heartbeat.c.id.in_(ids)).order_by(heartbeat.c.id).with_for_update()
    return [heartbeat_from_row(row) for row in await connection.execute(statement)]


async def _move(connection: AsyncConnection, moved: Sequence[Heartbeat], now: datetime) -> None:
    if moved:
        checks = [check_at(each, now) for each in moved]
        values = {
            "ids": [each.id for each in moved],
            "beats": [each.last_beat_at for each in moved],
            "fires": [each.firing_since for each in moved],
            "told": [each.is_told for each in moved],
            "removed": [each.is_removed for each in moved],
            "overdue": [each.overdue_at for each in moved],
            "checks": checks,
            "settled": [check is None or check > now for check in checks],
        }
        await connection.execute(statements.MOVE_HEARTBEATS, values)


def _present() -> "Select[tuple[object, ...]]":
    return select(heartbeat).where(~heartbeat.c.is_removed)


def _stands(state: HeartbeatState, now: datetime) -> "and_.__class__":  # type: ignore[name-defined]
    """Returns the condition that `domain.heartbeat.state_of` gives this state."""
    paused, overdue = heartbeat.c.is_paused, heartbeat.c.overdue_at <= now
    if state is HeartbeatState.PAUSED:
        return paused
    if state is HeartbeatState.OVERDUE:
        return and_(~paused, overdue)
    beaten = heartbeat.c.last_beat_at.is_not(None)
    return and_(~paused, ~overdue, beaten if state is HeartbeatState.HEALTHY else ~beaten)
