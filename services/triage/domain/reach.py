"""Reaching through a graph of small numbers layer by layer: in Python where layers are narrow, by numpy where they are wide."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Layer = NDArray[np.int64]
Layers = tuple[Layer, ...]
"""What was reached by how far it is: the nearest first, and by number within each distance."""

_WIDE = 64  # places; from about there numpy's forty microseconds a layer are less than Python's loop


class Reach:
    """Edges between places 0 to n-1, ready to be followed. Ends on any graph, cycles or not."""

    def __init__(self, edges: Sequence[Sequence[int]]) -> None:
        """`edges` holds for each place where it leads."""
        self._edges = [tuple(each) for each in edges]
        self._begins: Layer = np.zeros(len(edges) + 1, np.int64)
        np.cumsum([len(each) for each in self._edges], out=self._begins[1:])
        self._ends: Layer = np.fromiter((place for each in self._edges for place in each), np.int64, int(self._begins[-1]))

    def layers(self, starts: Iterable[int], deepest: int = 0) -> Layers:
        """Returns what the starts lead to, themselves left out; up to this depth, 0 for all."""
        seen = bytearray(len(self._edges))
        layer: Layer = np.array(sorted(set(starts)), np.int64)
        np.frombuffer(seen, np.bool_)[layer] = True
        layers: list[Layer] = []
        while len(layer) and (not deepest or len(layers) < deepest):
            layer = self._wide(layer, seen) if len(layer) >= _WIDE else self._narrow(layer, seen)
            if len(layer):
                layers.append(layer)
        return tuple(layers)

    def _narrow(self, layer: Layer, seen: bytearray) -> Layer:
        found = sorted({far for near in layer.tolist() for far in self._edges[near] if not seen[far]})
        for place in found:
            seen[place] = True
        return np.array(found, np.int64)

    def _wide(self, layer: Layer, seen: bytearray) -> Layer:
        begins = self._begins[layer]
        counts = self._begins[layer + 1] - begins
        # The n-th edge of the layer is as far behind its place's first as it is behind those of the places before.
        offsets = np.repeat(begins - np.concatenate(([0], np.cumsum(counts)[:-1])), counts)
        reached = self._ends[offsets + np.arange(len(offsets))]
        known = np.frombuffer(seen, np.bool_)
        fresh = np.zeros(len(seen), np.bool_)
        fresh[reached] = True
        fresh &= ~known
        np.logical_or(known, fresh, out=known)
        return np.flatnonzero(fresh)
