"""Roots in a file, each signed: whoever reads it later knows that the key's holder wrote it."""

from __future__ import annotations

from pathlib import Path

from eldermall.adapters.roots.ed25519 import enclosed, private_key
from eldermall.adapters.roots.file import Lines, name_of
from eldermall.contracts.events import SealedRoot
from eldermall.hooks import hookimpl


class SignedRootsFile:
    """A plugin that appends each sealed root to a file, in an envelope with its signature.

    Args:
        path: the file; made if it isn't there. One file for one mall.
        key: the private key's PEM file, unencrypted, read once.

    Raises:
        FileUnreadable: the key can't be used, or ``eldermall[sign]`` isn't installed.
    """

    def __init__(self, path: str | Path, key: str | Path) -> None:
        self.path = Path(path)
        self.name = name_of(path)
        self._lines = Lines(self.path)
        self._key = private_key(key)

    @hookimpl
    def eldermall_root(self, root: SealedRoot) -> None:
        """Append ``root`` unless it stands there."""
        self._lines.append(enclosed(root.body, self._key))
