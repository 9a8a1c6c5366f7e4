"""Conclusions as facts come in and are corrected: what the rules conclude now, and what they concluded and no longer do."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from services.governance.domain.drawing import Occurrence
from services.governance.domain.inference import concluded, lapse
from services.governance.domain.lineage import WITHDRAWN_BECAUSE, Edge, Link


class Conclusions:
    """What is held of occurrences, each by the earliest time that was told of it, and of the edges that were inferred from them.

    An occurrence told again at the same time or a later one changes nothing; at an earlier one it is corrected, and all that was
    concluded from it is concluded anew. So it does not matter in which order, or how many at once, events come.
    """

    def __init__(self, occurrences: Iterable[Occurrence], inferred: Iterable[Edge]) -> None:
        self._by_name: dict[str, dict[str, Occurrence]] = defaultdict(dict)
        self._by_component: dict[str, dict[str, Occurrence]] = defaultdict(dict)
        self._edges: dict[str, dict[Link, Edge]] = defaultdict(dict)  # by the name of either end
        for edge in inferred:
            self._keep(edge)
        for each in occurrences:
            self._take(each)

    def after(self, told: Iterable[Occurrence]) -> tuple[Edge, ...]:
        """Returns the edges that follow from what is told now, and those that no longer do, marked as withdrawn."""
        names = {each.name for each in told if self._take(each)}
        if not names:
            return ()
        own = [each for name in sorted(names) for each in self._by_name[name].values()]
        beside = [each for component in {each.component for each in own} for each in self._by_component[component].values()]
        found = {edge.link: edge for edge in concluded(own, [each for each in beside if each.name not in names])}
        edges = (*found.values(), *self._withdrawn(names, found))
        for edge in edges:
            self._keep(edge)
        return edges

    def _keep(self, edge: Edge) -> None:
        self._edges[edge.from_name][edge.link] = self._edges[edge.to_name][edge.link] = edge

    def _take(self, told: Occurrence) -> bool:
        """Returns whether something is known now that was not."""
        held = self._by_name[told.name].get(told.component)
        if held is not None and held.time <= told.time:
            return False
        self._by_name[told.name][told.component] = self._by_component[told.component][told.name] = told
        return True

    def _withdrawn(self, names: Iterable[str], found: Collection[Link]) -> Iterator[Edge]:
        held = {link: edge for name in sorted(names) for link, edge in self._edges[name].items()}
        for edge in held.values():
            if edge.link not in found and not edge.is_withdrawn:
                yield edge._replace(attributes={**edge.attributes, WITHDRAWN_BECAUSE: self._why(edge)})

    def _why(self, edge: Edge) -> str:
        """By the component that comes nearest to allowing it."""
        causes, effects = (self._by_name[name] for name in (edge.from_name, edge.to_name))
        lags = [effects[component].time - causes[component].time for component in sorted(causes.keys() & effects.keys())]
        return lapse(min(lags, key=abs)) if lags else "nothing is told any more of a component that both concern"
