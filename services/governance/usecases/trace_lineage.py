"""Tracing lineage: what led to a resource, and what it led to, page by page."""

from dataclasses import dataclass

from services.governance.domain.errors import LineageTooLarge, NodeNotFound
from services.governance.domain.lineage import LineageQuery, ReachedNode, RecordedEdge
from services.governance.storage.lineage_store import LineageStore
from shared.paging import PageQuery


@dataclass(frozen=True, slots=True)
class LineagePage:
    """Nodes by depth and name, and the edges between them or back to earlier pages."""

    nodes: tuple[ReachedNode, ...]
    edges: tuple[RecordedEdge, ...]
    next_page_token: str = ""


class TraceLineage:
    """Walks breadth first, in one statement whatever the depth; a walk never visits more than `walk_limit` nodes."""

    def __init__(self, store: LineageStore, walk_limit: int) -> None:
        self._store = store
        self._walk_limit = walk_limit

    async def __call__(self, query: LineageQuery, paging: PageQuery) -> LineagePage:
        """Raises NodeNotFound, LineageTooLarge. Each page walks anew, so that pages need no state in between."""
        after = (int(paging.cursor[0]), paging.cursor[1]) if paging.cursor else (-1, "")
        walked = await self._store.walk(query, after, paging.limit, self._walk_limit)
        if not walked.visited_count:
            raise NodeNotFound(query.name)
        if walked.visited_count > self._walk_limit:
            raise LineageTooLarge(self._walk_limit)
        page = paging.page(walked.nodes, [(str(each.depth), each.node.name) for each in walked.nodes])
        names = {each.node.name for each in page.items}
        shown = tuple(each for each in walked.edges if each.edge.from_name in names or each.edge.to_name in names)
        return LineagePage(page.items, shown, page.next_page_token)
