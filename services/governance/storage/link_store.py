"""Single edges in PostgreSQL: looking at one, what people say of it, and those whose ends are awaited."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from services.governance.domain.arrival import Arrival
from services.governance.domain.correction import Judged
from services.governance.domain.errors import LinkNotFound, LinkUnusable
from services.governance.domain.lineage import Link, RecordedEdge, Standing
from services.governance.domain.relation import ACYCLIC
from services.governance.storage import statements
from services.governance.storage.record_store import RecordStore, prepared
from services.governance.storage.rows import edge_from_row
from shared.paging import Page, PageQuery
from shared.storage.database import Database

Judge = Callable[[RecordedEdge | None], tuple[Arrival, Judged]]
"""Says what becomes of an edge, and gives the event that records it. Raises where that may not be said."""

_LINK = text(
    """
    select edge.*, not (origin.is_known and target.is_known) as is_pending from lineage_edge edge
    join lineage_node origin on origin.name = edge.from_name join lineage_node target on target.name = edge.to_name
    where edge.from_name = :from_name and edge.to_name = :to_name and edge.relation = :relation
    """
)
_JUDGE = text(
    """
    update lineage_edge set confidence = :confidence, standing = :standing, version = :version
    where from_name = :from_name and to_name = :to_name and relation = :relation
    """
)
_LEADS_BACK = text(
    """
    with recursive walk(name) as (
        select cast(:to_name as text)
        union
        select edge.to_name from walk join lineage_edge edge on edge.from_name = walk.name
        where edge.relation = :relation and edge.standing not in ('DENIED', 'WITHDRAWN')
    )
    select exists (select 1 from walk where name = :from_name)
    """
)
# From the nodes that are awaited, of which there are few, and not from the edges.
_PENDING = """
    select edge.*, array_agg(awaited.name order by awaited.name collate "C") as awaited
    from lineage_node awaited join lineage_edge edge on awaited.name in (edge.from_name, edge.to_name)
    where not awaited.is_known and edge.standing not in ('DENIED', 'WITHDRAWN') and edge.create_time <= :before
    group by edge.from_name, edge.to_name, edge.relation
"""
_PENDING_PAGE = text(
    f"""
    select * from ({_PENDING}) edge
    where (ledger_sequence, from_name, to_name, relation) > (:sequence, :from_name, :to_name, :relation)
    order by ledger_sequence, from_name, to_name, relation limit :limit
    """  # noqa: S608 - a statement of this module
)
_PENDING_COUNT = text(
    f"""
    select count(*) as pending, count(*) filter (where create_time <= :overdue_before) as overdue from ({_PENDING}) edge
    """  # noqa: S608 - a statement of this module
)


@dataclass(frozen=True, slots=True)
class PendingLink:
    """An edge, and those of its ends whose own event has not come."""

    recorded: RecordedEdge
    awaited: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PendingCount:
    """How many edges are pending, and of these how many for longer than an event may take."""

    pending: int
    overdue: int


class LinkStore:
    """Edges, one at a time."""

    def __init__(self, database: Database, records: RecordStore) -> None:
        self._database = database
        self._records = records

    async def link(self, link: Link) -> RecordedEdge | None:
        async with self._database.transaction() as connection:
            row = (await connection.execute(_LINK, _key(link))).one_or_none()
        return None if row is None else edge_from_row(row, is_pending=row.is_pending)

    async def judge(self, link: Link, judge: Judge, now: datetime) -> RecordedEdge:
        """Records what is said of an edge and gives it its new state, all or nothing; returns it. Raises what `judge` raises.

        Holds the ledger's head first, as every append does: whoever took it after the edge would wait for one who waits for it.
        """
        async with self._database.transaction() as connection:
            await connection.execute(statements.LOCK_HEAD)
            arrival, outcome = judge(await self.link(link))
            if outcome.standing is not Standing.DENIED:
                await self.check_circle(link)
            await self._records.append(prepared([arrival]), now)
            values = {"confidence": outcome.confidence, "standing": outcome.standing.value, "version": outcome.version}
            await connection.execute(_JUDGE, _key(link) | values)
            found = await self.link(link)
        if found is None:
            raise LinkNotFound(link)
        return found

    async def check_circle(self, link: Link) -> None:
        """Raises LinkUnusable where an edge would close a circle of those that must not."""
        if link.relation not in ACYCLIC:
            return
        async with self._database.transaction() as connection:
            if (await connection.execute(_LEADS_BACK, _key(link))).scalar_one():
                rule = f"leads back to {link.from_name} by {link.relation.value} already; deny the edge that is wrong, then state this one"
                raise LinkUnusable("to_name", rule)

    async def pending(self, before: datetime, paging: PageQuery) -> Page[PendingLink]:
        """Returns edges recorded before a time that are pending and not denied, the first recorded first."""
        cursor = paging.cursor or ("0", "", "", "")
        place = {"sequence": int(cursor[0]), "from_name": cursor[1], "to_name": cursor[2], "relation": cursor[3]}
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(_PENDING_PAGE, place | {"before": before, "limit": paging.limit}))
        links = [PendingLink(edge_from_row(row, is_pending=True), tuple(row.awaited)) for row in rows]
        return paging.page(links, [(str(row.ledger_sequence), row.from_name, row.to_name, row.relation) for row in rows])

    async def pending_count(self, now: datetime, overdue_before: datetime) -> PendingCount:
        async with self._database.transaction() as connection:
            row = (await connection.execute(_PENDING_COUNT, {"before": now, "overdue_before": overdue_before})).one()
        return PendingCount(row.pending, row.overdue)


def _key(link: Link) -> dict[str, Any]:
    return {"from_name": link.from_name, "to_name": link.to_name, "relation": link.relation.value}
