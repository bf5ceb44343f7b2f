"""The rows of a sheet of Office Open XML, made out of its elements."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from eldermall.reports.sources.cells import Cell
from eldermall.reports.sources.numbers import (
    NO_DATE,
    NOT_COMPUTED,
    date_of,
    error_of,
    float_of,
    number_of,
    time_of,
)
from eldermall.reports.sources.sheets import MOST_COLUMNS, SheetRow

_LONGEST_CELL = 131_072
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


def decoded(text: str) -> str:
    """Return a text with the signs that XML can't hold, which stand as _x000D_."""
    return _ESCAPED.sub(lambda m: chr(int(m[1], 16)), text) if "_x" in text else text


def column_of(letters: str) -> int:
    """Return the number of a column, from 0."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


class SheetReader:
    """Makes rows out of the elements of a sheet; ``done`` are those that have ended."""

    def __init__(
        self, strings: Sequence[str], dates: Sequence[bool], *, since_1904: bool
    ) -> None:
        self._strings, self._dates, self._1904 = strings, dates, since_1904
        self._read: Mapping[str, Callable[[str], Cell]] = {
            "s": self._shared, "str": decoded, "inlineStr": decoded, "e": error_of,
            "b": lambda text: "TRUE" if text == "1" else "FALSE", "d": time_of,
        }
        self._columns: dict[str, int] = {}
        self.done: list[SheetRow] = []
        self._line = 0
        self._column = -1
        self._cells: dict[int, Cell] = {}
        self._hidden = False
        self._type = self._style = ""
        self._parts: list[str] = []
        self._takes = self._formula = self._phonetic = False
        self._size = 0

    def begun(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take the beginning of an element."""
        if name == "c":
            reference = attributes.get("r")
            self._column = self._column + 1 if reference is None else self._place(reference)
            self._type = attributes.get("t", "n")
            self._style = attributes.get("s", "")
            self._formula = False
            self._parts.clear()
            self._size = 0
        elif name == "v" or (name == "t" and not self._phonetic):
            self._takes = True
        elif name == "f":
            self._formula = True
        elif name == "row":
            number = attributes.get("r", "")
            self._line = int(number) if number.isdecimal() else self._line + 1
            self._hidden = attributes.get("hidden") in ("1", "true")
            self._column, self._cells = -1, {}
        elif name == "rPh":
            self._phonetic = True

    def text(self, data: str) -> None:
        """Take a text, where it is one of a cell's value."""
        if self._takes and self._size < _LONGEST_CELL:
            self._parts.append(data)
            self._size += len(data)

    def ended(self, name: str) -> None:
        """Take the end of an element."""
        if name in ("v", "t"):
            self._takes = False
        elif name == "c":
            value = self._value("".join(self._parts))
            if value != "" and self._column < MOST_COLUMNS:
                self._cells[self._column] = value
        elif name == "row":
            if self._cells:
                self.done.append(SheetRow(self._line, self._cells, self._hidden))
        elif name == "rPh":
            self._phonetic = False

    def _place(self, reference: str) -> int:
        letters = reference.rstrip("0123456789")
        known = self._columns.get(letters)
        if known is None:
            plain = letters.isascii() and letters.isalpha() and len(letters) <= 3
            known = self._columns[letters] = column_of(letters) if plain else MOST_COLUMNS
        return known

    def _value(self, text: str) -> Cell:
        kind = self._type
        if not text:
            # a formula may well give an empty text
            return NOT_COMPUTED if self._formula and kind != "str" else ""
        return self._read.get(kind, self._number)(text)

    def _shared(self, text: str) -> Cell:
        index = int(text) if text.isdecimal() and len(text) < 10 else -1
        return self._strings[index] if 0 <= index < len(self._strings) else ""

    def _number(self, text: str) -> Cell:
        style = int(self._style) if self._style.isdecimal() and len(self._style) < 7 else 0
        number = float_of(text)
        if number is None:
            return text
        if self._formula and number == 0:
            return NO_DATE
        if style < len(self._dates) and self._dates[style]:
            return date_of(number, since_1904=self._1904)
        return number_of(text)
