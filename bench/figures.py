"""What repeated measurements say: medians with their spread, percentiles, ratios of paired rounds, and when a latency is normal again."""

import math
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

Item = TypeVar("Item")

# The CPU time of a process is read in ticks; work that shows none took up to one.
_TICK = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several rounds, and the least and most of them."""

    median: float
    least: float
    most: float

    def text(self, places: int = 0, unit: str = "") -> str:
        """Returns `median (least–most)` with so many decimal places."""
        return f"{self.median:,.{places}f}{unit} ({self.least:,.{places}f}–{self.most:,.{places}f})"


@dataclass(frozen=True, slots=True)
class Tail:
    """How long calls took, in seconds: half of them, 99 of 100, and the slowest."""

    count: int
    p50: float
    p99: float
    most: float

    def cells(self) -> tuple[str, str, str]:
        """Returns the three in milliseconds, as cells of a table."""
        return milliseconds(self.p50), milliseconds(self.p99), milliseconds(self.most)


@dataclass(slots=True)
class Rounds:
    """What the rounds of one load gave: items per second, and the CPU time each item took of those who were called."""

    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)  # seconds

    def add(self, items: int, seconds: float, cpu_seconds: float) -> None:
        self.rates.append(items / seconds)
        self.cpu.append(max(cpu_seconds, _TICK) / items)

    @property
    def rate(self) -> str:
        """The rate as a cell of a table."""
        return spread(self.rates).text()

    @property
    def cost(self) -> str:
        """The CPU time of an item as a cell of a table."""
        return f"{statistics.median(self.cpu) * 1e6:,.0f} µs"

    def data(self) -> dict[str, Spread]:
        return {"per_second": spread(self.rates), "cpu_seconds_each": spread(self.cpu)}


def spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))


def percentile(values: Sequence[float], share: float) -> float:
    """Returns the smallest value that at least `share` (0–1) of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def tail(seconds: Sequence[float]) -> Tail:
    return Tail(len(seconds), percentile(seconds, 0.5), percentile(seconds, 0.99), max(seconds))


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Returns the ratios of rounds that were measured right after each other: what drifts for both falls out."""
    return spread([one / other for one, other in zip(ours, theirs, strict=False)])


def in_turn(items: Sequence[Item], number: int) -> Sequence[Item]:
    """Returns the items in the order of this round: none is always first, as whoever follows another may find the machine busy."""
    first = number % len(items)
    return [*items[first:], *items[:first]]


def normal_after(probes: Sequence[tuple[float, float]], normal: float, window: int) -> float | None:
    """Returns the time of the first probe that took at most `normal`, as did the median of `window` from it on; None while none did.

    Probes are (time, latency) in seconds, in the order of time.
    """
    for first in range(len(probes) - window + 1):
        latencies = [latency for _, latency in probes[first : first + window]]
        if latencies[0] <= normal and statistics.median(latencies) <= normal:
            return probes[first][0]
    return None


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms"
