"""The Merkle tree hash and audit path of RFC 6962, section 2.1, over SHA-256."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf, prefixed so that no node can be taken for it."""
    return sha256(b"\x00" + leaf).digest()


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """Return the tree hash of the ``leaves``' bytes, in their order."""
    if not leaves:
        return sha256(b"").digest()
    *_, (root,) = _levels(leaves)
    return root


def proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the hashes that lead from the leaf at ``index`` to the tree hash, the lowest first."""
    path = []
    for level in _levels(leaves):
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        index //= 2
    return path


def root_from_proof(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the tree hash to which ``path`` leads; None if it can't be a path of such a leaf.

    Args:
        leaf: the leaf's bytes.
        index: its place, from 0.
        size: how many leaves the tree has.
        path: as `proof` returns it.
    """
    if not 0 <= index < size:
        return None
    found, left = leaf_hash(leaf), list(reversed(path))
    while size > 1:
        if index ^ 1 < size:
            if not left:
                return None
            beside = left.pop()
            found = _node(beside, found) if index % 2 else _node(found, beside)
        index, size = index // 2, (size + 1) // 2
    return None if left else found


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _levels(leaves: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Yield the hashes from the leaves up to the root; one without a neighbour goes up as it is."""
    level = [leaf_hash(leaf) for leaf in leaves]
    yield level
    while len(level) > 1:
        paired = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(level) - len(level) % 2 :]
        yield level
