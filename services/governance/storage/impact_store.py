"""What is held of a decision and of what it touched, in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from services.governance.domain.lineage import Node, RecordedEdge
from services.governance.storage.rows import edge_from_row, node_from_row
from shared.storage.database import Database

_BEFORE = 4  # entries: a value is told beside the step it leads to
_NODE = text("select name, kind, title, is_known from lineage_node where name = :name and kind = 'decision'")
_LED_TO = text(
    """
    select edge.*, node.name, node.kind, node.title, node.is_known
    from lineage_edge edge join lineage_node node on node.name = edge.to_name
    where edge.from_name = :decision and edge.relation = :relation and edge.standing not in ('DENIED', 'WITHDRAWN')
    order by edge.ledger_sequence, edge.to_name limit :limit
    """
)
_LATER = text(
    """
    select edge.*, node.name, node.kind, node.title, node.is_known
    from unnest(cast(:items as text[]), cast(:sequences as bigint[])) as told(item, sequence)
    cross join lateral (
        select * from lineage_edge
        where to_name = told.item and relation = 'DISPLACES' and ledger_sequence > told.sequence and standing not in ('DENIED', 'WITHDRAWN')
        order by ledger_sequence desc limit :limit
    ) edge
    join lineage_node node on node.name = edge.from_name
    order by edge.ledger_sequence, node.name
    """
)
_INCIDENTS = text(
    """
    select distinct node.name, node.kind, node.title, node.is_known
    from lineage_edge weighed
    join lineage_edge assessed on assessed.to_name = weighed.from_name and assessed.relation = 'ASSESSED_BY'
        and assessed.standing not in ('DENIED', 'WITHDRAWN')
    join lineage_node node on node.name = assessed.from_name
    where weighed.to_name = :decision and weighed.relation = 'WEIGHED_IN' and weighed.standing not in ('DENIED', 'WITHDRAWN')
    order by node.name limit :limit
    """
)
_TOLD = text(
    """
    select told.name, entry.type, entry.payload from unnest(cast(:names as text[])) as told(name)
    cross join lateral (
        select type, payload from log_entry where subject = told.name and payload is not null order by sequence desc limit :limit
    ) entry
    """
)
_KPIS = text(
    """
    select distinct on (node.name) measured.from_name as measured_on, node.name, node.kind, node.title, node.is_known
    from (
        select unnest(cast(:names as text[])) as name
        union
        select to_name from lineage_edge
        where from_name = any(cast(:names as text[])) and relation = 'AFFECTS' and standing not in ('DENIED', 'WITHDRAWN')
    ) concerned
    join lineage_edge measured on measured.from_name = concerned.name and measured.relation = 'MEASURED_IN'
        and measured.standing not in ('DENIED', 'WITHDRAWN')
    join lineage_node node on node.name = measured.to_name
    order by node.name, measured.from_name limit :limit
    """
)
# On either side of where the decision stands in the ledger.
_VALUES = text(
    """
    with decided as (select min(sequence) as sequence from log_entry where subject = :decision)
    select told.name, entry.type, entry.payload, entry.is_since
    from unnest(cast(:names as text[])) as told(name) cross join decided cross join lateral (
        (select type, payload, true as is_since from log_entry
         where subject = told.name and sequence > decided.sequence and payload is not null order by sequence desc limit :limit)
        union all
        (select type, payload, false from log_entry
         where subject = told.name and sequence < decided.sequence and payload is not null order by sequence desc limit :before_limit)
    ) entry
    """
)


@dataclass(frozen=True, slots=True)
class Beside:
    """An edge, and the node at its far end."""

    recorded: RecordedEdge
    node: Node


@dataclass(frozen=True, slots=True)
class ToldValue:
    """The type and data of an entry about a resource, and whether it came after the decision."""

    name: str
    type: str
    payload: bytes
    is_since: bool


class ImpactStore:
    """Reads; what is told is of one moment for each method, not across them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def decision(self, name: str) -> Node | None:
        async with self._database.transaction() as connection:
            row = (await connection.execute(_NODE, {"name": name})).one_or_none()
        return None if row is None else node_from_row(row)

    async def led_to(self, decision: str, relation: str, limit: int) -> list[Beside]:
        values = {"decision": decision, "relation": relation, "limit": limit}
        async with self._database.transaction() as connection:
            rows = await connection.execute(_LED_TO, values)
            return [Beside(edge_from_row(row), node_from_row(row)) for row in rows]

    async def later(self, displaced: Sequence[RecordedEdge], limit: int) -> list[Beside]:
        """Returns the newest decisions that displaced each of the items after these edges were recorded, by when they were."""
        values = {
            "items": [each.edge.to_name for each in displaced],
            "sequences": [each.ledger_sequence for each in displaced],
            "limit": limit,
        }
        async with self._database.transaction() as connection:
            rows = await connection.execute(_LATER, values)
            return [Beside(edge_from_row(row), node_from_row(row)) for row in rows]

    async def incidents(self, decision: str, limit: int) -> list[Node]:
        async with self._database.transaction() as connection:
            return [node_from_row(row) for row in await connection.execute(_INCIDENTS, {"decision": decision, "limit": limit})]

    async def kpis(self, names: Sequence[str], limit: int) -> list[tuple[str, Node]]:
        """Returns the KPIs measured on these, or on components that these affect, each once and with one that it is measured on."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(_KPIS, {"names": list(names), "limit": limit})
            return [(row.measured_on, node_from_row(row)) for row in rows]

    async def values(self, decision: str, names: Sequence[str], limit: int) -> list[ToldValue]:
        """Returns the newest entries about each of the names after that of the decision, and the last few before, unless erased."""
        values = {"decision": decision, "names": list(names), "limit": limit, "before_limit": _BEFORE}
        async with self._database.transaction() as connection:
            rows = await connection.execute(_VALUES, values)
            return [ToldValue(row.name, row.type, row.payload, row.is_since) for row in rows]

    async def told(self, names: Sequence[str], limit: int) -> list[tuple[str, str, bytes]]:
        """Returns the newest entries about each of the names that still have their content: name, type and data."""
        async with self._database.transaction() as connection:
            rows = await connection.execute(_TOLD, {"names": list(names), "limit": limit})
            return [(row.name, row.type, row.payload) for row in rows]
