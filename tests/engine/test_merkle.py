"""The audit path: from every leaf of a tree to its hash, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from eldermall.engine.merkle import proof, root_from_proof, tree_hash
from tests import shop

SIZES = range(1, 71)


def by_the_book(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1, word by word."""
    n = len(leaves)
    if n == 1:
        return []
    k = 1
    while k * 2 < n:
        k *= 2
    if index < k:
        return [*by_the_book(index, leaves[:k]), tree_hash(leaves[k:])]
    return [*by_the_book(index - k, leaves[k:]), tree_hash(leaves[:k])]


def leaves_of(size: int) -> list[bytes]:
    return [bytes([number]) for number in range(size)]


def places() -> Iterator[tuple[list[bytes], int]]:
    """Yield the leaves of every tree, and every place in it."""
    for size in SIZES:
        leaves = leaves_of(size)
        yield from ((leaves, index) for index in range(size))


def test_every_path_is_that_of_rfc_6962_and_leads_to_the_tree_hash() -> None:
    for leaves, index in places():
        with shop.telling(f"{index} of {len(leaves)}"):
            path = proof(leaves, index)
            assert path == by_the_book(index, leaves)
            assert root_from_proof(leaves[index], index, len(leaves), path) == tree_hash(leaves)


def test_a_path_serves_no_other_leaf_place_or_length() -> None:
    for leaves, index in places():
        with shop.telling(f"{index} of {len(leaves)}"):
            leaf, size, tree = leaves[index], len(leaves), tree_hash(leaves)
            path = proof(leaves, index)
            others = [n for n in range(-1, size + 2) if n != index]
            assert tree not in [root_from_proof(leaf, n, size, path) for n in others]
            assert root_from_proof(leaf + b"x", index, size, path) != tree
            assert root_from_proof(leaf, index, size, [*path, tree]) is None
            for gone in range(len(path)):
                assert root_from_proof(leaf, index, size, path[:gone] + path[gone + 1 :]) != tree


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=300, unique=True), st.data())
def test_an_altered_leaf_step_or_place_leads_elsewhere(
    leaves: list[bytes], data: st.DataObject
) -> None:
    tree, size = tree_hash(leaves), len(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = proof(leaves, index)
    assert root_from_proof(leaves[index], index, size, path) == tree
    other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index) | st.just(-1))
    assert root_from_proof(leaves[index], other, size, path) != tree
    assert root_from_proof(leaves[other], index, size, path) != tree or leaves[other] == (
        leaves[index]
    )
    if path:
        step = data.draw(st.integers(0, len(path) - 1))
        altered = [*path]
        altered[step] = sha256(altered[step]).digest()
        assert root_from_proof(leaves[index], index, size, altered) != tree


def test_a_node_cannot_be_passed_off_as_a_leaf() -> None:
    left, right = b"left", b"right"
    node = b"".join(sha256(b"\x00" + leaf).digest() for leaf in (left, right))
    assert root_from_proof(node, 0, 1, []) != tree_hash([left, right])
