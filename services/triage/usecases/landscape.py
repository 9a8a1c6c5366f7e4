"""The landscape of components: the graph of all of them in memory, read again only when the catalogue changed."""

import asyncio

from services.triage.domain.blast_radius import BlastRadius, blast_radius
from services.triage.domain.component_graph import ComponentGraph, Dependent
from services.triage.domain.dependency_cycle import Circle
from services.triage.storage.component_store import ComponentStore
from shared.paging import Page, PageQuery


class Landscape:
    """Who needs whom, as it is at the moment of each question. For one event loop; each replica holds its own."""

    def __init__(self, store: ComponentStore) -> None:
        self._store = store
        self._held: tuple[int, ComponentGraph] | None = None
        self._reading = asyncio.Lock()

    async def graph(self, known: int | None = None) -> ComponentGraph:
        """Returns the newest graph: one short question to the store, unless the catalogue changed. Not for use amid a change of it.

        Not even that where `known` is its newest version.
        """
        version = await self._store.version() if known is None else known
        if self._held is None or self._held[0] < version:
            async with self._reading:  # of many who find it old, one reads
                if self._held is None or self._held[0] < version:
                    self._held = await self._store.graph(*(self._held or ()))
        return self._held[1]

    @property
    def version(self) -> int:
        """Version of the graph last asked for; 0 when none was."""
        return self._held[0] if self._held else 0

    async def needed_by(self, name: str) -> list[str]:
        """Returns what a component needs, directly or through others; nothing for one that is not known."""
        graph = await self.graph()
        return [graph.names[place] for layer in graph.layers_below([name]) for place in layer.tolist()]

    async def blast_radius(self, name: str, deepest: int, paging: PageQuery) -> tuple[BlastRadius, Page[Dependent]]:
        """Returns the whole, and a page of it. Raises ComponentNotFound for a component neither described nor needed by any."""
        radius = blast_radius(await self.graph(), name, deepest)
        depth, after = paging.cursor or ("0", "")
        found = radius.after(int(depth), after, paging.limit)
        return radius, paging.page(found, [(str(each.depth), each.component.name) for each in found])

    async def circles(self, paging: PageQuery) -> Page[Circle]:
        """Returns a page of the cycles among dependencies, by their first member."""
        graph = await self.graph()
        after = paging.cursor[0] if paging.cursor else ""
        found = [each for each in graph.circles if each.members[0] > after][: paging.limit]
        return paging.page(found, [(each.members[0],) for each in found])
