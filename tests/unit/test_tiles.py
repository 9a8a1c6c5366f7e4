"""Tiles: whatever a proof needs of a tree is computed from them, however the tree grew."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.transparency.merkle import (
    Peaks,
    consistency_ranges,
    inclusion_ranges,
    is_consistent,
    leaf_hash,
    root_from_inclusion,
)
from shared.transparency.tiles import WIDTH, Tile, grown, length_of, range_hash, tiles_of

COUNT = 70_000  # leaves: more than 256 tiles of them, so that a second level has two tiles and a third one
LEAVES = [leaf_hash(b"%d" % number) for number in range(COUNT)]


def tiles_after(cuts: list[int]) -> tuple[Peaks, dict[Tile, bytes]]:
    """Grows a tree in parts that end at these sizes, and puts together what its tiles gained."""
    peaks, tiles = Peaks(), dict[Tile, bytes]()
    for begin, end in pairwise([0, *cuts]):
        growth = grown(peaks, LEAVES[begin:end])
        peaks = growth.peaks
        for tile, hashes in growth.added.items():
            tiles[tile] = tiles.get(tile, b"") + hashes
    return peaks, tiles


PEAKS, TILES = tiles_after([COUNT])


def test_the_tiles_are_as_many_as_the_leaves_ask_for() -> None:
    assert {tile for tile in TILES if tile[0]} == {(1, 0), (1, 1), (2, 0)}
    assert len(TILES[1, 0]) == WIDTH * 32
    assert len(TILES[1, 1]) == (COUNT // WIDTH - WIDTH) * 32
    assert len(TILES[2, 0]) == 32


@settings(max_examples=8)  # each grows the whole tree
@given(st.lists(st.integers(0, COUNT), max_size=6).map(sorted))
def test_a_tree_has_the_same_tiles_however_it_grew(cuts: list[int]) -> None:
    assert tiles_after([*cuts, COUNT]) == (PEAKS, TILES)


@settings(max_examples=20)
@given(st.integers(0, COUNT))
def test_a_tile_is_as_long_as_its_place_in_the_tree_says(size: int) -> None:
    _, tiles = tiles_after([size])
    assert {tile: length_of(tile, size) * 32 for tile in TILES} == {tile: len(tiles.get(tile, b"")) for tile in TILES}


@given(st.data())
def test_every_inclusion_can_be_proved_at_every_size_from_few_tiles(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, COUNT))
    index = data.draw(st.integers(0, size - 1))
    ranges = inclusion_ranges(index, size)
    needed = tiles_of([*ranges, (0, size)])
    assert len(needed) <= 6
    path = [range_hash(each, {tile: TILES[tile] for tile in needed}) for each in ranges]
    assert root_from_inclusion(index, size, LEAVES[index], path) == range_hash((0, size), TILES)


@given(st.data())
def test_every_two_sizes_can_be_proved_consistent(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, COUNT))
    old = data.draw(st.integers(1, new))
    path = [range_hash(each, TILES) for each in consistency_ranges(old, new)]
    roots = range_hash((0, old), TILES), range_hash((0, new), TILES)
    assert is_consistent(old, new, roots, path)


def test_the_root_of_all_is_that_of_the_peaks() -> None:
    assert range_hash((0, COUNT), TILES) == PEAKS.root


def test_a_tile_that_was_cut_cannot_be_computed_from() -> None:
    with pytest.raises(ValueError, match="too few"):
        range_hash((0, 300), {tile: hashes[:-32] for tile, hashes in TILES.items()} | {(0, 1): TILES[0, 1][: 32 * 40]})
