"""The cells of an export, whatever file they stand in, and what can't be read in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from eldermall.errors import FileUnreadable
from eldermall.texts import Text

LONGEST_LINE = 2**20
"""How many characters a line may have, and a row that goes over several lines."""

MOST_UNPACKED = 4 * 2**30
"""How many bytes of a packed text or sheet are unpacked."""

HEADER_WITHIN = 50
"""Among how many lines, from the top, the header is looked for."""

Progress = Callable[[int, int], None]
"""Told how many bytes of a file have been read, and how many there are."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A cell that holds nothing that may be taken.

    Args:
        wrong: what is wrong with it.
        right: what would be right.
    """

    wrong: Text
    right: Text


LOST_DIGITS = Text(
    "文件中已无法恢复：请从店铺后台重新导出，编号列设为文本",
    "the file can't give them back: export again from the shop, with ids as text",
)


class Digits(str):
    """A number of more than 15 digits, as the file has it: a program may have changed the last."""

    __slots__ = ()


Cell = str | datetime | Wrong
"""A text; a time as the file's own type, mostly without a zone; or why it is neither."""


class Raw(NamedTuple):
    """A row of an export: the line it begins in, and the cells of the columns that are wanted.

    ``joined``: its id is a merged cell that began in a row above; ``hidden``: nobody sees the row.
    """

    line: int
    cells: Sequence[Cell]
    joined: bool = False
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that can't be read.

    Args:
        line: the line it begins in, from 1.
        column: the column that is wrong, ``""`` if it is the whole row.
        wrong: what is wrong.
        right: what would be right.
    """

    line: int
    column: str
    wrong: Text
    right: Text

    def as_json(self) -> dict[str, Any]:
        """Return the fields, texts in both languages."""
        return {
            "what": "unreadable", "line": self.line, "column": self.column,
            "wrong": {"zh": self.wrong.zh, "en": self.wrong.en},
            "right": {"zh": self.right.zh, "en": self.right.en},
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a file is wanted, and how it is written; an empty text is found out.

    Args:
        names: the columns.
        id: the column whose merged cells make one order of several rows.
        encoding: of text.
        delimiter: between cells of text.
        sheet: of a workbook.
    """

    names: tuple[str, ...]
    id: str
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""


def plain_name(name: str) -> str:
    """Return the name of a column without the blanks that nobody sees."""
    return " ".join(undressed(name).replace("\ufeff", "").replace("\u200b", "").split())


def undressed(cell: str) -> str:
    """Return a cell without what keeps spreadsheets from taking it for a number.

    ``="0123"`` is 0123, and so are ``'0123`` and a trailing tab.
    """
    cell = cell.strip()
    if cell.startswith('="') and cell.endswith('"') and len(cell) > 2:
        return cell[2:-1].strip()
    if cell[:1] in ("'", "`") and cell[1:2].isalnum():
        return cell[1:]
    return cell


def loads(text: str) -> Any:
    """Return what a JSON text holds.

    Raises:
        Twice: a key stands twice in an object.
        ValueError: it is no JSON.
        RecursionError: it is nested too deep.
    """
    return json.loads(text, object_pairs_hook=_once)


class Twice(Exception):
    """A key that stands twice in a JSON object."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.wrong = Text(f"键 {key!r} 出现两次", f"the key {key!r} stands twice")
        self.right = Text("每个键只写一次", "write each key once")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set[str]()
        for key, _ in pairs:
            if key in seen:
                raise Twice(key)
            seen.add(key)
    return found


def too_large(path: object, most: int) -> FileUnreadable:
    """Return the error of a file of more than ``most`` bytes that must be held whole."""
    return unreadable(
        path, f"超过 {most // 2**20} MiB，请另存为 .xlsx",
        f": more than {most // 2**20} MiB; save it as .xlsx",
    )


def unreadable(path: object, zh: str, en: str) -> FileUnreadable:
    """Return the error of a file that can't be read; its name stands before both texts."""
    return FileUnreadable(Text(f"{path} {zh}", f"{path}{en}"))
