"""Roots in a file: one JSON line each, in order, flushed to the disk; and reading them back."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from eldermall.adapters.roots.ed25519 import opened, public_key
from eldermall.contracts.events import SealedRoot
from eldermall.errors import FileUnreadable
from eldermall.hooks import hookimpl
from eldermall.texts import Text


class RootsFile:
    """A plugin that appends each sealed root to a file, once.

    Args:
        path: the file; made if it isn't there. One file for one mall.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.name = name_of(path)
        self._lines = Lines(self.path)

    @hookimpl
    def eldermall_root(self, root: SealedRoot) -> None:
        """Append ``root`` unless it stands there."""
        self._lines.append(root.body)


def name_of(path: str | Path) -> str:
    """Return the name under which a file gets roots: another file, another name."""
    place = Path(path).absolute()
    return f"{place.name[:40]}-{sha256(bytes(place)).hexdigest()[:8]}"


class Lines:
    """A file of lines, of which none is appended that stands there.

    Args:
        path: the file; made with the first line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._there: set[bytes] = set()
        self._read = 0

    def append(self, text: bytes) -> None:
        """Append a line, unless it stands there, and flush it to the disk."""
        with self._path.open("ab+") as file:
            if file.seek(0, os.SEEK_END) < self._read:  # another file of that name
                self._there, self._read = set(), 0
            file.seek(self._read)
            *lines, half = file.read().split(b"\n")
            self._there.update(sha256(line).digest() for line in lines)
            self._read += sum(len(line) + 1 for line in lines)
            if sha256(text).digest() not in self._there:
                file.write(b"\n" * bool(half) + text + b"\n")  # a crash may have left half a line
                file.flush()
                os.fsync(file.fileno())


@dataclass(frozen=True, slots=True)
class KeptRoot:
    """A root as it is kept outside the database.

    Args:
        line: the number of its line.
        body: the root's bytes; empty if its signature is wrong.
        key: the public key that signed it; None if it isn't signed, empty if it is signed wrongly.
    """

    line: int
    body: bytes
    key: bytes | None = None

    def fault(self, wanted: bytes | None) -> tuple[str, Text] | None:
        """Say why this root proves nothing: a code and words; None if it does prove something.

        Args:
            wanted: the public key that must have signed it, if any.
        """
        zh, en = f"第 {self.line} 行的封存根", f"the root in line {self.line}"
        if self.key == b"":
            return "signature", Text(f"{zh}签名错误", f"{en} has a wrong signature")
        if wanted is None or self.key == wanted:
            return None
        if self.key is None:
            return "unsigned", Text(f"{zh}没有签名", f"{en} isn't signed")
        words = Text(f"{zh}并非由所给公钥签名", f"{en} isn't signed by the key that was given")
        return "key", words


def kept_roots(path: str | Path) -> list[KeptRoot]:
    """Return the roots in the file ``path``, plain and signed; half lines are passed over.

    Raises:
        FileUnreadable: there is no such file, what it holds are no roots, or some are signed and
            ``eldermall[sign]`` isn't installed.
    """
    try:
        lines = Path(path).read_bytes().splitlines()
    except OSError as error:
        raise FileUnreadable(
            Text(f"无法读取封存根文件 {path}：{error}", f"can't read the roots in {path}: {error}")
        ) from error
    roots = [kept for number, line in enumerate(lines, 1) if (kept := _kept(number, line))]
    if lines and not roots:
        raise FileUnreadable(Text(f"{path} 中没有封存根", f"{path} holds no root"))
    return roots


def read_roots(path: str | Path, key: str | Path | None = None) -> list[bytes]:
    """Return the roots' bytes in the file ``path``, plain and signed; half lines are passed over.

    Args:
        path: the file.
        key: the PEM file of the public key that must have signed every one of them.

    Raises:
        FileUnreadable: there is no such file, what it holds are no roots, a signature is wrong or
            not by ``key``, or ``eldermall[sign]`` is needed and isn't installed.
    """
    wanted = None if key is None else public_key(key)
    roots = kept_roots(path)
    for root in roots:
        if fault := root.fault(wanted):
            _, text = fault
            raise FileUnreadable(Text(f"{path}：{text.zh}", f"{path}: {text.en}"))
    return [root.body for root in roots]


def _kept(number: int, line: bytes) -> KeptRoot | None:
    try:
        fields: Any = json.loads(line)
    except (ValueError, RecursionError):  # half a line
        return None
    if not isinstance(fields, dict):
        return None
    if "root" in fields:
        return KeptRoot(number, *(opened(fields) or (b"", b"")))
    return KeptRoot(number, line) if {"mall", "number", "tree"} <= fields.keys() else None
