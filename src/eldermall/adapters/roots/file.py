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
            if file.read() != line:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())


def read_roots(path: str | Path) -> list[bytes]:
    """Return the roots in the file ``path``.

    Raises:
        FileUnreadable: there is no such file, or a line of it is no root.
    """
    try:
        lines = Path(path).read_bytes().splitlines()
    except OSError as error:
        raise FileUnreadable(
            Text(f"无法读取封存根文件 {path}：{error}", f"can't read the roots in {path}: {error}")
        ) from error
    for number, line in enumerate(lines, 1):
        if not _is_root(line):
            raise FileUnreadable(
                Text(f"{path} 第 {number} 行不是封存根", f"line {number} of {path} is no root")
            )
    return lines


def _is_root(line: bytes) -> bool:
    try:
        fields = json.loads(line)
    except ValueError:
        return False
    return isinstance(fields, dict) and {"mall", "number", "tree"} <= fields.keys()
