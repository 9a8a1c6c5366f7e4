"""Tiles (c2sp.org/tlog-tiles): how the hashes of a tree are kept, 256 side by side, so that a proof reads a handful of them.

Tile (0, n) has the hashes of leaves 256·n to 256·n + 255. A hash of tile (level, n) is that of the complete subtree over a whole tile
of the level below: only every eighth level of the tree is kept, those between are computed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.transparency.merkle import HASH_BYTES, Hash, Peaks, Range, Subtree, complete_root, complete_subtrees, joined

WIDTH = 256
_HEIGHT = 8  # levels of the tree within a tile

Tile = tuple[int, int]
"""Level and index of a tile."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the nodes stand from which a complete subtree is computed."""

    tile: Tile
    first: int
    count: int

    def hash_in(self, tile: bytes) -> Hash:
        """Raises ValueError where the tile does not reach that far."""
        part = tile[self.first * HASH_BYTES : (self.first + self.count) * HASH_BYTES]
        if len(part) != self.count * HASH_BYTES:
            raise ValueError(f"tile {self.tile[0]}/{self.tile[1]} has {len(tile) // HASH_BYTES} hashes, too few")
        return complete_root(split(part))


def split(hashes: bytes) -> list[Hash]:
    return [hashes[place : place + HASH_BYTES] for place in range(0, len(hashes), HASH_BYTES)]


def place_of(subtree: Subtree) -> Place:
    level, index = subtree
    above = level % _HEIGHT
    first = index << above
    return Place((level // _HEIGHT, first // WIDTH), first % WIDTH, 1 << above)


def length_of(tile: Tile, size: int) -> int:
    """Returns how many hashes a tile has in a tree of so many leaves."""
    level, index = tile
    return min(max((size >> _HEIGHT * level) - index * WIDTH, 0), WIDTH)


def tiles_of(ranges: Sequence[Range]) -> set[Tile]:
    """Returns the tiles from which the hashes over these ranges of leaves are computed."""
    return {place_of(subtree).tile for each in ranges for subtree in complete_subtrees(*each)}


def range_hash(each: Range, tiles: Mapping[Tile, bytes]) -> Hash:
    """Returns the hash over a range of leaves that is a node of a tree. Raises KeyError or ValueError where tiles are missing."""
    places = [place_of(subtree) for subtree in complete_subtrees(*each)]
    return joined([place.hash_in(tiles[place.tile]) for place in places])


@dataclass(frozen=True, slots=True)
class Growth:
    """What a tree that grew adds to its tiles: to each the place where it goes on, and the hashes from there."""

    peaks: Peaks
    added: Mapping[Tile, bytes]

    def above(self) -> Iterator[tuple[Tile, bytes]]:
        """Yields what is added above the leaves."""
        return ((tile, hashes) for tile, hashes in self.added.items() if tile[0])


def grown(peaks: Peaks, leaves: Sequence[Hash]) -> Growth:
    """Returns the tree with these leaves after its own, and the hashes that its tiles gain, each tile's in order."""
    added: dict[Tile, bytes] = {}

    def completed(subtree: Subtree, hashes: Sequence[Hash]) -> None:
        level, first = subtree
        if level % _HEIGHT == 0:
            for begin in range(first - first % WIDTH, first + len(hashes), WIDTH):
                part = hashes[max(begin - first, 0) : begin + WIDTH - first]
                added[level // _HEIGHT, begin // WIDTH] = b"".join(part)

    return Growth(peaks.grown(leaves, completed), added)
