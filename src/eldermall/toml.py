"""TOML files that people write: read whole, or the error says why not."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eldermall.errors import EldermallError, FileUnreadable
from eldermall.texts import Text

LARGEST = 1 << 20
"""Bytes of such a file at most."""

_INTEGERS = range(-(2**63), 2**63)
"""What every reader of TOML must take; thousands of digits Python wouldn't even print."""


def read_toml(
    path: Path, what: str, damaged: type[EldermallError] = FileUnreadable
) -> dict[str, Any]:
    """Return what a TOML file holds.

    Args:
        path: the file, of up to a mebibyte.
        what: what such a file is called in Chinese.
        damaged: the error of one that is no TOML.

    Raises:
        FileUnreadable: there is no such file, or it can't be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise FileUnreadable(
            Text(f"无法读取{what} {path}：{error.strerror}", f"can't read {path}: {error.strerror}")
        ) from error
    if len(content) > LARGEST:
        raise FileUnreadable(
            Text(
                f"{what} {path} 超过 1 MiB，不是手写的文件",
                f"{path} is larger than 1 MiB; people don't write such files",
            )
        )
    try:
        found = tomllib.loads(content.decode("utf-8-sig"))
        wrong = next((name for name, number in _integers(found) if number not in _INTEGERS), None)
    except RecursionError:
        zh, en = "嵌套过深", "it is nested too deeply"
    except ValueError as error:  # no TOML, no UTF-8, or an integer of thousands of digits
        zh = en = str(error)
    else:
        if wrong is None:
            return found
        zh = f"{wrong} 的整数超过 64 位"
        en = f"{wrong} is an integer of more than 64 bits"
    raise damaged(Text(f"{path} 不是有效的 TOML：{zh}", f"{path} is not valid TOML: {en}"))


def _integers(found: object, name: str = "") -> Iterator[tuple[str, int]]:
    """Yield each integer in ``found`` with the keys that lead to it."""
    if isinstance(found, int):
        yield name, found
    elif isinstance(found, Mapping):
        for key, value in found.items():
            yield from _integers(value, f"{name}.{key}" if name else key)
    elif isinstance(found, list):
        for value in found:
            yield from _integers(value, name)
