"""Dependencies of components: whom a failing component needs, and who needs it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

DEPTH = 3  # how far a failure is followed unless said otherwise: beyond it, everything depends on everything
DEEPEST = 10
MOST_FOUND = 1000

Edges = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ComponentGraph:
    """Which component needs which, by id. May hold cycles, and components nobody described."""

    dependencies: Edges = field(default_factory=dict)
    dependents: Edges = field(default_factory=dict)

    def dependencies_of(self, component: str, depth: int = DEPTH) -> tuple[str, ...]:
        """Returns what the component needs, the nearest first and by id among equals, itself left out; at most 1,000."""
        return _reached(self.dependencies, component, depth)

    def dependents_of(self, component: str, depth: int = DEPTH) -> tuple[str, ...]:
        """Returns what needs the component, the nearest first and by id among equals, itself left out; at most 1,000."""
        return _reached(self.dependents, component, depth)


def graph_of(dependencies: Mapping[str, Iterable[str]]) -> ComponentGraph:
    """Returns the graph in which each component needs those given for it."""
    dependents: dict[str, set[str]] = {}
    for component, needed in dependencies.items():
        for each in needed:
            dependents.setdefault(each, set()).add(component)
    return ComponentGraph(
        {component: tuple(sorted(set(needed))) for component, needed in dependencies.items()},
        {component: tuple(sorted(needing)) for component, needing in dependents.items()},
    )


def _reached(edges: Edges, start: str, depth: int) -> tuple[str, ...]:
    found: dict[str, None] = {}
    layer = [start]
    for _ in range(min(depth, DEEPEST)):
        layer = sorted({far for near in layer for far in edges.get(near, ())} - found.keys() - {start})
        found.update(dict.fromkeys(layer[: MOST_FOUND - len(found)]))
        if not layer or len(found) >= MOST_FOUND:
            break
    return tuple(found)
