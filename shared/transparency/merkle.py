"""The Merkle tree of RFC 6962, section 2.1: hashes, peaks, which subtrees a proof needs, and proofs checked.

A leaf at index i (from 0) of a tree of n leaves. A complete subtree (level, index) covers the 2**level leaves from index · 2**level on,
so that its hash never changes once it is full: trees are kept as such hashes, and everything else is computed from them.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Hash = bytes
Subtree = tuple[int, int]
"""Level and index of a complete subtree."""


def leaf_hash(data: bytes) -> Hash:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: Hash, right: Hash) -> Hash:
    return hashlib.sha256(b"\x01" + left + right).digest()


def complete_subtrees(begin: int, end: int) -> list[Subtree]:
    """Returns the largest complete subtrees that together cover the leaves from `begin` up to but without `end`, left to right.

    `begin` must be a multiple of the largest power of two that is not above `end - begin`, as it is for every node of a tree.
    """
    found = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        found.append((level, begin >> level))
        begin += 1 << level
    return found


def joined(hashes: Sequence[Hash]) -> Hash:
    """Returns the hash over complete subtrees that stand side by side, each smaller than the one to its left."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def complete_root(hashes: Sequence[Hash]) -> Hash:
    """Returns the hash of a complete subtree from all its nodes of one level; their number is a power of two."""
    row = list(hashes)
    while len(row) > 1:
        row = _paired(row)
    return row[0]


@dataclass(frozen=True, slots=True)
class Peaks:
    """All that is needed of a tree to let it grow: how many leaves it has, and its complete subtrees, largest first."""

    size: int = 0
    hashes: tuple[Hash, ...] = ()

    @property
    def root(self) -> Hash:
        return joined(self.hashes)

    def grown(self, leaves: Iterable[Hash], completed: Callable[[Subtree, Sequence[Hash]], object] | None = None) -> "Peaks":
        """Returns the peaks after these leaves; tells `completed` of what became complete on each level: the first, and all their hashes.

        Level by level, which takes half the time that leaf by leaf does.
        """
        row, level = list(leaves), 0
        after = Peaks(self.size + len(row))
        peaks = dict(zip(self._levels(), self.hashes, strict=True))
        while row:
            first = self.size >> level
            if completed is not None:
                completed((level, first), row)
            if first % 2:  # what stood alone on this level stands to the left of the first
                row.insert(0, peaks.pop(level))
            if len(row) % 2:
                peaks[level] = row[-1]
            row, level = _paired(row), level + 1
        return replace(after, hashes=tuple(peaks[level] for level in after._levels()))

    def _levels(self) -> list[int]:
        """Returns the levels of the peaks, the highest first."""
        return [level for level in reversed(range(self.size.bit_length())) if self.size >> level & 1]


def _paired(row: Sequence[Hash]) -> list[Hash]:
    """Returns the hashes over each two that stand side by side; one that is left over stands for itself elsewhere."""
    return list(map(node_hash, row[::2], row[1::2]))


Range = tuple[int, int]
"""Leaves from the first up to but without the second."""


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Returns what the audit path of a leaf hashes (RFC 6962, 2.1.1), from the leaf up: the ranges of leaves below each node."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not within a tree of {size}")
    path: list[Range] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((begin, middle))
            begin = middle
    return path[::-1]


def node_ranges(node: Range, size: int) -> list[Range]:
    """Returns what the audit path of a node hashes, from the node up; `node` is the leaves below it."""
    return [each for each in inclusion_ranges(node[0], size) if each[0] >= node[1] or each[1] <= node[0]]


def root_from_node(node: Range, size: int, found: Hash, path: Sequence[Hash]) -> Hash | None:
    """Returns the root that the audit path of a node leads to; None where it has not the length it must have."""
    if not 0 <= node[0] < node[1] <= size:
        return None
    ranges = node_ranges(node, size)
    if len(ranges) != len(path):
        return None
    for each, sibling in zip(ranges, path, strict=True):
        found = node_hash(found, sibling) if each[0] > node[0] else node_hash(sibling, found)
    return found


def consistency_ranges(old: int, new: int) -> list[Range]:
    """Returns the ranges that the proof of consistency between two sizes hashes (RFC 6962, 2.1.2), in the proof's order."""
    if not 0 < old <= new:
        raise ValueError(f"there is no proof from {old} to {new} leaves: the first must be 1 or more, and not above the second")
    path: list[Range] = []
    begin, end, whole = 0, new, True
    while old != end:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((begin, middle))
            begin, whole = middle, False
    if not whole:
        path.append((begin, end))
    return path[::-1]


def root_from_inclusion(index: int, size: int, leaf: Hash, path: Sequence[Hash]) -> Hash | None:
    """Returns the root that an audit path leads to (RFC 9162, 2.1.3.2); None where it has not the length it must have."""
    if not 0 <= index < size:
        return None
    place, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            root = node_hash(sibling, root)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        place, last = place >> 1, last >> 1
    return root if last == 0 else None


def is_consistent(old: int, new: int, roots: tuple[Hash, Hash], path: Sequence[Hash]) -> bool:
    """Tells whether a proof shows that the tree of `old` leaves is how the one of `new` began (RFC 9162, 2.1.4.2)."""
    if old == new:
        return not path and roots[0] == roots[1]
    if not 0 < old < new or not path:
        return False
    rest = list(path) if old & (old - 1) else [roots[0], *path]
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = rest[0]
    for sibling in rest[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and before == roots[0] and after == roots[1]


def _split(count: int) -> int:
    """Returns the largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)
