"""Tracing lineage: what led to a resource, and what it led to, page by page."""

from dataclasses import dataclass

from services.governance.domain.lineage import LineageQuery, ReachedNode, RecordedEdge, Walk
from services.governance.storage.lineage_store import LineageStore
from shared.paging import PageQuery


@dataclass(frozen=True, slots=True)
class LineagePage:
    """Nodes by depth and name, and the edges between them or back to earlier pages."""

    nodes: tuple[ReachedNode, ...]
    edges: tuple[RecordedEdge, ...]
    next_page_token: str


class TraceLineage:
    """Walks breadth first, one query a step; a walk never visits more than `walk_limit` nodes."""

    def __init__(self, store: LineageStore, walk_limit: int) -> None:
        self._store = store
        self._walk_limit = walk_limit

    async def __call__(self, query: LineageQuery, paging: PageQuery) -> LineagePage:
        """Raises NodeNotFound, LineageTooLarge. Each page walks anew, so that pages need no state in between."""
        after = (int(paging.cursor[0]), paging.cursor[1]) if paging.cursor else (-1, "")
        walk = Walk(await self._store.node(query.name), self._walk_limit)
        while walk.frontier and walk.depth < query.max_depth and walk.count_after(after) < paging.limit:
            # Besides fresh nodes, at most as many already seen can border: with one more than both, the walk is over its limit.
            walk.step(await self._store.bordering(walk.frontier, query, 2 * self._walk_limit + 1))
        return await self._page(walk, after, paging)

    async def _page(self, walk: Walk, after: tuple[int, str], paging: PageQuery) -> LineagePage:
        rest = walk.reached[len(walk.reached) - walk.count_after(after) :][: paging.limit]
        page = paging.page(rest, [(str(each.depth), each.node.name) for each in rest])
        names = [each.node.name for each in page.items]
        known = [each.node.name for each in walk.reached if not page.items or each.position <= page.items[-1].position]
        edges = await self._store.edges_between(names, known)
        return LineagePage(page.items, tuple(edges), page.next_page_token)
