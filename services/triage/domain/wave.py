"""Waves: what comes together, split where one bears on another, so that all of a wave can be done at once."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def waves(items: Sequence[Item], marks: Callable[[Item], set[Hashable]]) -> Iterator[list[Item]]:
    """Yields the items in their order, in as few lists as have no two items with a mark in common."""
    wave: list[Item] = []
    seen: set[Hashable] = set()
    for item in items:
        own = marks(item)
        if own & seen:
            yield wave
            wave, seen = [], set()
        wave.append(item)
        seen |= own
    if wave:
        yield wave
