"""Work records and their corrections in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, exists, or_, select, tuple_
from sqlalchemy import insert as plain_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.allocation.domain.errors import WorkAlreadyCorrected, WorkRecordNotFound
from services.allocation.domain.events import WorkCorrected, WorkRecorded
from services.allocation.domain.work import Categories, WorkClass, WorkGround, WorkRecord, check_record, check_work
from services.allocation.storage.roadmap_store import RoadmapStore
from services.allocation.storage.rows import record_from_row, record_name, record_to_row
from services.allocation.storage.tables import work_record
from shared.errors import BallastError
from shared.events.outbox import Outbox
from shared.ids import uuid_of
from shared.paging import Page, PageQuery
from shared.storage.database import Database

_again = work_record.alias("again")
_IS_CORRECTED = exists().where(_again.c.reverses == work_record.c.id).label("is_corrected")


@dataclass(frozen=True, slots=True)
class WorkQuery:
    """Which of a team's records; empty conditions hold for all. From `begin` up to but not including `end`."""

    team: str
    begin: datetime | None = None
    end: datetime | None = None
    member: str = ""
    classes: tuple[WorkClass, ...] = ()
    purpose: str = ""


class WorkStore:
    """Hours worked, by team."""

    def __init__(self, database: Database, outbox: Outbox, roadmap: RoadmapStore, categories: Categories) -> None:
        self._database = database
        self._outbox = outbox
        self._roadmap = roadmap
        self._categories = categories

    async def record(self, records: Sequence[WorkRecord], now: datetime) -> list[WorkRecord]:
        """Stores records, takes their hours off the roadmap items they name, and records the events: all or none.

        Not safe to repeat but by request_id. Raises what `check_work` raises.
        """
        async with self._database.transaction() as connection:
            items = await self._roadmap.ground(connection, {each.team for each in records}, {each.roadmap_item for each in records})
            check_work(records, frozenset(each.team for each in records), items, now, self._categories)
            await self._add(connection, records, now)
            await self._outbox.record(connection, [WorkRecorded(tuple(records), now)])
            await self._roadmap.work_on(connection, records, items, now)
        return list(records)

    async def take(self, team: str, records: Sequence[tuple[int, WorkRecord]], now: datetime) -> dict[int, BallastError]:
        """Stores the good ones of a team's records, each with its place in the request; returns why the others are not, by place.

        Not safe to repeat but by request_id. Raises TeamNotFound.
        """
        async with self._database.transaction() as connection:
            items = await self._roadmap.ground(connection, {team}, {record.roadmap_item for _, record in records})
            ground, refused, good = WorkGround(frozenset({team}), items, self._categories, now), dict[int, BallastError](), []
            for place, record in records:
                try:
                    check_record(f"records[{place}]", record, ground)
                    good.append(record)
                except BallastError as error:
                    refused[place] = error
            if good:
                await self._add(connection, good, now)
                await self._outbox.record(connection, [WorkRecorded(tuple(good), now)])
                await self._roadmap.work_on(connection, good, items, now)
        return refused

    async def correct(self, original: WorkRecord, reversal: WorkRecord, replacement: WorkRecord | None, now: datetime) -> None:
        """Stores what takes a record back and what stands in for it, with the event: all or none. The original stays as it is.

        Raises WorkAlreadyCorrected, and what `check_record` raises.
        """
        added = [reversal, replacement] if replacement else [reversal]
        async with self._database.transaction() as connection:
            items = await self._roadmap.ground(connection, {original.team}, {each.roadmap_item for each in added})
            await _check_open(connection, original)
            if replacement:
                check_record("replacement", replacement, WorkGround(frozenset({original.team}), items, self._categories, now))
            await self._add(connection, added, now)
            await self._outbox.record(connection, [WorkCorrected(original, reversal, replacement, now)])
            await self._roadmap.work_on(connection, added, items, now)

    async def get(self, team: str, name: str) -> WorkRecord:
        """Raises WorkRecordNotFound."""
        statement = select(work_record, _IS_CORRECTED).where(work_record.c.id == uuid_of(name), work_record.c.team == team)
        async with self._database.transaction() as connection:
            row = (await connection.execute(statement)).first()
        if row is None:
            raise WorkRecordNotFound(name)
        return record_from_row(row)

    async def page(self, query: WorkQuery, paging: PageQuery) -> Page[WorkRecord]:
        """Returns a page of a team's work records, newest first."""
        key = tuple_(work_record.c.worked_at, work_record.c.id)
        order = (work_record.c.worked_at.desc(), work_record.c.id.desc())
        statement = _chosen(query).order_by(*order).limit(paging.limit)
        if paging.cursor:
            statement = statement.where(key < (datetime.fromisoformat(paging.cursor[0]), UUID(paging.cursor[1])))
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statement))
        return paging.page([record_from_row(row) for row in rows], [(row.worked_at.isoformat(), str(row.id)) for row in rows])

    async def _add(self, connection: AsyncConnection, records: Sequence[WorkRecord], now: datetime) -> None:
        await connection.execute(plain_insert(work_record), [record_to_row(record) | {"created_at": now} for record in records])


def _chosen(query: WorkQuery) -> "Select[tuple[Any, ...]]":
    columns = work_record.c
    statement = select(work_record, _IS_CORRECTED).where(columns.team == query.team)
    if query.begin is not None:
        statement = statement.where(columns.worked_at >= query.begin)
    if query.end is not None:
        statement = statement.where(columns.worked_at < query.end)
    if query.member:
        statement = statement.where(columns.member == query.member)
    if query.classes:
        statement = statement.where(columns.work_class.in_([each.value for each in query.classes]))
    if query.purpose:
        statement = statement.where(
            or_(columns.incident == query.purpose, columns.roadmap_item == query.purpose, columns.category == query.purpose)
        )
    return statement


async def _check_open(connection: AsyncConnection, original: WorkRecord) -> None:
    """Raises WorkAlreadyCorrected for a record that counts no longer: its team stands still, so nobody corrects it meanwhile."""
    if original.reverses:
        raise WorkAlreadyCorrected(original.name, "")
    statement = select(work_record.c.id).where(work_record.c.reverses == uuid_of(original.name))
    if by := (await connection.execute(statement)).scalar_one_or_none():
        raise WorkAlreadyCorrected(original.name, record_name(by))
