"""The lineage in PostgreSQL: walks, and the edges they go along."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.governance.domain.lineage import Direction, LineageQuery, ReachedNode, RecordedEdge
from services.governance.storage import lineage_statements as statements
from services.governance.storage.rows import edge_from_row, node_from_row
from shared.storage.database import Database


@dataclass(frozen=True, slots=True)
class Walked:
    """The nodes of a page and one more where there is one, in order; the edges between those a walk reached up to the end of the page; and
    how many nodes it visited.
    """

    nodes: tuple[ReachedNode, ...]
    edges: tuple[RecordedEdge, ...]
    visited_count: int


class LineageStore:
    """Nodes and edges as a walk meets them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def walk(self, query: LineageQuery, after: tuple[int, str], limit: int, walk_limit: int) -> Walked:
        """Walks breadth first until `limit` nodes after a position are reached, all that is to be had, or more than `walk_limit`.

        The last of `limit` nodes only tells that there are more, so its edges are left out. Nothing is reached where the name to begin
        at is not known.
        """
        values = _filter(query) | {
            "name": query.name,
            "downstream": query.direction is not Direction.UPSTREAM,
            "upstream": query.direction is not Direction.DOWNSTREAM,
            "kinds": [kind.value for kind in query.kinds],
            "max_depth": query.max_depth,
            "after_depth": after[0],
            "after_name": after[1],
            "page_limit": limit,
            "walk_limit": walk_limit,
        }
        async with self._database.transaction() as connection:
            rows = list(await connection.execute(statements.WALK, values))
            if not rows or rows[0].reached_count > walk_limit:
                return Walked((), (), rows[0].reached_count if rows else 0)
            on_page = [row for row in rows if row.is_on_page]
            told = rows[:-1] if len(on_page) == limit else rows
            edges = await _edges(connection, query, {row.name: row.is_known for row in told})
        nodes = tuple(ReachedNode(node_from_row(row), row.depth) for row in on_page)
        return Walked(nodes, tuple(edges), rows[0].reached_count)


async def _edges(connection: AsyncConnection, query: LineageQuery, known: Mapping[str, bool]) -> list[RecordedEdge]:
    """Returns the edges a walk may go along between nodes it reached, in the order they were recorded."""
    statement = statements.EDGES_BACK if query.direction is Direction.UPSTREAM else statements.EDGES_FORTH
    rows = await connection.execute(statement, _filter(query) | {"reached": list(known)})
    return [edge_from_row(row, is_pending=not (known[row.from_name] and known[row.to_name])) for row in rows]


def _filter(query: LineageQuery) -> dict[str, Any]:
    return {
        "relations": [each.value for each in query.relations],
        "least_confidence": query.least_confidence,
        "with_denied": query.with_denied,
    }
