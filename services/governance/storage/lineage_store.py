"""The lineage in PostgreSQL: what borders on what."""

from collections.abc import Sequence

from sqlalchemy import select

from services.governance.domain.errors import NodeNotFound
from services.governance.domain.lineage import Direction, LineageQuery, Node, RecordedEdge
from services.governance.storage import statements
from services.governance.storage.rows import edge_from_row, node_from_row
from services.governance.storage.tables import lineage_node
from shared.storage.database import Database


class LineageStore:
    """Nodes and edges."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def node(self, name: str) -> Node:
        """Raises NodeNotFound."""
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(lineage_node).where(lineage_node.c.name == name))).one_or_none()
        if row is None:
            raise NodeNotFound(name)
        return node_from_row(row)

    async def bordering(self, frontier: Sequence[str], query: LineageQuery, limit: int) -> list[Node]:
        """Returns up to `limit` nodes one step from the frontier, in no order, each once."""
        values = {
            "frontier": list(frontier),
            "downstream": query.direction is not Direction.UPSTREAM,
            "upstream": query.direction is not Direction.DOWNSTREAM,
            "any_kind": not query.kinds,
            "kinds": [kind.value for kind in query.kinds],
            "limit": limit,
        }
        async with self._database.transaction() as connection:
            return [node_from_row(row) for row in await connection.execute(statements.BORDERING, values)]

    async def edges_between(self, page: Sequence[str], reached: Sequence[str]) -> list[RecordedEdge]:
        """Returns the edges with one end in `page` and the other in `reached`, in the order they were recorded."""
        values = {"page": list(page), "reached": list(reached)}
        async with self._database.transaction() as connection:
            return [edge_from_row(row) for row in await connection.execute(statements.EDGES_BETWEEN, values)]
