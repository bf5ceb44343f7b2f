"""Roots in a file: one JSON line each, in order, flushed to the disk."""

from __future__ import annotations

import json
import os
from pathlib import Path

from eldermall.contracts.events import SealedRoot
from eldermall.errors import FileUnreadable
from eldermall.hooks import hookimpl
from eldermall.texts import Text


class RootsFile:
    """A plugin that appends each sealed root to a file; one handed over again may stand twice.

    Args:
        path: the file; made if it isn't there. One file for one mall.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @hookimpl
    def eldermall_root(self, root: SealedRoot) -> None:
        """Append ``root`` unless it is the last that stands there."""
        line = root.body + b"\n"
        with self.path.open("ab+") as file:
            file.seek(-min(len(line), file.seek(0, os.SEEK_END)), os.SEEK_END)
            tail = file.read()
            if tail != line:
                half = tail[-1:] not in (b"", b"\n")  # a crash left half a line
                file.write(b"\n" * half + line)
                file.flush()
                os.fsync(file.fileno())


def read_roots(path: str | Path) -> list[bytes]:
    """Return the roots in the file ``path``; half lines that a crash left are passed over.

    Raises:
        FileUnreadable: there is no such file, or what it holds are no roots.
    """
    try:
        lines = Path(path).read_bytes().splitlines()
    except OSError as error:
        raise FileUnreadable(
            Text(f"无法读取封存根文件 {path}：{error}", f"can't read the roots in {path}: {error}")
        ) from error
    roots = [line for line in lines if _is_root(line)]
    if lines and not roots:
        raise FileUnreadable(Text(f"{path} 中没有封存根", f"{path} holds no root"))
    return roots


def _is_root(line: bytes) -> bool:
    try:
        fields = json.loads(line)
    except ValueError:
        return False
    return isinstance(fields, dict) and {"mall", "number", "tree"} <= fields.keys()
