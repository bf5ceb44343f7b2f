"""The Merkle tree hash of RFC 6962, section 2.1, over SHA-256."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf, prefixed so that no node can be taken for it."""
    return sha256(b"\x00" + leaf).digest()


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """Return the tree hash of the ``leaves``' bytes, in their order."""
    if not leaves:
        return sha256(b"").digest()
    level = [leaf_hash(leaf) for leaf in leaves]
    while len(level) > 1:
        paired = [
            sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)
        ]
        level = paired + level[len(level) - len(level) % 2 :]
    return level[0]
