"""Ladders: the points a feature gives along the rungs of its scale, so that the first rung to give enough is found in a microsecond."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import lru_cache

from services.triage.domain.model import Feature, on_grid
from services.triage.domain.scale import Scale


@dataclass(frozen=True, slots=True)
class Ladder:
    """The points at which something changes, rising, each with the first rung that gives it."""

    points: tuple[float, ...]
    rungs: tuple[int, ...]
    count: int  # of all rungs
    factor: float  # points for one unit of log-odds

    def first(self, least: float, base: float) -> int:
        """Returns the first rung that with `base` gives `least` points or more; `count` when none does.

        The sum is compared and not the difference, as the severity is found by the sum: so no rounding can tell them apart.
        """
        if base + self.points[0] >= least:
            return 0
        if base + self.points[-1] < least:
            return self.count
        return self.rungs[bisect_left(self.points, least, key=base.__add__)]


def ladder_of(feature: Feature, factor: float) -> Ladder:
    return _ladder(feature.least, feature.most, feature.scale, factor)


@lru_cache(maxsize=256)
def _ladder(least: float, most: float, scale: Scale, factor: float) -> Ladder:
    """Contributions lie on a grid of 1/1024, so however many rungs there are, there are few steps; some 20 ms for a million rungs."""

    def contribution(rung: int) -> float:
        return on_grid(least + (most - least) * scale.fraction(scale.rung(rung)))

    points, rungs, rung = [], [], 0
    while rung < scale.rungs:
        points.append(factor * contribution(rung))
        rungs.append(rung)
        rung = bisect_right(range(scale.rungs), contribution(rung), lo=rung, key=contribution)
    return Ladder(tuple(points), tuple(rungs), scale.rungs, factor)
