"""The layout of a graph in layers from left to right: every edge leads to a later layer, but for those that would close a circle.

The steps are Sugiyama's: break circles, assign layers by the longest path, let long edges pass through places of their own, order each
layer by the middle of its neighbours, and place it. Source: Sugiyama, Tagawa, Toda: Methods for visual understanding of hierarchical
system structures, IEEE Transactions on Systems, Man, and Cybernetics 11(2), 1981.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Pair = tuple[str, str]
_SWEEPS = 12
_GAP = 18.0  # between two of a layer
_PASSING = 14.0  # height of a place that an edge passes through


@dataclass(frozen=True, slots=True)
class Layout:
    """Layer and middle (from the top) of each node, and the places an edge passes through on its way, in its own direction."""

    layers: Mapping[str, int]
    middles: Mapping[str, float]
    passing: Mapping[Pair, Sequence[tuple[int, float]]]
    height: float


def layout_of(heights: Mapping[str, float], edges: Iterable[Pair]) -> Layout:
    """Places nodes of these heights; the same graph always gives the same layout. No edge may lead from a node to itself."""
    pairs = sorted(set(edges))
    forth = _without_circles(sorted(heights), pairs)
    layers = _layers(heights, forth.values())
    ways, sizes = {}, dict(heights)
    for pair, (begin, end) in forth.items():
        places = [f"\0{begin}\0{end}\0{layer}" for layer in range(layers[begin] + 1, layers[end])]
        ways[pair] = [begin, *places, end]
        sizes |= dict.fromkeys(places, _PASSING)
        layers |= {place: layers[begin] + number for number, place in enumerate(places, 1)}
    columns = _ordered(layers, [link for way in ways.values() for link in pairwise(way)])
    middles = _placed(columns, sizes, [link for way in ways.values() for link in pairwise(way)])
    top = min((middles[name] - sizes[name] / 2 for name in sizes), default=0.0)
    middles = {name: middle - top for name, middle in middles.items()}
    passing = {
        pair: [(layers[each], middles[each]) for each in (way[1:-1] if pair == (way[0], way[-1]) else way[-2:0:-1])]
        for pair, way in ways.items()
    }
    height = max((middles[name] + sizes[name] / 2 for name in sizes), default=0.0)
    return Layout({name: layers[name] for name in heights}, middles, passing, height)


def _without_circles(names: Sequence[str], pairs: Sequence[Pair]) -> dict[Pair, Pair]:
    """Returns each edge as it counts for the layers: turned round where it leads back to where the way to it began."""
    after: dict[str, list[str]] = defaultdict(list)
    has_before = {end for _, end in pairs}
    for begin, end in pairs:
        after[begin].append(end)
    back: set[Pair] = set()
    done: set[str] = set()
    for root in sorted(names, key=lambda name: (name in has_before, name)):
        trail, under_way = [(root, iter(after[root]))], {root}
        while trail and root not in done:
            name, rest = trail[-1]
            end = next(rest, "")
            if not end:
                done.add(name)
                under_way.discard(name)
                trail.pop()
            elif end in under_way:
                back.add((name, end))
            elif end not in done:
                under_way.add(end)
                trail.append((end, iter(after[end])))
    return {pair: (pair[1], pair[0]) if pair in back else pair for pair in pairs}


def _layers(names: Iterable[str], links: Iterable[Pair]) -> dict[str, int]:
    """As far left as what leads there allows; what nothing leads to stands right before the first it leads to."""
    after: dict[str, list[str]] = defaultdict(list)
    waits: dict[str, int] = dict.fromkeys(sorted(names), 0)
    for begin, end in links:
        after[begin].append(end)
        waits[end] += 1
    roots = [name for name, count in waits.items() if not count]
    layers, ready = dict.fromkeys(waits, 0), list(roots)
    while ready:
        name = ready.pop()
        for end in after[name]:
            layers[end] = max(layers[end], layers[name] + 1)
            waits[end] -= 1
            if not waits[end]:
                ready.append(end)
    for name in roots:
        if after[name]:
            layers[name] = min(layers[end] for end in after[name]) - 1
    return layers


def _ordered(layers: Mapping[str, int], links: Sequence[Pair]) -> list[list[str]]:
    columns: list[list[str]] = [[] for _ in range(max(layers.values(), default=-1) + 1)]
    for name in sorted(layers):
        columns[layers[name]].append(name)
    sides = _sides(links)
    for sweep in range(_SWEEPS):
        rightwards = sweep % 2 == 0
        row = {name: float(number) for column in columns for number, name in enumerate(column)}
        for column in columns if rightwards else reversed(columns):
            wanted = {name: _mean(sides[not rightwards][name], row, row[name]) for name in column}
            column.sort(key=lambda name: (wanted[name], row[name]))
            row |= {name: float(number) for number, name in enumerate(column)}
    return columns


def _sides(links: Sequence[Pair]) -> tuple[Mapping[str, list[str]], Mapping[str, list[str]]]:
    """Returns what leads to each, and what each leads to."""
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for begin, end in links:
        before[end].append(begin)
        after[begin].append(end)
    return before, after


def _placed(columns: Sequence[Sequence[str]], sizes: Mapping[str, float], links: Sequence[Pair]) -> dict[str, float]:
    """Gives each its middle: near those of its neighbours, in the order of its layer, and none over another."""
    middles: dict[str, float] = {}
    for column in columns:
        _spread(column, dict.fromkeys(column, 0.0), sizes, middles)
    before, after = _sides(links)
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            wanted = {name: _mean([*before[name], *after[name]], middles, middles[name]) for name in column}
            _spread(column, wanted, sizes, middles)
    return middles


def _spread(column: Sequence[str], wanted: Mapping[str, float], sizes: Mapping[str, float], middles: dict[str, float]) -> None:
    """Those that would overlap are put next to each other, and as a block in the mean of where they are wanted (pooling of neighbours)."""
    blocks: list[tuple[float, float, list[str]]] = []  # where its top is wanted, how high it is, and who is in it
    for name in column:
        size = sizes[name] + _GAP
        top, high, names = wanted[name] - size / 2, size, [name]
        while blocks and blocks[-1][0] + blocks[-1][1] > top:
            top_before, high_before, names_before = blocks.pop()
            count, count_before = len(names), len(names_before)
            top = (top_before * count_before + (top - high_before) * count) / (count + count_before)
            high, names = high + high_before, names_before + names
        blocks.append((top, high, names))
    for top, _, names in blocks:
        for name in names:
            middles[name] = top + (sizes[name] + _GAP) / 2
            top += sizes[name] + _GAP  # noqa: PLW2901 - the next one's


def _mean(names: Sequence[str], values: Mapping[str, float], otherwise: float) -> float:
    return sum(values[each] for each in names) / len(names) if names else otherwise
