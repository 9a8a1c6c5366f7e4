"""Merkle trees against the vectors of Certificate Transparency, and proofs that hold for every size and for no other tree."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.transparency.merkle import (
    EMPTY_ROOT,
    Hash,
    Peaks,
    Subtree,
    complete_root,
    complete_subtrees,
    consistency_ranges,
    inclusion_ranges,
    is_consistent,
    joined,
    leaf_hash,
    node_ranges,
    root_from_inclusion,
    root_from_node,
)

# The eight leaves and the roots over the first one to eight of them with which implementations of RFC 6962 are tested
# (google/certificate-transparency, merkletree tests).
LEAVES = [
    bytes.fromhex(each) for each in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
sizes = st.integers(1, 300)


def hashes(count: int) -> list[Hash]:
    return [leaf_hash(b"%d" % number) for number in range(count)]


def range_hash(leaves: list[Hash], begin: int, end: int) -> Hash:
    """By the definition (RFC 6962, 2.1), which is slow and short."""
    if end - begin == 1:
        return leaves[begin]
    middle = begin + (1 << (end - begin - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + range_hash(leaves, begin, middle) + range_hash(leaves, middle, end)).digest()


@pytest.mark.parametrize("count", range(1, 9))
def test_the_published_roots_come_out(count: int) -> None:
    assert Peaks().grown(leaf_hash(each) for each in LEAVES[:count]).root.hex() == ROOTS[count - 1]


def test_an_empty_tree_has_the_hash_of_nothing_as_root() -> None:
    assert Peaks().root == EMPTY_ROOT == bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")


@given(sizes, sizes)
def test_a_tree_that_grows_in_parts_has_the_root_of_the_definition(first: int, second: int) -> None:
    leaves = hashes(first + second)
    grown = Peaks().grown(leaves[:first]).grown(leaves[first:])
    assert grown.root == range_hash(leaves, 0, first + second)
    assert grown == Peaks().grown(leaves)


@given(sizes, sizes)
def test_every_complete_subtree_is_told_once_with_its_hash_however_the_tree_grew(count: int, cut: int) -> None:
    told: dict[Subtree, Hash] = {}
    leaves = hashes(count)

    def completed(first: Subtree, found: Sequence[Hash]) -> None:
        for index, each in enumerate(found, first[1]):
            assert (first[0], index) not in told
            told[first[0], index] = each

    Peaks().grown(leaves[:cut], completed).grown(leaves[cut:], completed)
    assert set(told) == {(level, index) for level in range(10) for index in range(count >> level)}
    for (level, index), found in told.items():
        assert found == complete_root(leaves[index << level : (index + 1) << level])


@given(st.data())
def test_an_audit_path_leads_from_its_leaf_to_the_root(data: st.DataObject) -> None:
    size = data.draw(sizes)
    index = data.draw(st.integers(0, size - 1))
    leaves = hashes(size)
    path = [range_hash(leaves, *each) for each in inclusion_ranges(index, size)]
    root = range_hash(leaves, 0, size)
    assert root_from_inclusion(index, size, leaves[index], path) == root
    other = data.draw(st.integers(0, size - 1).filter(lambda each: each != index)) if size > 1 else index
    if other != index:
        assert root_from_inclusion(other, size, leaves[index], path) != root
        assert root_from_inclusion(index, size, leaves[other], path) != root
    assert root_from_inclusion(index, size, leaves[index], [*path, leaves[0]]) != root
    assert root_from_inclusion(index, size, leaves[index], path[:-1]) != root or not path


@given(st.data())
def test_the_audit_path_of_a_node_leads_from_the_hash_over_its_leaves_to_the_root(data: st.DataObject) -> None:
    size = data.draw(sizes)
    leaves = hashes(size)
    width = 1 << data.draw(st.integers(0, 5))
    begin = data.draw(st.integers(0, (size - 1) // width)) * width
    node = begin, min(begin + width, size)
    path = [range_hash(leaves, *each) for each in node_ranges(node, size)]
    root = range_hash(leaves, 0, size)
    assert root_from_node(node, size, range_hash(leaves, *node), path) == root
    assert root_from_node(node, size, leaf_hash(b"forged"), path) != root
    assert root_from_node(node, size, range_hash(leaves, *node), [*path, root]) is None
    assert root_from_node((begin, size + 1), size, range_hash(leaves, *node), path) is None


@given(st.data())
def test_the_ranges_of_a_proof_are_made_of_complete_subtrees(data: st.DataObject) -> None:
    size = data.draw(sizes)
    leaves = hashes(size)
    for begin, end in inclusion_ranges(data.draw(st.integers(0, size - 1)), size):
        parts = [complete_root(leaves[index << level : (index + 1) << level]) for level, index in complete_subtrees(begin, end)]
        assert joined(parts) == range_hash(leaves, begin, end)


@pytest.mark.parametrize("new", range(1, 40))
def test_a_consistency_proof_between_any_two_sizes_holds_and_holds_for_no_other_tree(new: int) -> None:
    leaves = hashes(new)
    roots = [range_hash(leaves, 0, size) for size in range(1, new + 1)]
    for old in range(1, new + 1):
        path = [range_hash(leaves, *each) for each in consistency_ranges(old, new)]
        assert is_consistent(old, new, (roots[old - 1], roots[-1]), path)
        forged = leaf_hash(b"forged")
        assert not is_consistent(old, new, (forged, roots[-1]), path)
        assert not is_consistent(old, new, (roots[old - 1], forged), path)
        for place in range(len(path)):
            assert not is_consistent(old, new, (roots[old - 1], roots[-1]), [*path[:place], forged, *path[place + 1 :]])
            assert not is_consistent(old, new, (roots[old - 1], roots[-1]), [*path[:place], *path[place + 1 :]])
        assert not is_consistent(old, new, (roots[old - 1], roots[-1]), [*path, forged])


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3), (-1, 2)])
def test_there_is_no_consistency_proof_beyond_the_tree(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="there is no proof"):
        consistency_ranges(old, new)
    assert not is_consistent(old, new, (EMPTY_ROOT, EMPTY_ROOT), [])


@pytest.mark.parametrize("index", [-1, 5])
def test_there_is_no_audit_path_of_a_leaf_beyond_the_tree(index: int) -> None:
    with pytest.raises(ValueError, match="not within a tree of 5"):
        inclusion_ranges(index, 5)
    assert root_from_inclusion(index, 5, EMPTY_ROOT, []) is None
